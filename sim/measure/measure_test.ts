import assert from "node:assert/strict";
import type { Effect } from "../streams/effect.ts";
import { DurationHistogram } from "./histogram.ts";
import { Measurements } from "./measure.ts";
import type { Gone } from "./recovery.ts";

/** An effect; times in milliseconds: published, available 1 ms later, started, stored. Of a new generation unless told otherwise. */
function effect(
  worker: string,
  partition: number,
  publishedMs: number,
  startMs: number,
  storedMs: number,
  changes: Partial<Effect> = {},
): Effect {
  return {
    partition,
    sequence: 1,
    publishedUs: publishedMs * 1_000,
    availableUs: (publishedMs + 1) * 1_000,
    acquiredUs: 0,
    startUs: startMs * 1_000,
    storedUs: storedMs * 1_000,
    process: `${worker}#1`,
    instance: worker,
    epoch: 1,
    generation: 2,
    streamSequence: 1,
    deliveryCount: 1,
    outputSequence: 1,
    ...changes,
  };
}

/** A worker that has gone under generation 1. */
function gone(
  process: string,
  atUs: number,
  partitions: readonly number[],
  how: Gone["how"] = "killed",
): Gone {
  return { process, atUs, partitions, how, epoch: 1, generation: 1 };
}

Deno.test("histograms: percentiles in milliseconds, nothing for nothing, no negative time", () => {
  const histogram = new DurationHistogram();
  assert.deepEqual(histogram.percentiles(), { count: 0, p50: null, p99: null, max: null });
  for (let ms = 1; ms <= 100; ms++) histogram.record(ms * 1_000);
  const { count, p50, p99, max } = histogram.percentiles();
  assert.equal(count, 100);
  assert.ok(Math.abs(p50! - 50) < 0.2 && Math.abs(p99! - 99) < 0.2 && Math.abs(max! - 100) < 0.2);
  const late = new DurationHistogram();
  late.record(-5);
  assert.equal(late.percentiles().max, 0);
});

Deno.test("latency is from publish to the stored effect", () => {
  const measured = new Measurements();
  measured.accept(effect("a", 0, 100, 103, 107));
  assert.equal(measured.latency.percentiles().max, 7);
});

Deno.test("recovery from work: a message that came when somebody had the partition already waited for nobody", () => {
  const measured = new Measurements();
  measured.accept(effect("a", 0, 0, 2, 4));
  measured.accept(effect("a", 1, 0, 2, 4));
  measured.gone(gone("a#1", 1_000_000, [0, 1]), () => {});
  // There since 1,101 ms, while b has the partition from 1,400 on; and there since 9,001, when it has had it for long.
  measured.accept(effect("b", 0, 1_100, 1_490, 1_500, { acquiredUs: 1_400_000 }));
  measured.accept(effect("b", 1, 9_000, 9_003, 9_004, { acquiredUs: 1_400_000 }));
  const { fromKill, fromWork, untilOwned, slowestFromWork } = measured.recovery;
  assert.equal(fromKill.percentiles().count, 2);
  assert.deepEqual([untilOwned.percentiles().count, untilOwned.percentiles().max], [2, 400]);
  assert.equal(fromWork.percentiles().count, 1);
  assert.equal(slowestFromWork.items.length, 1);
});

Deno.test("recovery from work: what holds a partition up after somebody has it is not the kill's", () => {
  const measured = new Measurements();
  measured.accept(effect("a", 0, 0, 2, 4));
  measured.accept(effect("a", 1, 0, 2, 4));
  measured.gone(gone("a#1", 1_000_000, [0, 1]), () => {});
  // Both have a new owner after 300 ms; it stands still then, and a third one has them 20 s later.
  measured.lanes("acquired", "b#1", [0, 1], 1_300_000);
  measured.lanes("acquired", "c#1", [0, 1], 21_000_000);
  measured.accept(effect("c", 0, 5_000, 21_010, 21_020, { acquiredUs: 21_000_000 }));
  // This one was there when nobody had the partition yet: whatever came then, it has waited since the kill.
  measured.accept(effect("c", 1, 1_100, 21_010, 21_020, { acquiredUs: 21_000_000 }));
  const { fromWork, untilOwned } = measured.recovery;
  assert.equal(fromWork.percentiles().count, 1);
  assert.ok(Math.abs(fromWork.percentiles().max! - 19_919) < 20);
  assert.deepEqual([untilOwned.percentiles().count, untilOwned.percentiles().max], [2, 300]);
});

