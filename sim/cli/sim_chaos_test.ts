import assert from "node:assert/strict";
import type { ChaosRecord, SimReport } from "../report/report.ts";
import { defects, type Ended, sim, SMALL } from "./sim_rig_test.ts";

/** A run of so many seconds with these events, and nothing left to dice. */
async function chaotic(
  seconds: number,
  timeline: readonly string[],
  ...args: string[]
): Promise<Ended & { report: SimReport }> {
  const sets = ["chaos.enabled=true", "chaos.events=[]", `chaos.timeline=[${timeline}]`];
  const ended = await sim(
    ...SMALL,
    ...["--duration", `${seconds}s`],
    ...sets.flatMap((set) => ["--set", set]),
    ...args,
  );
  assert.ok(ended.report !== undefined, ended.stderr);
  return { ...ended, report: ended.report };
}

/** Each event was done, had its recovery measured, and the group was whole again after it. */
function assertRecovered(chaos: readonly ChaosRecord[], stdout: string): void {
  for (const { type, recoveredMs, wholeMs, failed, skipped } of chaos) {
    assert.deepEqual([skipped, failed], [undefined, undefined], stdout);
    assert.ok(recoveredMs !== null && recoveredMs > 0, `${type} ${recoveredMs}\n${stdout}`);
    assert.ok(wholeMs !== null && wholeMs >= 0, `${type} ${wholeMs}\n${stdout}`);
  }
}

Deno.test("partitions that come are sent to and handled, those that go are drained, also while workers and producers die", async () => {
  const { code, stdout, report } = await chaotic(
    10,
    [
      "{ at: 500ms, event: partition_changes, add: 4, remove: 3 }",
      "{ at: 600ms, event: producer_crash, down: 500ms }",
      "{ at: 2s, event: leader_failure }",
      "{ at: 2100ms, event: partition_changes, add: 2, remove: 2 }",
      "{ at: 5s, event: partition_changes, add: 1, remove: 0 }",
    ],
    "--set",
    "workers.count=4",
  );
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  assertRecovered(report.chaos, stdout);
  const changes = report.chaos.filter(({ type }) => type === "partition_changes");
  assert.match(changes[0]!.target, /^adding 12, 13, 14, 15, removing \d+, \d+, \d+$/);
  assert.match(changes[1]!.target, /^adding 16, 17, removing \d+, \d+$/);
  assert.equal(changes[2]!.target, "adding 18, removing none");
  assert.equal(report.partitions, 12);
  assert.deepEqual(report.partitionChanges, { added: 7, removed: 5 });
  assert.match(stdout, /^ {2}changed: +7 added, 5 removed while it ran$/m);
  // Of what there is in the end everybody has a part, and nobody anything else.
  const shared = report.workers.reduce((sum, { partitions }) => sum + partitions, 0);
  assert.equal(shared, 12 + 7 - 5);
  // Load of the new ones: without it too little would have been sent, and the verdict would be in doubt.
  assert.equal(report.messages.sent, report.messages.effective);
});

Deno.test("a poisoned message goes to the dead letters, and those behind it come in order", async () => {
  const { code, stdout, report } = await chaotic(8, [
    "{ at: 500ms, event: poison_message }",
    "{ at: 1s, event: poison_message }",
    "{ at: 1200ms, event: worker_crash }",
    "{ at: 2s, event: poison_message }",
  ]);
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  assertRecovered(report.chaos, stdout);
  const { sent, effective, deadLetters, givenUp, redeliveries } = report.messages;
  assert.deepEqual([deadLetters, givenUp], [3, 0]);
  assert.equal(sent, effective + deadLetters);
  assert.ok(redeliveries >= 3 * 4, `each was tried five times, and not ${redeliveries}`);
  const poisoned = report.chaos.filter(({ type }) => type === "poison_message");
  const places = poisoned.map(({ target }) => target);
  assert.ok(places.every((place) => /^partition \d+$/.test(place)), places.join());
  // Four pauses between five tries: 200 ms and each 1.6 times as long as the last, give or take.
  assert.ok(poisoned.every(({ recoveredMs }) => recoveredMs! > 600), stdout);
  assert.match(stdout, /^Dead Letters: +3 poisoned on purpose$/m);
});

