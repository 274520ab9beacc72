import assert from "node:assert/strict";
import type { Manager } from "../../lib/manager/manager.ts";
import { caseResults } from "../results/conclude.ts";
import { IDLE_CASE, measureRest } from "./idle.ts";

type Worker = Pick<Manager, "state" | "assignment">;

function worker(state: Worker["state"], generation: number, count: number): Worker {
  const partitions = Array.from({ length: count }, (_, n) => ({ keys: [String(n)] }));
  return { state, assignment: { generation, partitions } } as unknown as Worker;
}

/** Measures a group of which the second worker becomes another one meanwhile. */
async function problemsWith(...after: Worker[]): Promise<readonly string[]> {
  const workers = [worker("Stable", 7, 5), worker("Stable", 7, 5)];
  const { samples, problems } = await measureRest(workers, 10, () => {
    workers.splice(workers.length - after.length, after.length, ...after);
    return Promise.resolve({ durationMs: 1_000, messages: 2, bytes: 3, cpuMs: undefined });
  });
  assert.deepEqual(samples, [{ metric: "messages", value: 2 }, { metric: "bytes", value: 3 }]);
  return problems!;
}

Deno.test("idle: planted: a group that falls apart while it is measured does not pass as a cheap one", async () => {
  assert.deepEqual(await problemsWith(), []);
  const told = (what: string) => [`the group did not stay at rest: ${what}`];
  assert.deepEqual(await problemsWith(worker("Degraded", 7, 5)), told("a worker is Degraded"));
  assert.deepEqual(
    await problemsWith(worker("Stable", 8, 5)),
    told("generations 7 and 8 are followed"),
  );
  assert.deepEqual(
    await problemsWith(worker("Stable", 7, 4)),
    told("9 of 10 partitions are owned"),
  );
  assert.deepEqual(
    await problemsWith(worker("Stable", 8, 5), worker("Stable", 8, 5)),
    told("generation 7 became 8"),
  );
});

Deno.test("idle: a sanity check, of fewer workers, is not held to the bounds of a hundred", () => {
  const samples = IDLE_CASE.metrics.map(({ name }) => ({ metric: name, value: 1_000 }));
  const outcomes = [{ samples }];
  const measured = [{ stressCase: IDLE_CASE, outcomes, failures: [], loadAverages: [0] }];
  const holds = (quick: boolean) =>
    caseResults(measured, quick)[0]!.metrics.map((one) => one.holds);
  assert.deepEqual(holds(true), [undefined, undefined, undefined]);
  assert.deepEqual(holds(false), [false, undefined, false]);
});
