/**
 * Stable IDs and the roster on a real server. Leases live on a clock driven by hand, so that a loaded machine cannot end them;
 * only the bucket's own TTL is real time.
 *
 * @module
 */
import assert from "node:assert/strict";
import { leaseBucket, WORKER_KEYS, workerKey } from "../names.ts";
import type { Clock } from "../ports/clock.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { systemClock } from "../ports/nats/clock.ts";
import { launchTestServer, testServers } from "../ports/nats/rig_test.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { ManualClock } from "../test_support/manual_clock.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";
import { plainRandom, RENEW_MS, TTL_MS } from "./fake_bucket_test.ts";
import { holderOf } from "./lease.ts";
import { answerProbes, isGone } from "./prober.ts";
import { Roster } from "./roster.ts";
import { type Claim, type ClaimOptions, claimStableId } from "./stable_id.ts";
import { encodeWorkerRecord } from "./worker_lease.ts";

const GROUP = "g";
const PATIENCE_MS = 30_000;
const never = new AbortController().signal;

function openLeases(world: World, ttlMs = 60_000): Promise<KvBucket> {
  return world.kv.open(leaseBucket(GROUP), { ttlMs, replicas: 1, storage: "file" });
}

interface Worker {
  readonly instance: string;
  readonly lost: string[];
  readonly claim: Promise<Claim>;
}

function start(
  bucket: KvBucket,
  clock: Clock,
  instance: string,
  changes: Partial<ClaimOptions> = {},
): Worker {
  const lost: string[] = [];
  const claim = claimStableId({
    bucket,
    clock,
    minId: 0,
    maxId: 99,
    formerInstances: new Set(),
    isGone: () => Promise.resolve(false),
    ttlMs: TTL_MS,
    signal: never,
    leaseOptions: (idNumber) => ({
      bucket,
      key: workerKey(idNumber),
      instance,
      clock,
      ttlMs: TTL_MS,
      renewEveryMs: RENEW_MS,
      value: () =>
        encodeWorkerRecord({
          worker: `worker-${idNumber}`,
          instance,
          host: "",
          capacity: 1,
          labels: {},
          leaving: false,
          applied: 0,
        }),
      onLost: (reason) => void lost.push(reason),
    }),
    ...changes,
  });
  return { instance, lost, claim };
}

async function holders(bucket: KvBucket): Promise<Map<string, string | undefined>> {
  const entries = await bucket.list(WORKER_KEYS);
  return new Map(entries.map((entry: KvEntry) => [entry.key, holderOf(entry)]));
}

/** Lets hand-driven time pass in steps, each only after the renewals of the one before have been answered. */
async function passTime(clock: ManualClock, claims: Claim[], durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += RENEW_MS) {
    const before = claims.map(({ lease }) => lease.endsAtMs);
    await clock.advance(RENEW_MS);
    await until(
      "every lease is renewed",
      () => claims.every(({ lease }, i) => lease.endsAtMs > before[i]!),
      PATIENCE_MS,
    );
  }
}

natsTest(
  "rows 51, 53: workers racing on connections of their own get unique IDs and keep them",
  async (rig) => {
    const clock = new ManualClock();
    const workers: Worker[] = [];
    for (let i = 0; i < 5; i++) {
      const { world } = await rig.connect();
      workers.push(start(await openLeases(world), clock, `i${i}`, { maxId: 4 }));
    }
    const claims = await Promise.all(workers.map((worker) => worker.claim));
    assert.deepEqual(claims.map((claim) => claim.idNumber).sort(), [0, 1, 2, 3, 4]);

    await passTime(clock, claims, 3 * TTL_MS);
    const { world } = await rig.connect();
    const bucket = await openLeases(world);
    const late = new AbortController();
    const sixth = start(bucket, clock, "sixth", { maxId: 4, signal: late.signal });
    await passTime(clock, claims, 2 * TTL_MS);
    late.abort();
    await assert.rejects(sixth.claim, { code: "PARTI_NO_FREE_ID" });
    for (const [i, { idNumber, lease }] of claims.entries()) {
      assert.ok(lease.valid);
      assert.equal((await holders(bucket)).get(workerKey(idNumber)), `i${i}`);
      assert.deepEqual(workers[i]?.lost, []);
      await lease.release();
    }
    assert.equal((await holders(bucket)).size, 0);
  },
);

natsTest(
  "rows 50, 52: the first is worker-0, renews again and again, and releases",
  async (rig) => {
    const { world } = await rig.connect();
    const clock = new ManualClock();
    const bucket = await openLeases(world);
    const claim = await start(bucket, clock, "a").claim;
    assert.equal(claim.idNumber, 0);
    const before = claim.lease.revision;
    await passTime(clock, [claim], TTL_MS);
    assert.ok(claim.lease.revision >= before + 2, "at least two renewals within a TTL");
    await claim.lease.release();
    assert.equal(await bucket.get(workerKey(0)), undefined);
    const again = await start(bucket, clock, "b").claim;
    assert.equal(again.idNumber, 0, "and the number is free");
    assert.ok(again.lease.revision > claim.lease.revision);
    again.lease.abandon();
  },
);

