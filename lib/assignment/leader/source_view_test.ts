import assert from "node:assert/strict";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import { partitions } from "./leader_rig_test.ts";
import type { Partition } from "../partition.ts";
import { type Snapshot, weightTable } from "../snapshot.ts";
import { SourceView } from "./source_view.ts";

function assigned(...ids: string[]): Snapshot {
  return {
    epoch: 1,
    generation: 1,
    leader: { worker: "worker-0", instance: "i0" },
    reason: "refresh",
    atMs: 0,
    workers: [{ id: "worker-0", instance: "i0", partitions: ids }],
    weights: weightTable([["b", 3]]),
  };
}

function rig() {
  const clock = new ManualClock();
  const state = {
    answer: (): Promise<readonly Partition[]> => Promise.resolve(partitions(2)),
    problems: [] as unknown[],
  };
  const view = new SourceView({
    source: { list: () => state.answer() },
    clock,
    timeoutMs: 5_000,
    allowEmpty: false,
    onProblem: (problem) => state.problems.push(problem),
  });
  return { clock, state, view };
}

Deno.test("source view: a term goes by what is assigned until the source has answered", async () => {
  const { view } = rig();
  assert.equal(view.known, false);
  const source = view.open(assigned("b", "a"));
  assert.equal(view.known, true);
  assert.deepEqual(source.partitions, [{ id: "a", weight: 1 }, { id: "b", weight: 3 }]);
  await source.refresh(true);
  assert.deepEqual(source.partitions.map(({ id }) => id), ["p0000", "p0001"]);
});

Deno.test("source view: a term knows nothing of an earlier one's answers", async () => {
  const { state, view } = rig();
  const first = view.open(assigned());
  await first.refresh(true);
  state.answer = () => Promise.reject(new Error("down"));
  const second = view.open(assigned("a"));
  await second.refresh();
  await settle();
  assert.deepEqual(second.partitions, [{ id: "a", weight: 1 }]);
  assert.equal(state.problems.length, 1);
});

Deno.test("source view: where nothing is assigned nothing is known before the first answer", async () => {
  const { state, view } = rig();
  state.answer = () => Promise.resolve([]);
  const source = view.open(assigned());
  await source.refresh(true);
  assert.equal(source.known, false);
  assert.equal(view.known, false);
});
