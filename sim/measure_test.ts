import assert from "node:assert/strict";
import type { Effect } from "./effect.ts";
import { DurationHistogram } from "./histogram.ts";
import { Measurements } from "./measure.ts";

/** An effect; times in milliseconds: published, available 1 ms later, started, stored. */
function effect(
  worker: string,
  partition: number,
  publishedMs: number,
  startMs: number,
  storedMs: number,
): Effect {
  return {
    partition,
    sequence: 1,
    publishedUs: publishedMs * 1_000,
    availableUs: (publishedMs + 1) * 1_000,
    startUs: startMs * 1_000,
    storedUs: storedMs * 1_000,
    process: `${worker}#1`,
    instance: worker,
    epoch: 1,
    generation: 1,
    streamSequence: 1,
    deliveryCount: 1,
    outputSequence: 1,
  };
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

Deno.test("recovery ends with the first effect by another worker, partition by partition", () => {
  const measured = new Measurements();
  const recovered: number[] = [];
  measured.accept(effect("a", 0, 0, 2, 4));
  measured.accept(effect("a", 1, 0, 2, 4));
  measured.gone("a#1", 1_000_000, [0, 1], "killed", (us) => recovered.push(us));
  measured.accept(effect("a", 0, 998, 999, 1_001)); // the victim's last words
  measured.accept(effect("b", 2, 999, 1_001, 1_002)); // somebody else's partition
  assert.deepEqual(measured.recovery.open, [0, 1]);
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
  measured.gone("a#1", 1_000_000, [0], "killed", (us) => recovered.push(["a", us]));
  measured.gone("b#1", 2_000_000, [0], "killed", (us) => recovered.push(["b", us]));
  measured.accept(effect("c", 0, 900, 2_400, 2_500));
  assert.deepEqual(recovered, [["a", 1_500_000], ["b", 500_000]]);
});

Deno.test("a victim without partitions is recovered at once", () => {
  const recovered: number[] = [];
  new Measurements().gone("a#1", 1_000, [], "killed", (us) => recovered.push(us));
  assert.deepEqual(recovered, [0]);
});

Deno.test("the recovery of one that was asked to leave is watched but is no kill", () => {
  const measured = new Measurements();
  const recovered: number[] = [];
  measured.accept(effect("a", 0, 0, 2, 4));
  measured.gone("a#1", 1_000_000, [0], "leaving", (us) => recovered.push(us));
  measured.accept(effect("b", 0, 1_050, 1_080, 1_082));
  assert.deepEqual(recovered, [82_000]);
  assert.equal(measured.recovery.fromKill.count, 0);
  assert.equal(measured.handoff.percentiles().max, 29, "1,080 - (1,050 + 1)");
});

Deno.test("a handoff counts only the time in which there was work", () => {
  const measured = new Measurements();
  measured.accept(effect("a", 0, 0, 2, 100));
  measured.accept(effect("b", 0, 50, 140, 145)); // waited since 51, free since 100, began at 140
  assert.equal(measured.handoff.percentiles().max, 40);
  measured.accept(effect("b", 0, 150, 152, 155));
  measured.accept(effect("c", 0, 5_000, 5_002, 5_004)); // nothing to do for seconds
  assert.deepEqual(measured.handoff.count, 2);
  assert.equal(measured.handoff.percentiles().max, 40);
  measured.accept(effect("d", 0, 5_000, 4_990, 5_010)); // began before: never negative
  assert.equal(measured.handoff.percentiles().p50, 1);
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
