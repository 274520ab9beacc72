import assert from "node:assert/strict";
import { type Assignment, HookQueue } from "./hooks.ts";
import { noMetrics } from "../metrics/collector.ts";
import { Notifier } from "./notifier.ts";
import { Telemetry } from "./telemetry.ts";

/** A notifier that writes down what it tells, metrics as `name(…)`, hooks as `hook …`. */
function rig() {
  const log: string[] = [];
  const metrics = Object.fromEntries(
    Object.keys(noMetrics).map((name) => [
      name,
      (...args: unknown[]) => void log.push(`${name}(${args.join()})`),
    ]),
  ) as unknown as typeof noMetrics;
  const names = (list: readonly { keys: readonly string[] }[]) =>
    list.map(({ keys }) => keys.join(".")).join("+");
  const hooks = new HookQueue({
    onAssignmentChanged: ({ added, removed }) =>
      void log.push(`hook assignment +${names(added)} -${names(removed)}`),
    onStateChanged: (from, to) => void log.push(`hook state ${from} ${to}`),
    onLeadershipChanged: (isLeader, epoch) => void log.push(`hook leader ${isLeader} ${epoch}`),
    onDegradedAlert: (level, durationMs) => void log.push(`hook alert ${level} ${durationMs}`),
    onError: (error) => void log.push(`hook error ${(error as Error).message}`),
  });
  const notifier = new Notifier(new Telemetry("g", metrics, () => "worker-1"), hooks);
  return { log, hooks, notifier };
}

function assignment(generation: number, ...names: string[]): Assignment {
  return { epoch: 1, generation, partitions: names.map((name) => ({ keys: [name] })) };
}

Deno.test("notifier: what happens is measured first, then told to the application", async () => {
  const { log, hooks, notifier } = rig();
  notifier.stateChanged("Init", "ClaimingID", 3);
  notifier.alert("warn", 50);
  assert.equal(notifier.lastError, undefined);
  const error = new Error("e");
  notifier.error(error);
  assert.equal(notifier.lastError, error);
  await hooks.idle();
  assert.deepEqual(log.filter((line) => !line.startsWith("hook")), [
    "stateTransition(Init,ClaimingID,3)",
    "alertLevel(warn)",
    "alertEmitted(warn)",
    "cacheAge(50)",
  ]);
  assert.deepEqual(log.filter((line) => line.startsWith("hook")), [
    "hook state Init ClaimingID",
    "hook alert warn 50",
    "hook error e",
  ]);
});

Deno.test("notifier: a source that fails is measured only where there is something to go on with", async () => {
  const { log, hooks, notifier } = rig();
  notifier.sourceFailed(new Error("first"), false);
  notifier.sourceFailed(new Error("second"), true);
  await hooks.idle();
  assert.deepEqual(log.filter((line) => line.startsWith("cacheFallback")), [
    "cacheFallback(source)",
  ]);
  assert.deepEqual(log.filter((line) => line.startsWith("hook")), [
    "hook error first",
    "hook error second",
  ]);
});

Deno.test("notifier: the application is told the true difference to what it was told last", async () => {
  const { log, notifier } = rig();
  const { onAssignment } = notifier.sessionEvents(() => {});
  await onAssignment(assignment(1, "a", "b"));
  // The same partitions in a new generation are no news.
  await onAssignment(assignment(2, "a", "b"));
  await onAssignment(assignment(3, "b", "c"));
  await onAssignment(assignment(4));
  assert.deepEqual(log, [
    "assignmentChange(2,0,1,2)",
    "hook assignment +a+b -",
    "assignmentChange(1,1,3,2)",
    "hook assignment +c -a",
    "assignmentChange(0,2,4,0)",
    "hook assignment + -b+c",
  ]);
});

Deno.test("notifier: a first assignment of nothing is told, and what is no news waits for the hooks too", async () => {
  const { log, hooks, notifier } = rig();
  const { onAssignment } = notifier.sessionEvents(() => {});
  await onAssignment(assignment(1));
  assert.deepEqual(log, ["assignmentChange(0,0,1,0)", "hook assignment + -"]);
  void hooks.emit({ type: "state", from: "Init", to: "ClaimingID" });
  await onAssignment(assignment(2));
  assert.equal(log.at(-1), "hook state Init ClaimingID");
});

Deno.test("notifier: what sessions tell is measured; leadership shows in the state after it was told", async () => {
  const { log, hooks, notifier } = rig();
  const events = notifier.sessionEvents(() => void log.push("progress"));
  events.onProgress();
  events.onLeadership(true, 7);
  events.onRebalanceFailed("emergency", new Error("e"));
  events.onRenewed(false);
  events.onProbeMiss("i1", "timeout");
  events.onClaimed("worker-1", 1);
  events.onEvicted("worker-2", "i2", "no responders");
  events.onLost("evicted");
  events.onError(new Error("told"));
  await hooks.idle();
  assert.deepEqual(log.filter((line) => !line.startsWith("hook")), [
    "progress",
    "leadershipChange(true,7)",
    "progress",
    "rebalanceAttempt(emergency,false)",
    "heartbeat(false)",
    "probeMiss(timeout)",
  ]);
  assert.deepEqual(log.filter((line) => line.startsWith("hook")), [
    "hook leader true 7",
    "hook error told",
  ]);
});
