import assert from "node:assert/strict";
import type { IntervalSet } from "../ledger/intervals.ts";
import { SimConsole } from "../console/status_line.ts";
import { encodeEffect } from "../streams/effect.ts";
import { encodeMessage } from "../streams/message.ts";
import type { Fleet } from "./fleet.ts";
import { TestFleet } from "./fleet_rig_test.ts";
import { RunState } from "./run_state.ts";
import { loadState, saveState } from "./saved_state.ts";

/** Where a cut lies between the two handlers of the story that were at work at once. */
const BETWEEN_TWO_HANDLERS = 7;

const nothingWaits = new Map<number, IntervalSet>();

function freshState(): RunState {
  const console = new SimConsole({
    write: () => {},
    terminal: false,
    color: false,
    columns: () => 80,
    now: () => new Date(0),
  });
  return new RunState([1, 1], () => new TestFleet() as unknown as Fleet, console);
}

/** What the server and the children say, with everything that can be wrong. */
function story(): ((state: RunState) => void)[] {
  let outputSequence = 0;
  const effect = (
    partition: number,
    sequence: number,
    worker: string,
    ms: number,
    startMs = ms - 1,
  ) => {
    const place = ++outputSequence;
    const data = encodeEffect({
      ...{ partition, sequence, publishedUs: (ms - 5) * 1_000, availableUs: (ms - 4) * 1_000 },
      ...{ acquiredUs: 0, startUs: startMs * 1_000, process: `${worker}#1`, instance: worker },
      ...{ epoch: 1, generation: 1, streamSequence: sequence, deliveryCount: 1 },
    });
    return (state: RunState) => state.takeEffect(data, ms * 1_000, place);
  };
  const handled =
    (sequence: number, worker: string, startMs: number, endMs: number) => (state: RunState) =>
      state.takeReport(`${worker}#1`, {
        kind: "delivered",
        delivery: {
          ...{ partition: 1, sequence, process: `${worker}#1`, instance: worker, epoch: 1 },
          ...{ generation: 1, streamSequence: sequence, deliveryCount: 1, outcome: "failed" },
          ...{ startUs: startMs * 1_000, endUs: endMs * 1_000 },
        },
      });
  const dead = (partitionId: number, partitionSequence: number, poisoned: boolean) => {
    const who = { producerId: "p", producerSequence: 1, timestampUs: 1, weight: 1 };
    const data = encodeMessage({ partitionId, partitionSequence, poisoned, ...who });
    return (state: RunState) => state.takeDeadLetter(data, 57_000);
  };
  return [
    (state) => state.takeReport("p#1", { kind: "sent", partition: 0, first: 1, last: 5 }),
    (state) => state.takeReport("p#1", { kind: "sent", partition: 1, first: 1, last: 3 }),
    (state) => state.takeReport("p#1", { kind: "uncertain", partition: 1, sequence: 4 }),
    (state) => state.takeReport("p#1", { kind: "uncertain", partition: 1, sequence: 5 }),
    effect(0, 1, "a", 10),
    effect(0, 3, "a", 20),
    handled(1, "a", 10, 90), // and another one at once:
    handled(1, "b", 20, 60),
    effect(0, 2, "a", 30), // out of order
    effect(0, 3, "a", 40), // twice
    effect(0, 4, "b", 50, 41),
    effect(0, 9, "b", 55), // never sent
    (state) => state.takeEffect(new Uint8Array([1]), 1, ++outputSequence), // nobody's
    effect(1, 1, "b", 60),
    (state) => void state.addPartitions([1], 50_000),
    (state) => state.takeReport("p#1", { kind: "sent", partition: 2, first: 1, last: 4 }),
    dead(2, 1, true),
    dead(2, 3, false), // given up, and passed over 2
    effect(2, 4, "b", 58),
    (state) => state.ledger.impairments.networkFailed("b#1", 1, 2),
    (state) => state.outage(61_000, 62_000),
    effect(1, 4, "b", 70),
    (state) => state.takeReport("b#1", { kind: "violation", message: "it broke" }),
    (state) => state.incidents.push("something happened"),
    (state) => state.doubts.push("who knows"),
  ];
}

function told(state: RunState): unknown {
  const { measurements, ledger, incidents, violations, doubts, outages } = state;
  return {
    totals: ledger.totals(nothingWaits),
    defects: ledger.defects(nothingWaits),
    latency: measurements.latency.percentiles(),
    said: { incidents, violations, doubts, outages },
    counts: [state.sent, state.effective, state.defects],
  };
}

Deno.test("saved state: a run that goes on from any moment finds what it would have found", () => {
  const whole = freshState();
  for (const step of story()) step(whole);
  const expected = told(whole);
  const { totals } = expected as { totals: Record<string, number> };
  for (
    const name of ["lost", "duplicateEffects", "outOfOrder", "unexpected", "unknown", "givenUp"]
  ) {
    assert.ok(totals[name]! > 0, name);
  }
  for (let cut = 0; cut <= story().length; cut++) {
    // Handlers are not in a checkpoint: one from before it is not compared with one from after it.
    if (cut === BETWEEN_TWO_HANDLERS) continue;
    const steps = story();
    const before = freshState();
    for (const step of steps.slice(0, cut)) step(before);
    const after = freshState();
    loadState(after, JSON.parse(JSON.stringify(saveState(before))), 0);
    for (const step of steps.slice(cut)) step(after);
    assert.deepEqual(told(after), expected, `cut before step ${cut}`);
  }
});

Deno.test("saved state: figures and moves go on, too", () => {
  const before = freshState();
  const { measurements, moves } = before;
  measurements.handoff.record(40_000);
  measurements.slowHandoffs.add(40_000, 1, 7, () => "a → b");
  measurements.recovery.fromKill.record(300_000);
  measurements.vacancies.durations.record(20_000);
  moves.count.total = 5;
  moves.weight.needed = 3;
  const after = freshState();
  loadState(after, JSON.parse(JSON.stringify(saveState(before))), 0);
  after.measurements.handoff.record(80_000);
  assert.deepEqual(after.measurements.handoff.percentiles(), {
    count: 2,
    p50: 40,
    p99: 80,
    max: 80,
  });
  assert.equal(after.measurements.recovery.fromKill.percentiles().max, 300);
  assert.equal(after.measurements.vacancies.durations.count, 1);
  assert.equal(after.measurements.slowHandoffs.items[0]!.who, "a → b");
  assert.deepEqual([after.moves.count.total, after.moves.weight.needed], [5, 3]);
});

Deno.test("saved state: partitions that came and went are known again", () => {
  const before = freshState();
  const [added] = before.addPartitions([4], 100);
  before.partitions.retire([0], 200);
  before.removePartitions([0], 300);
  const after = freshState();
  loadState(after, JSON.parse(JSON.stringify(saveState(before))), 0);
  assert.deepEqual(after.partitions.current, [1, added]);
  assert.deepEqual(after.partitions.weights, [0, 1, 4]);
  assert.deepEqual(after.partitions.counts, { added: 1, removed: 1 });
  assert.deepEqual(after.partitions.changes, before.partitions.changes);
  assert.deepEqual(after.partitions.life(added!).fromUs, 100);
  assert.equal(after.moves.totalWeight, 5);
});