natsTest(
  "rows 55, 57: released at once or left alone, it neither hangs nor takes the key along",
  async (rig) => {
    const { world } = await rig.connect();
    const clock = new ManualClock();
    const bucket = await openLeases(world);
    await (await start(bucket, clock, "a").claim).lease.release();
    assert.equal(await bucket.get(workerKey(0)), undefined);
    const kept = await start(bucket, clock, "b").claim;
    kept.lease.abandon();
    await clock.advance(2 * TTL_MS);
    assert.equal((await bucket.get(workerKey(0)))?.revision, kept.lease.revision);
    assert.equal(clock.pendingTimers, 0);
  },
);

natsTest("row 56: the claim's signal ends the claim, not the lease", async (rig) => {
  const { world } = await rig.connect();
  const clock = new ManualClock();
  const bucket = await openLeases(world);
  const abort = new AbortController();
  const worker = start(bucket, clock, "a", { signal: abort.signal });
  const claim = await worker.claim;
  abort.abort();
  await passTime(clock, [claim], 2 * TTL_MS);
  assert.ok(claim.lease.valid);
  assert.deepEqual(worker.lost, []);
  await claim.lease.release();
});

natsTest(
  "W-30, W-31: a paused owner neither renews nor releases what another has taken over",
  async (rig) => {
    const [ownersClock, clock] = [new ManualClock(), new ManualClock()];
    const owner = start(await openLeases((await rig.connect()).world), ownersClock, "owner", {
      maxId: 0,
    });
    const { lease } = await owner.claim;
    const bucket = await openLeases((await rig.connect()).world);
    const other = start(bucket, clock, "other", { maxId: 0 });
    let done = false;
    void other.claim.then(() => done = true);
    await until("the silent owner's number is taken over", async () => {
      await clock.advance(TTL_MS / 4);
      return done;
    }, PATIENCE_MS);
    const taken = await other.claim;
    // The owner's clock stood still, as if it ran slowly: it believes in its lease until it tries to renew.
    assert.ok(lease.valid);
    await ownersClock.advance(RENEW_MS);
    await until("the owner knows", () => owner.lost.length > 0, PATIENCE_MS);
    assert.deepEqual(owner.lost, ["held by other now"]);
    await lease.release();
    assert.equal((await bucket.get(workerKey(0)))?.revision, taken.lease.revision);
    taken.lease.abandon();
  },
);

natsTest(
  "a worker whose process is gone gives its number to its successor at once",
  async (rig) => {
    const first = await rig.connect();
    const clock = new ManualClock();
    answerProbes(first.world.messaging, GROUP, "first", () => ({}));
    await first.world.messaging.flush(PATIENCE_MS);
    const before = await start(await openLeases(first.world), clock, "first", {
      preferredId: 7,
    }).claim;
    const { world } = await rig.connect();
    const probe = {
      group: GROUP,
      clock: systemClock,
      messaging: world.messaging,
      timeoutMs: 5_000,
      graceMs: 20,
    };
    const ask = (instance: string) => isGone(probe, instance);
    const bucket = await openLeases(world);
    const twin = await start(bucket, clock, "twin", { preferredId: 7, isGone: ask }).claim;
    assert.equal(twin.idNumber, 0, "not while it lives");
    await first.nc.close();
    const next = await start(bucket, clock, "next", { preferredId: 7, isGone: ask }).claim;
    assert.equal(next.idNumber, 7);
    assert.ok(next.lease.revision > before.lease.revision);
    for (const { lease } of [before, twin, next]) lease.abandon();
  },
);

natsTest(
  "row 58: after a restart of the server and the end of the TTL 0, 1, 2 are free again",
  async (rig) => {
    const { world } = await rig.connect();
    const bucket = await openLeases(world, 2_000);
    const clock = new ManualClock();
    for (const instance of ["a", "b", "c"]) {
      (await start(bucket, clock, instance).claim).lease.abandon();
    }
    await rig.server.kill();
    await rig.server.restart();
    const again = await openLeases((await rig.connect()).world, 2_000);
    await until("the keys expire", async () => (await holders(again)).size === 0, PATIENCE_MS);
    const numbers: number[] = [];
    for (const instance of ["d", "e", "f"]) {
      const { idNumber, lease } = await start(again, clock, instance).claim;
      numbers.push(idNumber);
      lease.abandon();
    }
    assert.deepEqual(numbers, [0, 1, 2]);
  },
);

