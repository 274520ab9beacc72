import assert from "node:assert/strict";
import type { ConsumptionEvents } from "../consumption/events.ts";
import { guardedEvents } from "../consumption/events.ts";
import { noMetrics } from "./collector.ts";
import { consumptionMetrics, type HealthGauges } from "./consumption_metrics.ts";

function recorded(health: () => HealthGauges | undefined) {
  const log: string[] = [];
  const metrics = Object.fromEntries(
    Object.keys(noMetrics).map((name) => [
      name,
      (...args: unknown[]) => void log.push(`${name}(${args.join()})`),
    ]),
  ) as unknown as typeof noMetrics;
  return { log, events: guardedEvents(consumptionMetrics(metrics, health)) };
}

const message = {} as Parameters<ConsumptionEvents["started"]>[1];
const gauges = ["health(true)", "subjectsCurrent(3)", "lanesCurrent(1)"];

Deno.test("each event is counted as what it is", () => {
  const { log, events } = recorded(() => undefined);
  events.updated(2, 1, 5);
  events.updated(0, 0, 5);
  events.acquired(["a"], "lane", 40);
  events.refused(["a"]);
  events.evicted("lane");
  events.handled("a", 7);
  events.redelivered("a", message);
  events.failed("a", message, 1, new Error());
  events.abandoned("a", message);
  events.deadLettered("a", message, new Error());
  events.stopped("a", message, new Error());
  events.error(new Error());
  assert.deepEqual(log, [
    "subjectChange(2,1)",
    "subjectChange(0,0)",
    "updateResult(noop,0)",
    "handoffDuration(40)",
    "updateResult(success,40)",
    "controlRetry(create,0)",
    "laneEvicted()",
    "handled(7)",
    "redelivered()",
    "failed()",
    "abandoned()",
    "deadLettered()",
    "partitionStopped()",
    "updateResult(failure,0)",
  ]);
});

Deno.test("gauges follow whatever changes what is held", () => {
  const { log, events } = recorded(() => ({ healthy: true, held: 3, lanes: 1 }));
  events.released(["a"], false);
  assert.deepEqual(log, gauges);
  log.length = 0;
  // Such as one that says that a lane may not be pulled from.
  events.error(new Error());
  assert.deepEqual(log, ["updateResult(failure,0)", ...gauges]);
});

Deno.test("pulls that end in a row are counted until one brings something", () => {
  const { log, events } = recorded(() => undefined);
  events.laneEnded("l", "deleted", "");
  events.laneEnded("l", "stalled", "");
  events.started("a", message);
  events.started("a", message);
  assert.deepEqual(log, [
    "pullRestart(deleted)",
    "pullFailures(1)",
    "pullRestart(stalled)",
    "pullFailures(2)",
    "pullFailures(0)",
  ]);
});