Deno.test("recovery ends with the first effect by another worker, partition by partition", () => {
  const measured = new Measurements();
  const recovered: number[] = [];
  measured.accept(effect("a", 0, 0, 2, 4));
  measured.accept(effect("a", 1, 0, 2, 4));
  measured.gone(gone("a#1", 1_000_000, [0, 1]), (us) => recovered.push(us));
  measured.accept(effect("a", 0, 998, 999, 1_001)); // the victim's last words
  measured.accept(effect("b", 2, 999, 1_001, 1_002)); // somebody else's partition
  assert.deepEqual(measured.recovery.open.map(({ partition }) => partition), [0, 1]);
  measured.accept(effect("b", 0, 900, 1_299, 1_300));
  assert.deepEqual(recovered, []);
  // Partition 1 had nothing to do before 1,500: its clock from work starts there.
  measured.accept(effect("b", 1, 1_499, 1_501, 1_510));
  assert.deepEqual(recovered, [510_000]);
  assert.deepEqual(measured.recovery.open, []);
  assert.equal(measured.recovery.fromKill.count, 2);
  assert.equal(measured.recovery.fromKill.percentiles().max, 510.0);
  assert.equal(measured.recovery.fromWork.percentiles().max, 300.0);
  assert.equal(measured.handoff.count, 0, "a kill is no planned move");
});

Deno.test("a second kill before the recovery leaves both clocks running", () => {
  const measured = new Measurements();
  const recovered: [string, number][] = [];
  measured.gone(gone("a#1", 1_000_000, [0]), (us) => recovered.push(["a", us]));
  measured.gone(gone("b#1", 2_000_000, [0]), (us) => recovered.push(["b", us]));
  measured.accept(effect("c", 0, 900, 2_400, 2_500));
  assert.deepEqual(recovered, [["a", 1_500_000], ["b", 500_000]]);
});

Deno.test("a victim without partitions is recovered at once", () => {
  const recovered: number[] = [];
  new Measurements().gone(gone("a#1", 1_000, []), (us) => recovered.push(us));
  assert.deepEqual(recovered, [0]);
});

Deno.test("the recovery of one that was asked to leave is watched but is no kill", () => {
  const measured = new Measurements();
  const recovered: number[] = [];
  measured.accept(effect("a", 0, 0, 2, 4));
  measured.gone(gone("a#1", 1_000_000, [0], "leaving"), (us) => recovered.push(us));
  measured.accept(effect("b", 0, 1_050, 1_080, 1_082));
  assert.deepEqual(recovered, [82_000]);
  assert.equal(measured.recovery.fromKill.count, 0);
  assert.equal(measured.handoff.percentiles().max, 31, "1,082 - (1,050 + 1)");
});

Deno.test("planted: an owner before the victim that is still at its last message recovers nothing", () => {
  const measured = new Measurements();
  const recovered: number[] = [];
  measured.gone({ ...gone("b#1", 1_000_000, [0]), epoch: 3, generation: 7 }, (us) => {
    recovered.push(us);
  });
  measured.accept(effect("a", 0, 990, 995, 1_010, { epoch: 3, generation: 6 }));
  measured.accept(effect("a", 0, 990, 995, 1_020, { epoch: 3, generation: 7 }));
  measured.accept(effect("a", 0, 990, 995, 1_030, { epoch: 2, generation: 9 }));
  assert.deepEqual(recovered, []);
  assert.equal(measured.recovery.open.length, 1);
  measured.accept(effect("c", 0, 990, 1_290, 1_300, { epoch: 3, generation: 8 }));
  assert.deepEqual(recovered, [300_000]);
  assert.equal(measured.handoff.count, 0, "what came after the kill is no planned move");
});