natsTest("a lease outlives a restart of the server that is shorter than itself", async (rig) => {
  const { world } = await rig.connect();
  const bucket = await openLeases(world);
  const clock = new ManualClock();
  const worker = start(bucket, clock, "a");
  const claim = await worker.claim;
  await rig.server.kill();
  // A renewal fails in between, as it would.
  await clock.advance(RENEW_MS);
  await rig.server.restart();
  const before = claim.lease.endsAtMs;
  await until("it is renewed again", async () => {
    if (world.messaging.connected) await claim.lease.touch();
    return claim.lease.endsAtMs > before;
  }, PATIENCE_MS);
  assert.deepEqual(worker.lost, []);
  await claim.lease.release();
});

/** On the old server keys expire without a word. */
for (const server of testServers()) {
  Deno.test(`row 59: an expired number is claimed again, and the roster drops it [${server.label}]`, async () => {
    await using nats = await launchTestServer(server);
    const nc = await connectNats({ servers: nats.url });
    try {
      await expiry(natsWorld(nc));
    } finally {
      await nc.close();
    }
  });
}

async function expiry(world: World): Promise<void> {
  const bucket = await openLeases(world, 1_000);
  const clock = new ManualClock();
  const first = await start(bucket, clock, "first").claim;
  const roster = newRoster(bucket, clock);
  await until("the roster knows it", () => roster.members.length === 1, PATIENCE_MS);
  first.lease.abandon();
  await until("the key expires", async () => (await holders(bucket)).size === 0, PATIENCE_MS);
  const second = await start(bucket, clock, "second").claim;
  assert.equal(second.idNumber, 0);
  assert.ok(second.lease.revision > first.lease.revision, "revisions go on across the expiry");
  await until(
    "the roster knows the new one",
    () => roster.members[0]?.record.instance === "second",
    PATIENCE_MS,
  );
  second.lease.abandon();
  await until("the key expires again", async () => (await holders(bucket)).size === 0, PATIENCE_MS);
  // With markers the watch tells; without them the member lapses and the eviction finds nothing.
  await clock.advance(TTL_MS + 2);
  const [member] = roster.members;
  if (member !== undefined) {
    assert.ok(roster.isLapsed(member));
    assert.equal(await roster.evict(member), true);
  }
  assert.deepEqual(roster.members, []);
  await roster.close();
}

function newRoster(bucket: KvBucket, clock: Clock): Roster {
  return new Roster({
    bucket,
    clock,
    random: plainRandom(),
    ttlMs: TTL_MS,
    relistEveryMs: 2 * TTL_MS,
    onChange: () => {},
    onError: () => {},
  });
}

natsTest("an eviction and a renewal at the same moment: exactly one of them holds", async (rig) => {
  const { world } = await rig.connect();
  const observer = await openLeases(world);
  const roster = newRoster(observer, new ManualClock());
  const bucket = await openLeases((await rig.connect()).world);
  const outcomes = { evicted: 0, renewed: 0 };
  for (let round = 0; round < 40; round++) {
    const clock = new ManualClock();
    const worker = start(bucket, clock, `i${round}`);
    const { lease } = await worker.claim;
    const member = () => roster.members.find(({ record }) => record.instance === `i${round}`);
    await until("the roster knows it", () => member() !== undefined, PATIENCE_MS);
    // Who is sent first alternates; which one is carried out first is the server's affair.
    const renewing = round % 2 === 0 ? lease.confirm() : undefined;
    const evicting = roster.evict(member()!);
    const [renewed, evicted] = await Promise.all([renewing ?? lease.confirm(), evicting]);
    assert.equal(renewed, !evicted, `round ${round}`);
    assert.equal(lease.valid, renewed);
    outcomes[renewed ? "renewed" : "evicted"]++;
    await lease.release();
  }
  assert.ok(outcomes.evicted > 0 && outcomes.renewed > 0, JSON.stringify(outcomes));
  await roster.close();
});

natsTest("the roster sees again after the bucket was deleted and made anew", async (rig: Rig) => {
  const { world } = await rig.connect();
  const clock = new ManualClock();
  const bucket = await openLeases(world);
  const before = start(bucket, clock, "before");
  const claim = await before.claim;
  for (let i = 0; i < 5; i++) await claim.lease.touch();
  const roster = newRoster(bucket, systemClock);
  await until("the roster knows it", () => roster.members.length === 1, PATIENCE_MS);
  await world.kv.destroy(leaseBucket(GROUP));
  await openLeases(world);
  await claim.lease.touch();
  assert.deepEqual(before.lost, ["its key was removed: evicted"]);
  const after = await start(bucket, clock, "after").claim;
  assert.ok(after.lease.revision < claim.lease.revision, "revisions began anew");
  await until(
    "the roster sees it",
    () => roster.members.some((member) => member.record.instance === "after"),
    PATIENCE_MS,
  );
  after.lease.abandon();
  await roster.close();
});
