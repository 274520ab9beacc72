import assert from "node:assert/strict";
import { HandlerSpans } from "./handler_spans.ts";
import { Impairments } from "./impairments.ts";
import { describeOverlap, judgeOverlaps, NOTHING_EXCUSED } from "./overlaps.ts";
import type { Span } from "./spans.ts";

/** `a` handles from 100 to 200 ms; `b` begins at 150 ms. */
function pair(first: Partial<Span> = {}, second: Partial<Span> = {}): HandlerSpans {
  const spans = new HandlerSpans(1);
  const rest = { partition: 0, epoch: 1, generation: 1, streamSequence: 1 };
  const more = { ...rest, deliveryCount: 1, outcome: "failed" } as const;
  const a = { process: "a#1", instance: "a", sequence: 1, startUs: 100_000, endUs: 200_000 };
  const b = { process: "b#1", instance: "b", sequence: 1, startUs: 150_000, endUs: 160_000 };
  spans.ended({ ...more, ...a, ...first });
  spans.ended({ ...more, ...b, ...second });
  return spans;
}

const nobody = new Impairments();
const noExcuse = NOTHING_EXCUSED;

Deno.test("overlaps: planted: two healthy workers at once are a defect, written out", () => {
  const { interleaved, excused, unchecked } = judgeOverlaps(pair(), nobody, new Set());
  assert.equal(interleaved.length, 1);
  assert.equal(
    describeOverlap(interleaved[0]!),
    "sequence 1 was begun by b#1 while a#1 handled sequence 1, for 10.0ms",
  );
  assert.deepEqual(excused, noExcuse);
  assert.equal(unchecked, 0);
});

Deno.test("overlaps: what the effects have shown is not counted again", () => {
  const spans = pair();
  const known = new Set(spans.overlaps.keys());
  assert.deepEqual(judgeOverlaps(spans, nobody, known).interleaved, []);
});

/** What happened to one process from one time to another, in microseconds. */
function impairedBy(
  why: "stoodStill" | "starved" | "disconnected",
  process: string,
  fromUs: number,
  untilUs: number,
): Impairments {
  const impaired = new Impairments();
  if (why === "stoodStill") impaired.stopped(process, fromUs, untilUs);
  else impaired.told(process, why, fromUs, untilUs);
  if (why === "disconnected") impaired.networkFailed(process, fromUs, untilUs);
  return impaired;
}

Deno.test("overlaps: a worker that stood still, got no processor or was cut off cannot know of its successor", () => {
  for (const why of ["stoodStill", "starved", "disconnected"] as const) {
    for (const process of ["a#1", "b#1"]) {
      const impaired = impairedBy(why, process, 155_000, 180_000);
      const { interleaved, excused, unproven } = judgeOverlaps(pair(), impaired, new Set());
      assert.deepEqual([interleaved, unproven], [[], []]);
      assert.deepEqual(excused, { ...noExcuse, [why]: 1 });
    }
  }
});

Deno.test("overlaps: planted: where only a worker's own word speaks for it, an overlap is neither excused nor a defect", () => {
  const own = new Impairments();
  own.told("a#1", "busy", 120_000, 180_000);
  const { interleaved, excused, unproven } = judgeOverlaps(pair(), own, new Set());
  assert.deepEqual([interleaved, excused, unproven.length], [[], noExcuse, 1]);
  const told = judgeOverlaps(pair({ rightEndedUs: 149_000 }), own, new Set());
  assert.deepEqual([told.unproven, told.excused.rightEnded], [[], 1]);
  own.stopped("b#1", 155_000, 158_000);
  assert.equal(judgeOverlaps(pair(), own, new Set()).excused.stoodStill, 1);
});

Deno.test("overlaps: planted: what clocks that differ may have made is not a defect, and not excused; one process has one clock", () => {
  const judge = (spans: HandlerSpans, clockDoubtUs: number) =>
    judgeOverlaps(spans, nobody, new Set(), clockDoubtUs);
  // At once for 10 ms.
  assert.equal(judge(pair(), 8_900).interleaved.length, 1);
  const unsure = judge(pair(), 9_000);
  assert.deepEqual([unsure.interleaved, unsure.unproven.length], [[], 1]);
  assert.equal(judge(pair({}, { process: "a#1" }), 9_000).interleaved.length, 1);
});

