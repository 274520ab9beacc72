import assert from "node:assert/strict";
import { TestMessaging } from "../assignment/leader/leader_rig_test.ts";
import { type Snapshot, weightTable } from "../assignment/snapshot.ts";
import { resolveConfig } from "../config/config.ts";
import { LeaderWatch, type LeaderWatchOptions } from "./leader_watch.ts";
import { FakeBucket, plainRandom } from "../membership/fake_bucket_test.ts";
import { workerKey } from "../names.ts";
import { ManualClock } from "../test_support/manual_clock.ts";

const LEADER = { worker: "worker-9", instance: "leader" };
/** The prober's verdict: two rounds and a grace, in milliseconds. */
const DETECTED_MS = 600;

function listed(...instances: string[]): Snapshot {
  return {
    epoch: 1,
    generation: 1,
    leader: LEADER,
    reason: "refresh",
    atMs: 0,
    workers: instances.map((instance) => ({ id: `worker-${instance}`, instance, partitions: [] })),
    weights: weightTable([]),
  };
}

/** Somebody who watches under a clock driven by hand. */
function rig(latest?: Snapshot, options: { inOffice?: boolean; awayForMs?: number } = {}) {
  const clock = new ManualClock();
  const { awayForMs } = options;
  const backAtMs = awayForMs === undefined ? undefined : clock.monotonicMs() - awayForMs;
  const messaging = new TestMessaging(clock);
  const gone: string[] = [];
  const misses: string[] = [];
  const config = resolveConfig({ group: "g" });
  const leases = new FakeBucket();
  const renew = (instance = LEADER.instance) =>
    leases.poke(workerKey(9), { v: 1, worker: LEADER.worker, instance });
  renew();
  const revision = leases.peek(workerKey(9))!.revision;
  const session = {
    leases,
    world: { clock, messaging, random: plainRandom() },
    config,
    reconnectedAtMs: () => backAtMs,
    events: { onProbeMiss: (instance: string, kind: string) => misses.push(`${instance} ${kind}`) },
  } as unknown as LeaderWatchOptions["session"];
  const watch = new LeaderWatch({
    session,
    self: { worker: "worker-0", instance: "me" },
    latest: () => latest,
    isInOffice: () => options.inOffice ?? false,
    onGone: (instance) => gone.push(instance),
  });
  return { clock, messaging, config, leases, renew, revision, watch, gone, misses };
}

/** How many probes go out in a second while the leader answers. */
async function probes(latest?: Snapshot, options: { inOffice?: boolean } = {}): Promise<number> {
  const { clock, messaging, watch } = rig(latest, options);
  messaging.there.add(LEADER.instance);
  watch.leaderIs(LEADER);
  await clock.advance(1_000);
  watch.close();
  assert.equal(clock.pendingTimers, 0);
  return messaging.requests;
}

Deno.test("leader watch: the first three that are listed watch, not counting the leader", async () => {
  assert.ok(await probes(listed("a", "leader", "b", "me", "c")) > 0);
  assert.equal(await probes(listed("leader", "a", "b", "c", "me")), 0);
});

Deno.test("leader watch: at the beginning everybody watches", async () => {
  assert.ok(await probes() > 0, "nobody is listed");
  assert.ok(await probes(listed("a", "b", "c", "d")) > 0, "not listed oneself");
});

Deno.test("leader watch: nobody is watched by whoever leads, or where nobody leads", async () => {
  assert.equal(await probes(undefined, { inOffice: true }), 0);
  const { clock, messaging, watch } = rig();
  await clock.advance(1_000);
  watch.leaderIs({ worker: "worker-0", instance: "me" });
  await clock.advance(1_000);
  watch.leaderIs(LEADER);
  watch.leaderIs(undefined);
  await clock.advance(1_000);
  assert.equal(messaging.requests, 0);
  watch.close();
});

