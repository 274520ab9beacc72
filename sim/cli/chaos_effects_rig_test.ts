/**
 * What each kind of chaos event has to have done in a whole run, and how that is seen from outside. A kind without a row does not compile.
 * No test of its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { NetworkFault } from "../chaos/chaos_plan.ts";
import type { ChaosType } from "../config/config_schema.ts";
import type { Delivery } from "../ledger/ledger.ts";
import type { DoneEvent, Sight, WatchedRun } from "./watched_run_rig_test.ts";

/** Throws if an event has not done what it is for. */
export type Effect = (run: WatchedRun, event: DoneEvent, name: string) => void;

/** Where the effect of a kind is shown: by what it has to have done, in a run of `sim_effects_test.ts`, or by a test that is there anyway. */
export type Row = Effect | { readonly file: string; readonly test: string };

/** How long until something is seen, in milliseconds; said and done are not the same moment on a busy machine. */
const SEEN_MS = 1_000;
/** What is said of so long before an event, or its end, is of before it, and so long after it nothing is under way any more. */
const NOT_YET_MS = 250;
/** How long a worker that is asked to leave may take. */
const LEFT_MS = 10_000;
/** At least so long handlers take in a slow worker (`../worker/worker.ts`), and where each answer of the server is 40 ms late both ways. */
const SLOW_MS = 50;
const LATE_MS = 80;
/** So many times longer than usual. */
const MANY_TIMES = 3;
/** So many handlers tell something. */
const ENOUGH = 5;

/** The rows. */
export const EFFECTS: Readonly<Record<ChaosType, Row>> = {
  worker_crash: isKilled,
  leader_failure: (run, event, name) => {
    assertLed(run, event, name);
    isKilled(run, event, name);
  },
  worker_restart: (run, event, name) => {
    const { before, after } = hasLeft(run, event, name);
    assert.ok(after !== undefined, `${before} did not come back`);
    const was = run.stableIdsOf(before);
    assert.equal(was.length, 1, `${before} had ${was.join(" and ")}`);
    assert.deepEqual(run.stableIdsOf(after), was, `${after} has another stable ID`);
  },
  scale_up: (run, { atMs }, name) => {
    const process = `${name}#1`;
    const [first] = run.processes.get(process) ?? [];
    assert.ok(first !== undefined && first.untilMs > atMs, `${name} was there before`);
    assert.ok(run.handled(process).length > 0, `${name} has handled nothing`);
  },
  scale_down: (run, event, name) => {
    const { before, after } = hasLeft(run, event, name);
    assert.equal(after, undefined, `${before} came back`);
  },
  producer_crash: (run, event, name) => {
    const { after } = isGone(run, event, { name, withinMs: SEEN_MS });
    assert.ok(after !== undefined, `${name} did not come back`);
    const sends = run.batches.some(({ process, reports }) =>
      process === after && reports.some(({ kind }) => kind === "sent")
    );
    assert.ok(sends, `${after} sends nothing`);
  },
  worker_pause: isStopped,
  leader_pause: (run, event, name) => {
    assertLed(run, event, name);
    isStopped(run, event, name);
  },
  slow_worker: (run, { atMs, plan }, name) => {
    const process = run.incarnation(name, atMs);
    const [slow, usual] = during(run.handled(process), atMs, plan.downMs);
    assertLonger(slow, usual, SLOW_MS);
  },
  nats_disconnect: (run, event, name) => NETWORK_EFFECTS[event.plan.network!](run, event, name),
  nats_server_kill: (run, { atMs, plan }) => {
    const before = [...run.servers.values()].map((sights) => pidsOf(sights, 0, atMs));
    const meanwhile = [...run.servers.values()]
      .map((sights) => pidsOf(sights, atMs + SEEN_MS, atMs + plan.downMs - NOT_YET_MS));
    const after = [...run.servers.values()]
      .map((sights) => pidsOf(sights, atMs + plan.downMs, Number.POSITIVE_INFINITY));
    assert.ok(before.length > 0 && before.every(({ length }) => length === 1), "no server before");
    assert.deepEqual(meanwhile.flat(), [], "its process is there");
    for (const [index, [pid]] of before.entries()) {
      assert.equal(after[index]!.length, 1, "it came back");
      assert.notEqual(after[index]![0], pid, "it is another process");
    }
  },
  nats_node_kill: {
    file: "sim_cluster_test.ts",
    test: "a run on a cluster passes while its nodes are killed one after the other",
  },
  partition_changes: {
    file: "sim_chaos_test.ts",
    test: "partitions that come are sent to and handled, those that go are drained",
  },
  poison_message: {
    file: "sim_chaos_test.ts",
    test: "a poisoned message goes to the dead letters, and those behind it come in order",
  },
  coordinator_crash: {
    file: "sim_crash_test.ts",
    test: "a coordinator that is killed twice: others come after it",
  },
};