Deno.test("a victim's partition that nobody has acquired stays open; without a message it is taken over", () => {
  const measured = new Measurements();
  measured.lanes("acquired", "a#1", [0, 1, 2], 1_000);
  measured.gone(gone("a#1", 1_000_000, [0, 1, 2]), () => {});
  measured.gone(gone("z#1", 1_000_000, [5], "paused"), () => {});
  measured.lanes("acquired", "b#1", [1], 1_300_000);
  // Late reports of what was before do not change who has it now.
  measured.lanes("acquired", "a#1", [1], 2_000);
  measured.lanes("released", "b#1", [0], 1_400_000);
  measured.accept(effect("b", 2, 990, 1_290, 1_300));
  assert.deepEqual(measured.recovery.open, [
    { partition: 0, victim: "a#1", takenOver: false },
    { partition: 1, victim: "a#1", takenOver: true },
  ]);
});

Deno.test("a takeover is from the beginning of a pause to the first effect elsewhere, and only during the pause", () => {
  const measured = new Measurements();
  measured.lanes("acquired", "a#1", [0, 1, 2], 1_000);
  measured.gone(gone("a#1", 1_000_000, [0, 1, 2], "paused"), () => {});
  measured.lanes("acquired", "b#1", [0, 1], 8_000_000);
  measured.accept(effect("b", 0, 1_100, 8_100, 8_200));
  assert.deepEqual(measured.recovery.resumed("a#1", 11_000_000), [2]);
  // Taken over in time, though its first message came later; the other was given away when the pause was over.
  measured.accept(effect("b", 1, 12_000, 12_001, 12_002));
  measured.accept(effect("b", 2, 12_000, 12_001, 12_002));
  const { count, max } = measured.recovery.fromPause.percentiles();
  assert.equal(count, 2);
  assert.ok(Math.abs(max! - 11_002) < 20, String(max));
  assert.equal(measured.recovery.fromKill.count, 0);
  assert.deepEqual(measured.recovery.resumed("a#1", 20_000_000), []);
});

Deno.test("what had been given away just before a pause nobody has to take over", () => {
  const measured = new Measurements();
  measured.lanes("acquired", "a#1", [0], 1_000);
  measured.lanes("acquired", "b#1", [0], 999_000);
  measured.gone(gone("a#1", 1_000_000, [0], "paused"), () => {});
  assert.deepEqual(measured.recovery.resumed("a#1", 11_000_000), []);
});

Deno.test("a handoff is measured where a message had to wait, from when it could have been handled to its effect", () => {
  const measured = new Measurements();
  measured.accept(effect("a", 0, 0, 2, 100));
  // It waited since 51, the old owner was done at 100.
  measured.accept(effect("b", 0, 50, 140, 145, { acquiredUs: 130_000 }));
  assert.equal(measured.handoff.percentiles().max, 45);
  // It came while nobody had the partition.
  measured.accept(effect("c", 0, 200, 260, 266, { acquiredUs: 250_000 }));
  assert.equal(measured.handoff.percentiles().max, 65);
  assert.equal(measured.handoff.count, 2);
  assert.equal(measured.idleMoves, 0);
});

Deno.test("planted: a move in which no message had to wait does not make the handoffs look short", () => {
  const measured = new Measurements();
  measured.accept(effect("a", 0, 0, 2, 4));
  measured.accept(effect("b", 0, 5_000, 5_002, 5_004, { acquiredUs: 4_900_000 }));
  assert.equal(measured.handoff.count, 0);
  assert.equal(measured.idleMoves, 1);
  // Not known when it was acquired: then it counts.
  measured.accept(effect("c", 0, 9_000, 9_002, 9_005));
  assert.equal(measured.handoff.percentiles().max, 4);
  assert.equal(measured.idleMoves, 1);
});

