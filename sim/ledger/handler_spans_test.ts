import assert from "node:assert/strict";
import { HandlerSpans } from "./handler_spans.ts";
import type { Delivery } from "./ledger_types.ts";
import type { SpanPair } from "./spans.ts";

/** A report of a worker that handled a message of partition 0; times in milliseconds. */
function report(
  worker: string,
  sequence: number,
  startMs: number,
  endMs: number,
  changes: Partial<Delivery> = {},
): Delivery {
  return {
    partition: 0,
    sequence,
    process: `${worker}#1`,
    instance: worker,
    epoch: 1,
    generation: 1,
    streamSequence: sequence,
    deliveryCount: 1,
    startUs: startMs * 1_000,
    endUs: endMs * 1_000,
    outcome: "written",
    ...changes,
  };
}

function spansOf(...reports: readonly Delivery[]): HandlerSpans {
  const spans = new HandlerSpans(2);
  for (const delivery of reports) spans.ended(delivery);
  return spans;
}

/** As `a#1 3 + b#1 4`, in the order of their beginnings. */
function names(spans: HandlerSpans, kind: "overlaps" | "misordered" | "repeated" = "overlaps") {
  const name = ({ process, sequence }: SpanPair["first"]) => `${process} ${sequence}`;
  return [...spans[kind].values()].map(({ first, second }) => `${name(first)} + ${name(second)}`);
}

Deno.test("handlers: one after another is fine, by whomever", () => {
  const spans = spansOf(
    report("a", 1, 0, 10),
    report("a", 2, 10, 20),
    report("b", 3, 20, 30, { generation: 2 }),
    report("a", 4, 30, 40, { generation: 3 }),
  );
  assert.deepEqual(names(spans), []);
  assert.deepEqual(spans.unchecked, []);
});

Deno.test("handlers: planted: two workers at one partition at once are seen", () => {
  assert.deepEqual(names(spansOf(report("a", 1, 0, 10), report("b", 1, 5, 15))), ["a#1 1 + b#1 1"]);
  const inside = spansOf(report("a", 1, 0, 100), report("b", 1, 5, 15), report("b", 2, 20, 30));
  assert.deepEqual(names(inside), ["a#1 1 + b#1 1", "a#1 1 + b#1 2"]);
});

Deno.test("handlers: other partitions and less than the clocks' tolerance do not count", () => {
  const spans = spansOf(
    report("a", 1, 0, 10),
    report("b", 1, 0, 10, { partition: 1 }),
    report("a", 2, 10, 12),
    report("c", 3, 11.5, 20),
  );
  assert.deepEqual(names(spans), []);
  assert.deepEqual(spansOf(report("a", 1, 0, 10, { partition: 7 })).overlaps.size, 0);
});

Deno.test("handlers: planted: two at once in one worker are seen, however shortly: it has one clock", () => {
  const other = { instance: "later", generation: 2 };
  for (const changes of [{}, { generation: 2 }, other]) {
    const spans = spansOf(report("a", 1, 0, 10), report("a", 2, 9.9, 20, changes));
    assert.deepEqual(names(spans), ["a#1 1 + a#1 2"]);
    const clean = spansOf(report("a", 1, 0, 10), report("a", 2, 10, 20, changes));
    assert.deepEqual(names(clean), []);
  }
  // One inside the other, of the same message.
  assert.deepEqual(names(spansOf(report("a", 1, 2, 8), report("a", 1, 0, 10))), ["a#1 1 + a#1 1"]);
});

Deno.test("handlers: planted: a killed worker's last handler is compared with those it has reported", () => {
  const spans = new HandlerSpans(1);
  spans.begun("a#1", "a", 0, 2, 5_000);
  spans.begun("a#1", "a", 0, 3, 20_000);
  spans.ended(report("a", 1, 0, 10));
  spans.killed("a#1", 500_000);
  spans.finish();
  // Of 2 and 3 nobody knows whether 2 was over when 3 began: its report may have died with the worker.
  assert.deepEqual(names(spans), ["a#1 1 + a#1 2"]);
});

