import assert from "node:assert/strict";
import { orIfGone } from "./or_if_gone.ts";

Deno.test({
  name: "a process that ends while its file is read has gone, as one has that is not there",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    using file = Deno.openSync(`/proc/${child.pid}/status`);
    child.kill("SIGKILL");
    await child.status;
    assert.equal(orIfGone(() => file.readSync(new Uint8Array(1)), -1), -1);
    assert.equal(
      orIfGone(() => Deno.readTextFileSync(`/proc/${child.pid}/status`), "gone"),
      "gone",
    );
    assert.equal(orIfGone(() => Deno.kill(child.pid, "SIGKILL"), undefined), undefined);
  },
});

Deno.test("planted: whatever else fails is thrown", () => {
  assert.throws(() =>
    orIfGone(() => {
      throw new TypeError("a mistake");
    }, undefined), /a mistake/);
});
