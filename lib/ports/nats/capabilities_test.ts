import assert from "node:assert/strict";
import { capabilitiesOf } from "./capabilities.ts";

Deno.test("the table of capabilities follows the server's version", () => {
  const named = (version: string): string[] =>
    Object.entries(capabilitiesOf(version)).flatMap(([name, has]) => has === true ? [name] : []);
  assert.deepEqual(named("2.9.10"), []);
  assert.deepEqual(named("2.10.27"), ["multiFilter"]);
  assert.deepEqual(named("2.11.0"), ["multiFilter", "markers", "perKeyTtl"]);
  assert.deepEqual(named("v2.12.0-RC.3"), ["multiFilter", "markers", "perKeyTtl", "atomicBatch"]);
  assert.equal(named("2.15.1").length, 5);
  assert.equal(named("3.0.0").length, 5);
  for (const unreadable of ["", "dev", "latest"]) {
    assert.deepEqual(named(unreadable), []);
    assert.equal(capabilitiesOf(unreadable).version, "0.0.0");
  }
});
