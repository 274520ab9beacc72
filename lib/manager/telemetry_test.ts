import assert from "node:assert/strict";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import type { Snapshot } from "../assignment/snapshot.ts";
import { noMetrics } from "../metrics/collector.ts";
import { Telemetry } from "./telemetry.ts";

function recorded() {
  const log: string[] = [];
  const metrics = Object.fromEntries(
    Object.keys(noMetrics).map((name) => [
      name,
      (...args: unknown[]) => void log.push(`${name}(${args.join()})`),
    ]),
  ) as unknown as typeof noMetrics;
  return { log, telemetry: new Telemetry("g", metrics, () => "worker-1") };
}

function snapshot(...instances: string[]): Snapshot {
  return {
    epoch: 1,
    generation: 2,
    leader: { worker: "worker-1", instance: "i" },
    reason: "planned_scale",
    atMs: 0,
    workers: instances.map((instance) => ({ id: instance, instance, partitions: ["p", "q"] })),
    weights: {},
  };
}

Deno.test("a publication tells how large the group is, and who came and went as sets, not counts", () => {
  const { log, telemetry } = recorded();
  telemetry.leadershipChanged(true, 5);
  telemetry.published(snapshot("a", "b"), 4, 12);
  log.length = 0;
  telemetry.published(snapshot("b", "c"), 2, 3);
  assert.deepEqual(log, [
    "rebalanceAttempt(planned_scale,true)",
    "rebalanceDuration(planned_scale,3)",
    "activeWorkers(2)",
    "partitionCount(4)",
    "workerChange(1,1)",
  ]);
});

Deno.test("the first publication of a term counts nobody as new, and an unchanged group nobody at all", () => {
  const { log, telemetry } = recorded();
  telemetry.published(snapshot("a"), 1, 1);
  telemetry.published(snapshot("a"), 1, 1);
  telemetry.leadershipChanged(false, undefined);
  telemetry.leadershipChanged(true, 9);
  telemetry.published(snapshot("a", "b"), 1, 1);
  assert.deepEqual(log.filter((line) => line.startsWith("workerChange")), []);
});

Deno.test("losing leadership is told with the epoch it had", () => {
  const { log, telemetry } = recorded();
  telemetry.leadershipChanged(true, 7);
  telemetry.leadershipChanged(false, undefined);
  assert.deepEqual(log, ["leadershipChange(true,7)", "leadershipChange(false,7)"]);
});

Deno.test("states, degraded mode, alerts and assignments are measured", () => {
  const { log, telemetry } = recorded();
  telemetry.stateChanged("Init", "ClaimingID", 3);
  telemetry.degradedChanged(true, 0);
  telemetry.alert("warn", 50);
  telemetry.degradedChanged(false, 80);
  const assignment = { epoch: 1, generation: 4, partitions: [] };
  const one = { keys: ["a"] };
  telemetry.assignmentChanged({ added: [one], removed: [], all: [one], assignment });
  telemetry.evicted("worker-2", "i", "no responders");
  telemetry.lost("evicted");
  telemetry.error(new Error("e"));
  assert.deepEqual(log, [
    "stateTransition(Init,ClaimingID,3)",
    "degradedMode(true)",
    "alertLevel(warn)",
    "alertEmitted(warn)",
    "cacheAge(50)",
    "degradedMode(false)",
    "degradedDuration(80)",
    "cacheAge(0)",
    "alertLevel(none)",
    "assignmentChange(1,0,4,1)",
  ]);
});

Deno.test("a worker that has no ID, since it has lost its lease, has a name in the log all the same", async () => {
  const said: string[] = [];
  await configure({
    sinks: { memory: ({ message }: LogRecord) => void said.push(message.join("")) },
    loggers: [
      { category: ["parti"], lowestLevel: "debug", sinks: ["memory"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
  new Telemetry("g", noMetrics, () => undefined).leadershipChanged(false, undefined);
  await reset();
  assert.deepEqual(said, ["a worker without an ID leads no longer"]);
});
