/** What becomes of running handlers when the connection is away for longer than others wait. */
import assert from "node:assert/strict";
import { settled } from "../abort.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
import { Dispatcher, type Outcome } from "./dispatch/dispatcher.ts";
import type { HandlerContext } from "./dispatch/handler.ts";
import { fakeLane, FakeMessage, slots } from "./fakes_test.ts";
import { all, calls, team } from "./lanes/keeper_rig_test.ts";
import { ModelTeam } from "./model_team_test.ts";
import { Run } from "./dispatch/run.ts";
import { testConfig } from "./team_test.ts";
import { envCount } from "../test_support/env_count.ts";

const AWAY = new PartiError("PARTI_DISCONNECTED", "away");
const GRACE_MS = 100;

function running(manualAck = false): Run {
  const [slot] = slots("a");
  fakeLane([slot!]);
  return new Run(slot!, new FakeMessage("a", 7), { worker: "w", instance: "i" }, manualAck);
}

Deno.test("interrupt: ends the try under way, and the next one has a signal of its own", () => {
  const run = running();
  run.begin({ epoch: 1, generation: 1 }, 0);
  const first = run.signal;
  run.interrupt(AWAY);
  assert.deepEqual([first.aborted, first.reason, run.interrupted, run.aborted], [
    true,
    AWAY,
    true,
    false,
  ]);
  run.end();
  run.renew();
  run.begin({ epoch: 1, generation: 2 }, 0);
  assert.deepEqual([run.signal.aborted, run.interrupted, run.attempt], [false, false, 2]);
  run.interrupt(AWAY);
  assert.equal(run.signal.aborted, true, "also where nobody has looked at it yet");
});

Deno.test("interrupt: between two tries there is nothing to interrupt", () => {
  const run = running();
  run.begin({ epoch: 1, generation: 1 }, 0);
  run.end();
  run.interrupt(AWAY);
  assert.deepEqual([run.interrupted, run.signal.aborted], [false, false]);
});

Deno.test("interrupt: whoever acknowledges by hand is waited for anew", async () => {
  const run = running(true);
  run.begin({ epoch: 1, generation: 1 }, 0);
  const first = run.acked;
  const { context } = run;
  run.interrupt(AWAY);
  await first;
  run.end();
  run.renew();
  run.begin({ epoch: 1, generation: 1 }, 0);
  assert.notEqual(run.acked, first);
  // Whatever still works for the first try sees that it is over, and its ack is nothing to the second one.
  assert.deepEqual([context.signal.reason, run.context.signal.aborted], [AWAY, false]);
  let isAcked = false;
  void run.acked!.then(() => isAcked = true);
  context.ack();
  await settle();
  assert.equal(isAcked, false);
  run.context.ack();
  await run.acked;
});

Deno.test("interrupt: the end of the right is final, whichever came first", () => {
  const lost = new PartiError("PARTI_LEASE_LOST", "lost");
  const run = running();
  run.begin({ epoch: 1, generation: 1 }, 0);
  run.interrupt(AWAY);
  run.abort(lost);
  assert.equal(run.aborted, true);
  const other = running();
  other.begin({ epoch: 1, generation: 1 }, 0);
  other.abort(lost);
  other.interrupt(AWAY);
  assert.deepEqual([other.interrupted, other.signal.reason], [false, lost]);
});

/** A dispatcher whose handler does as it is told, call by call. */
function dispatching(mayBegin: (run: Run) => Promise<void> | undefined = () => undefined) {
  const clock = new ManualClock();
  const calls: { signal: AbortSignal; end: () => void; fail: (error: unknown) => void }[] = [];
  const contexts: HandlerContext[] = [];
  const outcomes: Outcome[] = [];
  const failures: unknown[] = [];
  const dispatcher = new Dispatcher({
    world: { clock, random: { float: () => 1, uuid: () => "" }, messaging: { connected: true } },
    config: testConfig({ maxDeliver: 1 }),
    owner: { worker: "w", instance: "i" },
    handler: (_message, context) => {
      const { signal } = context;
      contexts.push(context);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      calls.push({ signal, end: resolve, fail: reject });
      return promise;
    },
    mayAct: () => true,
    mayBegin,
    onStarted: () => {},
    onPoison: () => Promise.resolve("done"),
    onOutcome: (_slot, _run, outcome) => void outcomes.push(outcome),
    onFailure: (_slot, _message, _attempt, error) => void failures.push(error),
    onHandled: () => {},
    onIdle: () => {},
    onError: (error) => void failures.push(error),
  });
  const [slot] = slots("a");
  const { lane } = fakeLane([slot!]);
  slot!.take(new FakeMessage("a", 7), lane);
  dispatcher.offer(slot!);
  return { slot: slot!, calls, contexts, outcomes, failures };
}

for (const end of ["comes back as if all were well", "fails with an error of its own"] as const) {
  Deno.test(`interrupt: a handler that ${end}, when the connection is back already, has neither handled nor failed`, async () => {
    const { slot, calls, outcomes, failures } = dispatching();
    slot.running!.interrupt(AWAY);
    if (end === "comes back as if all were well") calls[0]!.end();
    else calls[0]!.fail(new Error("cancelled"));
    await settle();
    assert.deepEqual([outcomes, failures, calls.length], [[], [], 2]);
    assert.deepEqual([calls[1]!.signal.aborted, slot.stale], [false, false]);
    calls[1]!.end();
    await settle();
    assert.deepEqual([outcomes, slot.doneSequence], [["done"], 7]);
  });
}

