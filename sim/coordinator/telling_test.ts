import assert from "node:assert/strict";
import type { Stage } from "./stage.ts";
import { versionOf } from "./telling.ts";

Deno.test("the version of a server that is gone is known from before", () => {
  const nc: Pick<Stage["nc"], "info"> = {};
  assert.equal(versionOf({ nc }), "");
  Object.assign(nc, { info: { version: "2.15.1" } });
  assert.equal(versionOf({ nc }), "2.15.1");
  delete nc.info;
  assert.equal(versionOf({ nc }), "2.15.1");
});