/** The same for each way in which a network fails. */
const NETWORK_EFFECTS: Readonly<Record<NetworkFault, Effect>> = {
  cut: isCut,
  away: isCut,
  "half-open": isUnheard,
  mute: isUnheard,
  // It hears nothing, and gives up its connection; how soon, and whether it has said something before, depends on when it last asked.
  deaf: (run, event, name) => isDisconnected(run, event, { name, withinMs: event.plan.downMs }),
  slow: (run, { atMs, plan }, name) => {
    const process = run.incarnation(name, atMs);
    const [late, usual] = during(run.handled(process), atMs, plan.downMs);
    assertLonger(late, usual, LATE_MS);
  },
};

/** Whom an event has hit. */
export function victimsOf({ record: { target } }: DoneEvent): string[] {
  return target.match(/(?:worker|producer)-\d+|nats-server/g) ?? [];
}

/** An event was done, had its recovery measured, and the group was whole again after it. */
export function assertRecovered({ record, plan }: DoneEvent, text: string): void {
  const { type, target, recoveredMs, wholeMs, failed, skipped } = record;
  const what = `#${record.number} ${type} (${target})`;
  assert.deepEqual([failed, skipped], [undefined, undefined], `${what}\n${text}`);
  assert.ok(recoveredMs !== null && recoveredMs > 0, `${what}: ${recoveredMs}\n${text}`);
  assert.ok(wholeMs !== null && wholeMs >= 0, `${what}: ${wholeMs}\n${text}`);
  // Until then it was not even there, or not told that all is well again.
  const isAway = ["nats_server_kill", "nats_disconnect", "slow_worker", "producer_crash"];
  if (isAway.includes(type)) {
    assert.ok(recoveredMs >= plan.downMs, `${what}: ${recoveredMs}\n${text}`);
  }
}

interface WhoGoes {
  readonly name: string;
  readonly withinMs: number;
}

/** Its process is gone soon; the next one of its name, if there is one, is another. */
function isGone(run: WatchedRun, { atMs }: DoneEvent, { name, withinMs }: WhoGoes) {
  const before = run.incarnation(name, atMs);
  const sights = run.processes.get(before)!;
  assert.ok(sights.at(-1)!.fromMs < atMs + withinMs, `${before} is still there`);
  const after = run.nextOf(before);
  if (after !== undefined) {
    assert.notEqual(run.processes.get(after)![0]!.pid, sights[0]!.pid, "the same process");
  }
  return { before, after };
}

/** Whoever is killed says nothing of it, and another one comes. */
function isKilled(run: WatchedRun, event: DoneEvent, name: string): void {
  const { before, after } = isGone(run, event, { name, withinMs: SEEN_MS });
  assert.ok(after !== undefined, `${name} did not come back`);
  assert.notEqual(lastIdOf(run, before), "", `${before} has left`);
}

/** Whoever leaves has given back its stable ID, and says so. */
function hasLeft(run: WatchedRun, event: DoneEvent, name: string) {
  const gone = isGone(run, event, { name, withinMs: LEFT_MS });
  assert.equal(lastIdOf(run, gone.before), "", `${gone.before} did not leave in order`);
  return gone;
}

function lastIdOf(run: WatchedRun, process: string): string | undefined {
  return run.statusOf(process, Number.POSITIVE_INFINITY)?.worker;
}

function assertLed(run: WatchedRun, { atMs }: DoneEvent, name: string): void {
  const process = run.incarnation(name, atMs);
  assert.equal(run.statusOf(process, atMs)?.leader, true, `${process} did not lead`);
}