Deno.test("interrupt: what waits at the gate is not let through by it, and begins once, under the right there is then", async () => {
  const gate = Promise.withResolvers<void>();
  const { slot, calls, contexts } = dispatching((run) => settled(gate.promise, run.signal));
  slot.running!.interrupt(AWAY);
  await settle();
  assert.equal(calls.length, 0);
  slot.ownership = { epoch: 1, generation: 9 };
  gate.resolve();
  await settle();
  const { signal, attempt, generation } = contexts[0]!;
  assert.deepEqual([calls.length, signal.aborted, attempt, generation], [1, false, 1, 9]);
});

Deno.test("interrupt: whose lane was deleted meanwhile has lost the lock, and is not begun again", async () => {
  const { slot, calls, outcomes } = dispatching();
  slot.running!.interrupt(AWAY);
  slot.lane!.fail("deleted", "the server was restarted");
  calls[0]!.end();
  await settle();
  assert.deepEqual([outcomes, calls.length, slot.stale], [["abandoned"], 1, true]);
});

Deno.test("interrupt: what is not wanted here any more is left to its new owner", async () => {
  const { slot, calls, outcomes } = dispatching();
  slot.running!.interrupt(AWAY);
  slot.wanted = false;
  calls[0]!.end();
  await settle();
  assert.deepEqual([outcomes, calls.length], [["abandoned"], 1]);
});

for (const obedient of [true, false]) {
  Deno.test(`interrupt: away for longer than the grace, a handler that ${obedient ? "heeds" : "does not heed"} its signal: no failure, no ack, then handled anew on the same lane`, async () => {
    const group = team({
      members: 1,
      graceMs: GRACE_MS,
      config: { maxDeliver: 1 },
      temper: () => 1_000,
      obedient,
    });
    const [member] = group.members;
    group.assign(all(group, 0));
    await group.clock.advance(50);
    for (const partition of group.partitions) group.publish(partition);
    await group.clock.advance(50);
    assert.equal(member!.consumer.health().running, 4);
    const before = calls(group);
    member!.client.cut();
    await group.clock.advance(GRACE_MS - 1);
    assert.equal(group.record.handled.length + group.record.overlaps.length, 0);
    await group.clock.advance(5_000);
    assert.equal(group.server.feed.size, 4, "nothing is acknowledged");
    assert.equal(group.record.started.length, 4, "and nothing begun");
    member!.client.restore();
    await group.drained();
    group.assertEffects();
    const attempts = group.record.started.map(({ attempt }) => attempt);
    // The second tries waited at the gate: they are the ones that were seen after it.
    assert.deepEqual(attempts, [1, 1, 1, 1, 2, 2, 2, 2]);
    assert.equal(group.server.output.length, 4, "none went to the dead letters");
    const made = calls(group) - before;
    assert.equal(group.server.calls.get("create"), 1, `no new lane; ${made} calls in all`);
    assert.deepEqual(member!.errors.filter((error) => !isPartiError(error)), []);
    await group.end();
  });
}

Deno.test("interrupt: back within the grace nothing is noticed", async () => {
  const group = team({ members: 1, graceMs: GRACE_MS, temper: () => 1_000 });
  const [member] = group.members;
  group.assign(all(group, 0));
  await group.clock.advance(50);
  for (const partition of group.partitions) group.publish(partition);
  await group.clock.advance(50);
  member!.client.cut();
  await group.clock.advance(GRACE_MS - 1);
  member!.client.restore();
  await group.drained();
  assert.equal(group.record.started.length, 4);
  group.record.assertExact();
  await group.end();
});

const SEEDS = envCount("PARTI_FUZZ_SEEDS", 20);
const FIRST = envCount("PARTI_FUZZ_FIRST", 1);

/** Cuts a member off for a while; whoever is away for longer than the grace may be taken for dead. */
function cutOff(group: ModelTeam): void {
  const chance = group.random();
  const victim = group.living[group.pick(group.living.length)]!;
  if (chance > 0.15 || !victim.client.connected) return;
  const awayMs = group.random() * 1_500;
  const verdictMs = GRACE_MS + 5 + group.random() * 300;
  victim.client.cut();
  group.clock.setTimer(awayMs, () => victim.client.restore());
  if (awayMs <= verdictMs || group.random() < 0.3) return;
  group.clock.setTimer(verdictMs, () => {
    if (group.living.length < 3) group.join();
    if (victim.alive) group.evict(victim, group.random() < 0.5);
  });
}

Deno.test("interrupt: cut off and taken for dead at any time: never two handlers at once that heed their signals, every effect once", async () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const group = new ModelTeam({
      seed,
      members: 3,
      partitions: 8,
      graceMs: GRACE_MS,
      config: { maxDeliver: 3 },
      temper: (random) => random() < 0.8 ? random() * 20 : random() * 2_000,
    });
    group.assign(Object.fromEntries(group.partitions.map((name, index) => [name, index % 3])));
    for (let step = 0; step < 60; step++) {
      for (let i = group.pick(6); i > 0; i--) {
        group.publish(group.partitions[group.pick(group.partitions.length)]!);
      }
      cutOff(group);
      await group.clock.advance(group.random() * 300);
    }
    await group.clock.advance(2_000);
    group.heal();
    await group.drained();
    group.assertEffects();
    assert.deepEqual(group.record.overlaps, [], `seed ${seed}`);
    for (const member of group.members.filter(({ alive }) => !alive)) {
      member.consumer.fence("over");
    }
    await group.end();
  }
});
