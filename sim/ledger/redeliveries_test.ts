import assert from "node:assert/strict";
import { HandlerSpans } from "./handler_spans.ts";
import { Impairments } from "./impairments.ts";
import type { Delivery } from "./ledger_types.ts";
import { describeRedelivery, unexplainedRedeliveries } from "./redeliveries.ts";

/** A handler of message 1 of partition 0; times in milliseconds. */
function report(
  worker: string,
  startMs: number,
  endMs: number,
  changes: Partial<Delivery> = {},
): Delivery {
  return {
    ...{ partition: 0, sequence: 1, process: `${worker}#1`, instance: worker },
    ...{ epoch: 1, generation: 1, streamSequence: 1, deliveryCount: 1, outcome: "written" },
    ...{ startUs: startMs * 1_000, endUs: endMs * 1_000 },
    ...changes,
  };
}

/** `a` handles it until 110 ms, then `b`, a second later. */
function again(first: Partial<Delivery> = {}): HandlerSpans {
  const spans = new HandlerSpans(1);
  spans.ended(report("a", 100, 110, first));
  spans.ended(report("b", 1_100, 1_110, { outcome: "already", generation: 2 }));
  return spans;
}

const count = (spans: HandlerSpans, impairments = new Impairments()) =>
  unexplainedRedeliveries(spans, impairments).length;

Deno.test("redeliveries: planted: one of a message that was handled in peace has no explanation", () => {
  const [found, ...others] = unexplainedRedeliveries(again(), new Impairments());
  assert.deepEqual(others, []);
  assert.equal(describeRedelivery(found!), "sequence 1 of partition 0 by a#1, then by b#1");
});

Deno.test("redeliveries: a handler that failed or was told to stop is tried again", () => {
  assert.equal(count(again({ outcome: "failed" })), 0);
  assert.equal(count(again({ rightEndedUs: 109_000 })), 0);
});

Deno.test("redeliveries: a kill explains what its worker was at, and what it had just done", () => {
  for (const [killedMs, unexplained] of [[111, 0], [1_000, 0], [5_000, 1]] as const) {
    const spans = again();
    spans.killed("a#1", killedMs * 1_000);
    assert.equal(count(spans), unexplained, `${killedMs}`);
  }
  const spans = new HandlerSpans(1);
  spans.begun("a#1", "a", 0, 1, 100_000);
  spans.killed("a#1", 900_000);
  spans.ended(report("b", 1_100, 1_110, { generation: 2 }));
  assert.equal(count(spans), 0);
  assert.equal(spans.repeated.size, 1);
});

Deno.test("redeliveries: a cut, a standstill and an outage explain them, somebody else's do not", () => {
  const causes: ((all: Impairments, process: string) => void)[] = [
    (all, process) => all.networkFailed(process, 111_000, 500_000),
    (all, process) => all.stopped(process, 111_000, 500_000),
    (all, process) => all.told(process, "starved", 111_000, 500_000),
  ];
  for (const cause of causes) {
    const impairments = new Impairments();
    cause(impairments, "a#1");
    assert.equal(count(again(), impairments), 0, String(cause));
    const others = new Impairments();
    cause(others, "b#1");
    assert.equal(count(again(), others), 1, String(cause));
  }
  const own = new Impairments();
  own.told("a#1", "disconnected", 111_000, 500_000);
  assert.equal(count(again(), own), 1, "its own word explains nothing");
  const impairments = new Impairments();
  impairments.outage(800_000, 900_000);
  assert.equal(count(again(), impairments), 0);
});

Deno.test("redeliveries: planted: what explains the first one does not explain the second", () => {
  const spans = again({ outcome: "failed" });
  spans.ended(report("c", 2_000, 2_010, { outcome: "already", generation: 3 }));
  const [found, ...others] = unexplainedRedeliveries(spans, new Impairments());
  assert.deepEqual(others, []);
  assert.equal(found!.second.process, "c#1");
});

Deno.test("redeliveries: planted: an acknowledgement that a silent network may have lost explains one, and one long before it does not", () => {
  for (const [fromMs, unexplained] of [[105, 0], [1_000, 0], [5_000, 1]] as const) {
    const impairments = new Impairments();
    impairments.networkFailed("a#1", fromMs * 1_000, (fromMs + 1_000) * 1_000);
    assert.equal(count(again(), impairments), unexplained, `${fromMs}`);
    assert.equal(impairments.during("a#1", 0, 10_000_000), undefined, "it excuses nothing else");
  }
});