Deno.test("overlaps: planted: an impairment of somebody else, or at another time, is no excuse", () => {
  const others = new Impairments();
  others.stopped("c#1", 0, 1_000_000);
  others.networkFailed("a#1", 10_000_000, 20_000_000);
  others.told("a#1", "disconnected", 10_000_000, 20_000_000);
  others.stopped("b#1", -20_000_000, -10_000_000);
  others.outage(10_000_000, 20_000_000);
  others.outage(-60_000_000, -50_000_000);
  assert.equal(judgeOverlaps(pair(), others, new Set()).interleaved.length, 1);
});

Deno.test("overlaps: around an outage of the server leases lapse, for everybody", () => {
  const away = new Impairments();
  away.outage(110_000, 120_000);
  const { interleaved, excused } = judgeOverlaps(pair(), away, new Set());
  assert.deepEqual(interleaved, []);
  assert.deepEqual(excused, { ...noExcuse, outage: 1 });
});

Deno.test("overlaps: planted: two workers who begin while a node is away that is neither's are a defect", () => {
  const away = new Impairments();
  away.outage(90_000, 10_000_000);
  const { interleaved, excused } = judgeOverlaps(pair(), away, new Set());
  assert.deepEqual([interleaved.length, excused], [1, noExcuse]);
});

Deno.test("overlaps: planted: what is begun while its worker is cut off is not excused by the cut, nor by the outage", () => {
  const cut = new Impairments();
  cut.networkFailed("b#1", 140_000, 155_000);
  cut.told("b#1", "disconnected", 140_000, 155_000);
  assert.equal(judgeOverlaps(pair(), cut, new Set()).interleaved.length, 1);
  cut.outage(140_000, 155_000);
  // The outage is an excuse of the other one, which was begun before.
  assert.equal(judgeOverlaps(pair(), cut, new Set()).excused.outage, 1);
  cut.told("a#1", "disconnected", 90_000, 500_000);
  assert.equal(judgeOverlaps(pair(), cut, new Set()).interleaved.length, 1);
  // Once more connected it has proof of its lease, or begins nothing.
  const back = impairedBy("disconnected", "b#1", 10_000, 149_000);
  back.outage(10_000, 90_000);
  assert.equal(judgeOverlaps(pair(), back, new Set()).interleaved.length, 1);
});

Deno.test("overlaps: a handler that had been told to stop before the other began is excused, later is not", () => {
  const inTime = judgeOverlaps(pair({ rightEndedUs: 149_000 }), nobody, new Set());
  assert.deepEqual(inTime.excused, { ...noExcuse, rightEnded: 1 });
  assert.deepEqual(inTime.interleaved, []);
  const late = judgeOverlaps(pair({ rightEndedUs: 155_000 }), nobody, new Set());
  assert.equal(late.interleaved.length, 1);
  const other = judgeOverlaps(pair({}, { rightEndedUs: 155_000 }), nobody, new Set());
  assert.equal(other.interleaved.length, 1);
});

Deno.test("overlaps: what could not be compared is excused alike, or counted", () => {
  const spans = pair({ startUs: 0, endUs: 10 });
  const first = { process: "", instance: "", startUs: 0, endUs: 500_000, sequence: 0 };
  const second = { ...first, process: "z#1", startUs: 100_000, endUs: 200_000, sequence: 9 };
  spans.unchecked.push({ partition: 0, first, second });
  assert.equal(judgeOverlaps(spans, nobody, new Set()).unchecked, 1);
  const impaired = new Impairments();
  impaired.stopped("z#1", 100_000, 180_000);
  assert.equal(judgeOverlaps(spans, impaired, new Set()).unchecked, 0);
});

Deno.test("overlaps: planted: within one instance nothing is an excuse; another one of the same process is like another worker", () => {
  const impaired = new Impairments();
  impaired.stopped("a#1", 0, 1_000_000);
  const told = { rightEndedUs: 149_000 };
  const same = judgeOverlaps(pair(told, { process: "a#1", instance: "a" }), impaired, new Set());
  assert.equal(same.interleaved.length, 1);
  assert.deepEqual(same.excused, noExcuse);
  const later = { process: "a#1", instance: "later" };
  const another = judgeOverlaps(pair({}, later), impaired, new Set());
  assert.deepEqual(another.excused, { ...noExcuse, stoodStill: 1 });
  assert.equal(judgeOverlaps(pair({}, later), nobody, new Set()).interleaved.length, 1);
});