Deno.test("a move's vacancy is measured whether or not there was a message", () => {
  const measured = new Measurements();
  const move = (from: string, to: string, atMs: number) => {
    measured.lanes("released", from, [0], atMs * 1_000);
    measured.lanes("acquired", to, [0], (atMs + 20) * 1_000);
  };
  measured.lanes("acquired", "a#1", [0], 0);
  move("a#1", "b#1", 1_000);
  measured.gone(gone("b#1", 2_000_000, [0]), () => {});
  measured.lanes("acquired", "c#1", [0], 2_300_000);
  measured.outage(3_000_000, Number.POSITIVE_INFINITY);
  measured.outage(3_000_000, 4_000_000);
  measured.lanes("acquired", "d#1", [0], 4_500_000);
  measured.vacancies.finish();
  assert.deepEqual(measured.vacancies.durations.percentiles(), {
    count: 1,
    p50: 20,
    p99: 20,
    max: 20,
  });
});

/** Worker a was cut off from 10 s to 12 s. */
function cutOff(): Measurements {
  const measured = new Measurements();
  for (const partition of [0, 1, 2, 3]) {
    measured.accept(effect("a", partition, 9_000, 9_001, 9_002));
  }
  const end = measured.cut("a#1", [0, 1, 2, 3], 10_000_000);
  // While it lasts nobody knows when it ends.
  measured.accept(effect("b", 0, 11_000, 11_001, 11_500));
  end(12_000_000);
  return measured;
}

Deno.test("handoffs from a worker that is cut off are not planned, nor are those within ten seconds", () => {
  const measured = cutOff();
  measured.accept(effect("b", 1, 9_500, 14_000, 14_001));
  measured.accept(effect("a", 2, 21_000, 21_001, 21_002));
  measured.accept(effect("b", 2, 22_500, 22_600, 22_700));
  assert.equal(measured.handoff.count, 0);
});

Deno.test("planted: what a worker hands over long after it was cut off is measured", () => {
  const measured = cutOff();
  measured.accept(effect("a", 3, 22_100, 22_101, 22_102));
  measured.accept(effect("b", 3, 22_200, 22_900, 22_951));
  assert.equal(measured.handoff.percentiles().max, 750);
});

Deno.test("what is under way when a worker is cut off, and when that is over, leaves no vacancy; later moves do", () => {
  const measured = new Measurements();
  const move = (from: string, to: string, partition: number, [fromS, toS]: [number, number]) => {
    measured.lanes("released", from, [partition], fromS * 1_000_000);
    measured.lanes("acquired", to, [partition], toS * 1_000_000);
  };
  measured.lanes("acquired", "a#1", [0, 1], 0);
  const end = measured.cut("a#1", [0, 1], 10_000_000);
  move("a#1", "b#1", 0, [9, 11]);
  move("a#1", "b#1", 1, [11, 13]);
  end(12_000_000);
  move("b#1", "a#1", 0, [30, 31]);
  measured.vacancies.finish();
  assert.equal(measured.vacancies.durations.count, 1);
  assert.equal(measured.vacancies.durations.percentiles().max, 1_000);
});

Deno.test("unmoved latency counts partitions that keep their owner, for 5 s after an event", () => {
  const measured = new Measurements();
  for (const partition of [0, 1, 2]) measured.accept(effect("a", partition, 0, 1, 300));
  measured.chaos(1_000_000);
  measured.accept(effect("a", 0, 1_100, 1_101, 1_120)); // stays: 20 ms
  measured.accept(effect("a", 1, 1_100, 1_101, 1_130)); // moves later: not counted
  measured.accept(effect("b", 1, 1_200, 1_300, 1_900));
  measured.accept(effect("b", 2, 1_100, 1_101, 1_150)); // has moved: not counted
  measured.accept(effect("a", 0, 5_900, 8_000, 8_001)); // held up for 2.1 s: counted although late
  measured.accept(effect("a", 0, 6_100, 6_101, 9_000)); // published after the window
  const { count, max } = measured.finishUnmoved().percentiles();
  assert.equal(count, 2);
  assert.ok(Math.abs(max! - 2_101) < 3, String(max));
  assert.deepEqual(measured.unmovedPartitions, { kept: 1, moved: 2 });
});