Deno.test("handlers: planted: an earlier message that is begun after a later one is seen, in whichever order they end", () => {
  const late = report("a", 1, 15, 20);
  assert.deepEqual(names(spansOf(report("a", 2, 0, 10), late), "misordered"), ["a#1 2 + a#1 1"]);
  assert.deepEqual(names(spansOf(late, report("a", 2, 0, 30)), "misordered"), ["a#1 2 + a#1 1"]);
  // The same instance under a newer generation has still the same order to keep.
  const newer = report("a", 1, 15, 20, { generation: 2 });
  assert.deepEqual(names(spansOf(report("a", 2, 0, 10), newer), "misordered"), ["a#1 2 + a#1 1"]);
});

Deno.test("handlers: the order is kept by tries in place, by another worker's handlers, and by those that fail", () => {
  const spans = spansOf(
    report("a", 1, 0, 10, { outcome: "failed" }),
    report("a", 1, 20, 30),
    report("a", 2, 30, 40),
    report("b", 1, 50, 60, { outcome: "already", generation: 2 }),
    report("a", 1, 70, 80, { outcome: "failed" }),
  );
  assert.deepEqual(names(spans, "misordered"), []);
});

Deno.test("handlers: a message's second handler goes with the last one before it", () => {
  const spans = spansOf(
    report("a", 1, 0, 10, { outcome: "failed" }),
    report("c", 1, 40, 50, { outcome: "already", generation: 3 }),
    report("a", 2, 60, 70, { generation: 3 }),
    report("b", 1, 20, 30, { generation: 2 }),
  );
  assert.deepEqual(names(spans, "repeated").sort(), ["a#1 1 + b#1 1", "b#1 1 + c#1 1"]);
});

Deno.test("handlers: planted: an overlap is seen in whichever order the reports come, and however late", () => {
  const reports = [
    report("a", 1, 0, 10),
    report("a", 2, 10, 25),
    report("b", 2, 20, 30, { generation: 2 }),
    report("b", 3, 30, 40, { generation: 2 }),
  ];
  for (const order of [[0, 1, 2, 3], [2, 3, 0, 1], [2, 0, 3, 1], [3, 2, 1, 0]]) {
    const spans = spansOf(...order.map((index) => reports[index]!));
    assert.deepEqual(names(spans), ["a#1 2 + b#1 2"], order.join());
  }
});

Deno.test("handlers: reported twice counts once", () => {
  const [a, b] = [report("a", 1, 0, 10), report("b", 1, 5, 15)];
  const spans = spansOf(a, b, a, b);
  assert.equal(spans.overlaps.size, 1);
  assert.deepEqual(names(spans, "repeated"), ["a#1 1 + b#1 1"]);
});

Deno.test("handlers: planted: what a killed worker had begun ended with it, and not before", () => {
  const spans = new HandlerSpans(1);
  spans.begun("a#1", "a", 0, 1, 0);
  spans.begun("a#1", "a", 0, 2, 10_000);
  spans.ended(report("a", 1, 0, 10));
  spans.killed("a#1", 500_000);
  spans.ended(report("b", 2, 400, 410, { generation: 2 })); // while the victim still lived
  spans.ended(report("b", 3, 510, 520, { generation: 2 })); // after its death
  assert.equal(spans.unreported, 1);
  spans.finish();
  assert.deepEqual(names(spans), ["a#1 2 + b#1 2"]);
  assert.equal(spans.unreported, 1, "it is still a delivery without an end");
});

Deno.test("handlers: a killed worker's report that was under way is what counts", () => {
  const spans = new HandlerSpans(1);
  spans.begun("a#1", "a", 0, 1, 0);
  spans.killed("a#1", 500_000);
  spans.ended(report("a", 1, 0, 10));
  spans.ended(report("b", 2, 400, 410, { generation: 2 }));
  // Long after the kill the dead are buried without being asked.
  spans.effective({ ...storedAt(59_000), process: "b#1" });
  spans.begun("b#1", "b", 0, 3, 60_000_000);
  assert.deepEqual(names(spans), []);
  assert.equal(spans.unreported, 1);
});

/** The effect of the first message of `a`, which has begun it at 5 ms. */
function storedAt(ms: number) {
  const handler = { process: "a#1", partition: 0, sequence: 1, startUs: 5_000 };
  return { ...handler, storedUs: ms * 1_000 };
}

