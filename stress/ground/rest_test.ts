import assert from "node:assert/strict";
import { rereadEveryMs } from "../../lib/assignment/assignment_follower.ts";
import { resolveConfig } from "../../lib/config/config.ts";
import { restWindowMs } from "./rest.ts";

Deno.test("rest: it is looked at for three whole periods at least in which every worker reads again", () => {
  for (const config of [{ group: "g" }, { group: "g", preset: "fast" } as const]) {
    const periods = restWindowMs(config) / rereadEveryMs(resolveConfig(config));
    assert.ok(periods >= 3 && Number.isInteger(periods), `${periods}`);
  }
  assert.notEqual(restWindowMs({ group: "g" }), restWindowMs({ group: "g", preset: "fast" }));
});