Deno.test("a worker that an event has hit tells nothing of those that it has not hit", () => {
  const measured = new Measurements();
  for (const partition of [0, 1]) measured.accept(effect("ab"[partition]!, partition, 0, 1, 2));
  measured.chaos(1_000_000);
  measured.struck("a#1", 1_000_000)(3_000_000);
  measured.accept(effect("a", 0, 1_100, 3_001, 3_002)); // waited for its worker
  measured.accept(effect("a", 0, 4_000, 4_500, 7_000)); // its worker catches up
  measured.accept(effect("b", 1, 1_100, 1_101, 1_120)); // not hit: 20 ms
  const { count, max } = measured.finishUnmoved().percentiles();
  assert.equal(count, 1);
  assert.ok(Math.abs(max! - 20) < 1, String(max));
});

Deno.test("old windows are closed while the run goes on", () => {
  const measured = new Measurements();
  measured.accept(effect("a", 0, 0, 1, 2));
  measured.chaos(1_000_000);
  measured.accept(effect("a", 0, 1_100, 1_101, 1_120));
  measured.accept(effect("a", 0, 100_000, 100_001, 100_002));
  measured.chaos(200_000_000);
  measured.accept(effect("a", 0, 200_100, 200_101, 200_130));
  assert.equal(measured.finishUnmoved().count, 2);
});

Deno.test("recovery: partitions that are gone for good are waited for no longer", () => {
  const measured = new Measurements();
  const recovered: number[] = [];
  measured.gone(gone("a#1", 1_000_000, [0, 1]), (us) => recovered.push(us));
  measured.recovery.removed([1]);
  assert.deepEqual(measured.recovery.open.map(({ partition }) => partition), [0]);
  measured.accept(effect("b", 0, 999, 1_001, 1_010));
  assert.deepEqual(recovered, [10_000]);
  measured.gone(gone("c#1", 2_000_000, [2, 3], "paused"), (us) => recovered.push(us));
  measured.recovery.removed([2]);
  assert.deepEqual(measured.recovery.resumed("c#1", 3_000_000), [3]);
});

Deno.test("unmoved latency leaves out a partition that is held up on purpose", () => {
  const measured = new Measurements();
  const recovered: number[] = [];
  measured.chaos(1_000_000);
  measured.poisoned(0, 1_000_000, (us) => recovered.push(us));
  measured.poisonings.began(0, 2, 1_100_000);
  measured.poisonings.deadLettered(0, 2);
  measured.accept(effect("a", 0, 1_010, 2_000, 2_100, { sequence: 3 }));
  measured.accept(effect("a", 1, 1_010, 1_012, 1_020));
  assert.deepEqual(recovered, [1_000_000]);
  assert.equal(measured.finishUnmoved().percentiles().max, 10);
});

Deno.test("what is measured is saved and goes on from there, the slowest of each kind with it", () => {
  const before = new Measurements();
  const kinds = [
    before.slowHandoffs,
    before.vacancies.slowest,
    before.recovery.slowest,
    before.recovery.slowestFromWork,
    before.slowUnmoved,
  ];
  kinds.forEach((slowest, n) => slowest.add((n + 1) * 1_000, 0, n, () => `kind ${n}`));
  before.recovery.fromWork.record(7_000);
  const after = new Measurements();
  after.load(JSON.parse(JSON.stringify(before.save())));
  assert.deepEqual(
    [
      after.slowHandoffs,
      after.vacancies.slowest,
      after.recovery.slowest,
      after.recovery.slowestFromWork,
      after.slowUnmoved,
    ].map(({ items }) => items[0]?.who),
    kinds.map((_, n) => `kind ${n}`),
  );
  assert.equal(after.recovery.fromWork.percentiles().count, 1);
});