Deno.test("leader watch: a dead leader is told, and its verdict taken once", async () => {
  const { clock, revision, watch, gone, misses } = rig();
  assert.equal(watch.takeVerdict(), undefined);
  watch.leaderIs(LEADER);
  await clock.advance(DETECTED_MS);
  assert.equal(gone[0], "leader");
  assert.equal(misses[0], "leader no-responders");
  watch.leaderIs(undefined);
  await clock.advance(200);
  assert.deepEqual(watch.takeVerdict(), { instance: "leader", revision, wasBack: false });
  assert.equal(watch.takeVerdict(), undefined);
  watch.close();
});

Deno.test("leader watch: a verdict ages: whoever still leads an hour later was not dead", async () => {
  const { clock, config, watch, gone } = rig();
  watch.leaderIs(LEADER);
  await clock.advance(DETECTED_MS);
  watch.leaderIs(undefined);
  assert.ok(gone.length > 0);
  // A question that is under way may still end in a verdict.
  await clock.advance(config.probe.timeoutMs + config.probe.graceMs + DETECTED_MS);
  assert.equal(watch.takeVerdict(), undefined);
  watch.close();
});

Deno.test("leader watch: no verdict while it is held back", async () => {
  const { clock, watch, gone } = rig();
  watch.hold(5_000);
  watch.leaderIs(LEADER);
  await clock.advance(4_000);
  assert.equal(watch.heldForMs, 1_000);
  assert.deepEqual(gone, []);
  await clock.advance(1_000 + DETECTED_MS);
  assert.ok(gone.length > 0);
  watch.close();
});

Deno.test("leader watch: of a leader that dies soon after its return it is known that it had been back", async () => {
  const { clock, messaging, revision, watch } = rig();
  messaging.there.add(LEADER.instance);
  watch.leaderIs(LEADER);
  watch.hold(15_000);
  await clock.advance(2_000);
  messaging.there.delete(LEADER.instance);
  await clock.advance(DETECTED_MS);
  assert.deepEqual(watch.takeVerdict(), { instance: "leader", revision, wasBack: true });
  watch.close();
});

Deno.test("leader watch: one that begins right after a reconnect has no verdict until the others can be back", async () => {
  // For a lease's time, counted from the reconnect.
  const { clock, config: { heartbeatTtlMs }, watch, gone } = rig(undefined, { awayForMs: 1_000 });
  assert.equal(watch.heldForMs, heartbeatTtlMs - 1_000);
  watch.leaderIs(LEADER);
  await clock.advance(heartbeatTtlMs - 1_000);
  assert.deepEqual(gone, []);
  await clock.advance(DETECTED_MS);
  assert.ok(gone.length > 0);
  watch.close();
});

Deno.test("leader watch: the verdict is on the lease as it was between the questions: whoever renews it afterwards lives", async () => {
  const { clock, messaging, config, revision, renew, watch } = rig();
  messaging.there.add(LEADER.instance);
  watch.leaderIs(LEADER);
  await clock.advance(1_000);
  messaging.there.delete(LEADER.instance);
  // Once the first question has found nobody the lease is read.
  const asked = messaging.requests;
  while (messaging.requests === asked) await clock.advance(1);
  await clock.advance(config.probe.graceMs / 2);
  renew();
  await clock.advance(config.probe.graceMs);
  assert.deepEqual(watch.takeVerdict(), { instance: "leader", revision, wasBack: false });
  watch.close();
});

Deno.test("leader watch: of a leader whose lease is another's, or cannot be read in time, it is not said that it is dead; another may lead all the same", async () => {
  for (const what of ["another's", "gone", "silence", "refused"]) {
    const { clock, config, leases, renew, watch, gone } = rig();
    if (what === "another's") renew("somebody else");
    if (what === "gone") await leases.remove(workerKey(9));
    if (what === "silence") leases.before = () => new Promise(() => {});
    if (what === "refused") leases.before = () => Promise.reject(new Error("refused"));
    watch.leaderIs(LEADER);
    await clock.advance(DETECTED_MS + config.probe.timeoutMs);
    assert.ok(gone.length > 0, what);
    assert.equal(watch.takeVerdict(), undefined, what);
    watch.close();
    await clock.advance(0);
    assert.equal(clock.pendingTimers, 0, what);
  }
});