Deno.test("a producer that comes back goes on where the ramp of the rates is, and the load is what was asked for", async () => {
  const variation = "{ enabled: true, min_multiplier: 0.1, max_multiplier: 10, ramp_interval: 6s }";
  const { code, stdout, report } = await chaotic(
    6,
    ["{ at: 3s, event: producer_crash, down: 200ms }"],
    ...["--set", "producers.count=1", "--set", "partitions.message_rate_per_partition=2"],
    ...["--set", `producers.rate_variation=${variation}`],
  );
  // From the foot of the ramp again it would be half as much, and the verdict unknown.
  assert.equal(code, 0, stdout);
  assert.equal(report.verdict, "pass");
  assertRecovered(report.chaos, stdout);
});

Deno.test("planted: a message that is given up without having been poisoned fails the run", async () => {
  const { code, stdout, report } = await chaotic(
    4,
    ["{ at: 1ms, event: scale_up, count: 1 }"],
    ...["--seed", "5", "--fault", "give-up"],
  );
  assert.equal(code, 1, stdout);
  assert.deepEqual(defects(report), { givenUp: 1 });
  assert.match(report.reasons[0]!, /^1 given up: among the dead letters, though its handler/);
});

Deno.test("planted: partitions that are taken away while messages are sent to them strand these", async () => {
  const { code, stdout, report } = await chaotic(
    4,
    ["{ at: 500ms, event: partition_changes, add: 1, remove: 3 }"],
    ...["--fault", "strand", "--set", "coordinator.validation_window=3s"],
  );
  assert.equal(code, 1, stdout);
  const { undelivered = 0, ...others } = defects(report);
  assert.ok(undelivered > 0, stdout);
  assert.deepEqual(others, {});
});

Deno.test("planted: a worker that does not come to rest again fails the event that made it come back", async () => {
  const { code, stdout, report } = await chaotic(
    12,
    // Far enough from each other that the first one is over, also on a busy machine.
    ["{ at: 200ms, event: scale_up, count: 1 }", "{ at: 11s, event: worker_restart }"],
    ...["--fault", "unsettled", "--set", "coordinator.validation_window=10s"],
  );
  assert.equal(code, 1, stdout);
  assert.deepEqual(defects(report), {});
  const [scaled, restarted] = report.chaos;
  assert.ok(scaled!.wholeMs !== null && scaled!.failed === undefined, stdout);
  assert.equal(restarted!.wholeMs, null);
  const name = restarted!.target;
  // On a busy machine it may not have been heard of at all by then, nor may others.
  const said = new RegExp(`^not whole again within 10s: .*\\b${name} is (Scaling|silent)\\b`);
  assert.match(restarted!.failed!, said);
  const incident = `#2 worker_restart (${name}): ${restarted!.failed}`;
  assert.ok(report.incidents.includes(incident), report.incidents.join("\n"));
  assert.match(stdout, /\[INFO\] Validation: #1 scale_up \(.*\): whole again after \d+ms$/m);
  assert.ok(stdout.includes(`[FAIL] ${incident}`), stdout);
  assert.match(
    stdout,
    /^ {2}whole again: +after 1 of 2, 1 failed, at most \d+ms later \(#1 scale_up\)$/m,
  );
});

Deno.test("planted: a defect before the group is whole again is told by the event's name", async () => {
  const { code, stdout, report } = await chaotic(
    5,
    ["{ at: 1ms, event: worker_restart }"],
    ...["--seed", "5", "--fault", "lose"],
  );
  assert.equal(code, 1, stdout);
  assert.deepEqual(defects(report), { lost: 1 });
  const [{ target, failed, wholeMs }] = report.chaos as [ChaosRecord];
  assert.match(
    failed!,
    /^before the group was whole again: lost in partition \d+: middle: sequences 3 /,
  );
  assert.ok(wholeMs !== null, "whole again it was, but not clean");
  assert.deepEqual(report.incidents, [`#1 worker_restart (${target}): ${failed}`]);
});