Deno.test("handlers: a killed worker's handler ended with its effect, though its report died with it, and not with the kill", () => {
  const spans = new HandlerSpans(1);
  spans.begun("a#1", "a", 0, 1, 5_000);
  spans.effective(storedAt(10));
  spans.killed("a#1", 60_000);
  spans.ended(report("b", 2, 30, 40, { generation: 2 }));
  const again = new HandlerSpans(1);
  again.load(JSON.parse(JSON.stringify(spans.save())));
  again.ended(report("b", 3, 40, 50, { generation: 2 }));
  for (const one of [spans, again]) {
    one.finish();
    assert.deepEqual(names(one), []);
    assert.equal(one.unreported, 1);
  }
});

Deno.test("handlers: planted: what began before a killed worker's effect was stored overlaps with it; the last of its effects counts", () => {
  for (const [lastMs, found] of [[8, "a#1 1 + b#1 2"], [100, "a#1 1 + b#1 2"], [6, ""]] as const) {
    const spans = new HandlerSpans(1);
    spans.begun("a#1", "a", 0, 1, 5_000);
    spans.effective(storedAt(5.5));
    spans.effective(storedAt(lastMs));
    spans.killed("a#1", 60_000);
    spans.ended(report("b", 2, 6.5, 20, { generation: 2 }));
    spans.finish();
    assert.equal(names(spans).join(), found);
  }
  const unsure = new HandlerSpans(1);
  unsure.begun("a#1", "a", 0, 1, 5_000);
  unsure.effective(storedAt(10), 25_000);
  unsure.killed("a#1", 60_000);
  unsure.ended(report("b", 2, 30, 40, { generation: 2 }));
  unsure.finish();
  assert.deepEqual(names(unsure), ["a#1 1 + b#1 2"], "the server's clock may be behind");
});

Deno.test("handlers: a killed worker is not buried before its effects have been read, however late that is", () => {
  const spans = new HandlerSpans(1);
  spans.begun("a#1", "a", 0, 1, 5_000);
  spans.killed("a#1", 60_000);
  spans.ended(report("b", 2, 30, 40, { generation: 2 }));
  spans.begun("b#1", "b", 0, 3, 60_000_000);
  spans.effective(storedAt(10));
  spans.finish();
  assert.deepEqual(names(spans), []);
});

Deno.test("handlers: memory is bounded, and a report that comes too late for it is not taken as clean", () => {
  const spans = new HandlerSpans(1);
  const late = report("a", 7, 4_005, 4_015);
  for (let n = 0; n < 10_000; n++) {
    spans.ended(report("b", n, n * 20, n * 20 + 10, { generation: 2 }));
  }
  assert.equal(spans.unchecked.length, 0);
  spans.ended(late);
  assert.deepEqual(names(spans), [], "what it overlapped with is forgotten");
  assert.equal(spans.unchecked.length, 1);
  assert.equal(spans.unchecked[0]!.first.process, "b#1");
  spans.ended(report("a", 1, -20, -10));
  assert.equal(spans.unchecked.length, 1, "before the other one had the partition is clean");
});

Deno.test("handlers: after so many owners the first ones are only a time before which nothing is known", () => {
  const spans = new HandlerSpans(1);
  for (let n = 0; n < 100; n++) {
    spans.ended(report(`w${n}`, n, n * 20, n * 20 + 10, { generation: n }));
  }
  assert.equal(spans.unchecked.length, 0);
  spans.ended(report("late", 200, 5, 7));
  assert.equal(spans.unchecked.length, 1);
});

Deno.test("handlers: planted: what is not kept to be judged is counted, once each, also over a checkpoint", () => {
  const limits = { pairs: 1, repeated: 1 };
  const spans = new HandlerSpans(2, limits);
  spans.ended(report("a", 1, 0, 100));
  spans.ended(report("b", 2, 5, 15));
  assert.equal(spans.dropped, 0);
  spans.ended(report("c", 3, 16, 30));
  assert.deepEqual(names(spans), ["a#1 1 + b#1 2"]);
  assert.equal(spans.dropped, 1, "an overlap");
  spans.ended(report("a", 5, 200, 210));
  spans.ended(report("a", 4, 220, 230));
  spans.ended(report("a", 3, 240, 250));
  assert.equal(spans.dropped, 3, "a second and a third pair in the wrong order");
  spans.ended(report("a", 5, 260, 270));
  assert.equal(spans.repeated.size, 1);
  assert.ok(spans.dropped > 3, "a repeated one");
  const next = new HandlerSpans(2, limits);
  next.load(JSON.parse(JSON.stringify(spans.save())));
  assert.equal(next.dropped, spans.dropped);
});