/** It stands still through all of the time, and goes on afterwards as the same process. */
function isStopped(run: WatchedRun, { atMs, plan }: DoneEvent, name: string): void {
  const sights = run.processes.get(run.incarnation(name, atMs))!;
  const untilMs = atMs + plan.downMs;
  const meanwhile = sights.filter((sight) =>
    sight.fromMs > atMs + SEEN_MS && sight.untilMs < untilMs - NOT_YET_MS
  );
  assert.ok(meanwhile.length >= ENOUGH, `${name} was seen ${meanwhile.length} times`);
  for (const { stat } of meanwhile) assert.match(stat, /^T/, `${name} runs`);
  const after = sights.filter((sight) => sight.fromMs > untilMs + SEEN_MS);
  assert.ok(after.length > 0, `${name} did not go on`);
  for (const { stat } of after) assert.doesNotMatch(stat, /^T/, `${name} stands still`);
}

function isCut(run: WatchedRun, event: DoneEvent, name: string): void {
  isDisconnected(run, event, { name, withinMs: SEEN_MS });
}

/** The connections that were there are not any more. */
function isDisconnected(
  run: WatchedRun,
  { atMs }: DoneEvent,
  { name, withinMs }: WhoGoes,
): void {
  const sights = run.processes.get(run.incarnation(name, atMs))!;
  const before = sights.filter((sight) => sight.untilMs < atMs).at(-1)!.connections;
  assert.ok(before.length > 0, `${name} was connected`);
  const after = sights.filter((sight) => sight.fromMs > atMs + withinMs);
  assert.ok(after.length > 0, `${name} was not seen after it`);
  const kept = after.flatMap(({ connections }) => connections).filter((one) =>
    before.includes(one)
  );
  assert.deepEqual(kept, [], `connections of ${name} are still there`);
}

/**
 * Nothing that it says comes through. What it said before may be heard later by who watches, on a busy machine; and the fault counts from
 * before it is said to be done, so that it is over a little earlier.
 */
function isUnheard(run: WatchedRun, { atMs, plan }: DoneEvent, name: string): void {
  const process = run.incarnation(name, atMs);
  const words = run.batches.filter((batch) => batch.process === process);
  const untilMs = atMs + plan.downMs - NOT_YET_MS;
  const heard = words.filter((one) => one.atMs > atMs + SEEN_MS && one.atMs < untilMs);
  const when = heard.map((one) => `${one.number} after ${one.atMs - atMs} ms`);
  assert.deepEqual(when, [], `${process} was heard`);
  assert.ok(words.length > 0, `${name} was never heard`);
}

/** What was handled in a time, and what was long before or after it. */
function during(all: readonly Delivery[], atMs: number, lastsMs: number): [number[], number[]] {
  const written = all.filter(({ outcome }) => outcome === "written");
  const tookMs = ({ startUs, endUs }: Delivery) => (endUs - startUs) / 1_000;
  const isIn = ({ startUs, endUs }: Delivery) =>
    startUs / 1_000 > atMs && endUs / 1_000 < atMs + lastsMs;
  const isAway = ({ startUs, endUs }: Delivery) =>
    endUs / 1_000 < atMs - NOT_YET_MS || startUs / 1_000 > atMs + lastsMs + SEEN_MS;
  return [written.filter(isIn).map(tookMs), written.filter(isAway).map(tookMs)];
}

function assertLonger(long: number[], usual: number[], leastMs: number): void {
  const found = `${long.length} handlers in that time, and ${usual.length} besides`;
  assert.ok(long.length >= ENOUGH && usual.length >= ENOUGH, found);
  assert.ok(median(long) >= leastMs, `they took ${median(long)} ms`);
  assert.ok(
    median(long) >= MANY_TIMES * median(usual),
    `they took ${median(long)} ms, and else ${median(usual)} ms`,
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Which processes were seen in a time. */
export function pidsOf(
  sights: readonly Sight[],
  fromMs: number,
  untilMs: number,
): number[] {
  const seen = sights.filter((sight) => sight.fromMs > fromMs && sight.untilMs < untilMs);
  return [...new Set(seen.map(({ pid }) => pid))];
}
