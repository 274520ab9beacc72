/** Which workloads are chosen, by suite and by name. */
import assert from "node:assert/strict";
import { PartiError } from "../lib/errors.ts";
import { chooseWorkloads, loadWorkloads, ofSuite } from "./dst_workloads.ts";

Deno.test("a suite is the workloads whose names begin with it", async () => {
  const all = await loadWorkloads();
  const names = (suite?: string) => ofSuite(all, suite).map(({ name }) => name);
  assert.deepEqual(names(), all.map(({ name }) => name));
  assert.deepEqual(names("core"), ["core"]);
  assert.deepEqual(names("bus").slice(0, 5), [
    ...["bus-1-pair", "bus-2-network", "bus-3-storm", "bus-4-directory", "bus-5-chaos"],
  ]);
  assert.deepEqual(names("core").length + names("bus").length, all.length);
});

Deno.test("a suite or a workload that is none is told, with those there are", async () => {
  const all = await loadWorkloads();
  assert.throws(() => ofSuite(all, "bsu"), (error) => {
    assert.ok(error instanceof PartiError);
    assert.equal(error.message, 'there is no suite "bsu"');
    assert.equal(error.hint, "there are: core, bus");
    return true;
  });
  assert.throws(() => chooseWorkloads(ofSuite(all, "bus"), ["core"]), {
    message: 'there is no workload "core"',
  });
});
