import assert from "node:assert/strict";
import { Poisonings } from "./poisonings.ts";

/** One watch of partition 3, and what came of it. */
function rig() {
  const poisonings = new Poisonings();
  const recovered: [number, number][] = [];
  poisonings.watch(3, (...what) => recovered.push(what));
  return { poisonings, recovered };
}

Deno.test("poisonings: from the first delivery of the poisoned message to the effect of the next one", () => {
  const { poisonings, recovered } = rig();
  for (const [sequence, startUs] of [[7, 500], [8, 1_000], [8, 2_000], [9, 4_000]] as const) {
    poisonings.began(3, sequence, startUs);
  }
  poisonings.effective(3, 7, 900);
  poisonings.deadLettered(3, 8);
  poisonings.effective(4, 99, 3_000);
  assert.deepEqual(recovered, [], "another partition's effect is not the next one");
  assert.ok(poisonings.partitions.has(3));
  poisonings.effective(3, 9, 5_000);
  poisonings.effective(3, 10, 6_000);
  assert.deepEqual(recovered, [[4_000, 5_000]]);
  assert.equal(poisonings.partitions.size, 0);
});

Deno.test("poisonings: reports that come after the effect are waited for", () => {
  const { poisonings, recovered } = rig();
  poisonings.deadLettered(3, 8);
  poisonings.effective(3, 9, 5_000);
  assert.deepEqual(recovered, []);
  poisonings.began(3, 9, 4_000);
  assert.deepEqual(recovered, []);
  poisonings.began(3, 8, 1_000);
  assert.deepEqual(recovered, [[4_000, 5_000]]);
});

Deno.test("poisonings: planted: a partition that stands still is never recovered", () => {
  const { poisonings, recovered } = rig();
  poisonings.began(3, 8, 1_000);
  poisonings.deadLettered(3, 8);
  assert.deepEqual(recovered, []);
  assert.ok(poisonings.partitions.has(3));
});
