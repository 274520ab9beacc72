import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../errors.ts";
import { workerKey } from "../names.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
import { FakeBucket, leaseOptions, timeout, TTL_MS } from "./fake_bucket_test.ts";
import { holderOf } from "./lease.ts";
import { type Claim, type ClaimOptions, claimStableId } from "./stable_id.ts";

const LOOK_MS = TTL_MS / 4;

interface Claimer {
  readonly claim: Promise<Claim>;
  readonly abort: AbortController;
  readonly lost: string[];
}

function claimer(
  bucket: FakeBucket,
  clock: ManualClock,
  instance: string,
  changes: Partial<ClaimOptions> = {},
): Claimer {
  const abort = new AbortController();
  const lost: string[] = [];
  const claim = claimStableId({
    bucket,
    clock,
    minId: 0,
    maxId: 9,
    formerInstances: new Set(),
    isGone: () => Promise.resolve(false),
    ttlMs: TTL_MS,
    signal: abort.signal,
    leaseOptions: (idNumber) =>
      leaseOptions(bucket, clock, {
        key: workerKey(idNumber),
        instance,
        onLost: (reason) => void lost.push(reason),
      }),
    ...changes,
  });
  claim.catch(() => {});
  return { claim, abort, lost };
}

function world() {
  return { clock: new ManualClock(), bucket: new FakeBucket() };
}

function holder(bucket: FakeBucket, idNumber: number): string | undefined {
  const entry = bucket.peek(workerKey(idNumber));
  return entry && holderOf(entry);
}

Deno.test("the first free number, from min on", async () => {
  const { clock, bucket } = world();
  const first = await claimer(bucket, clock, "a", { minId: 3 }).claim;
  const second = await claimer(bucket, clock, "b", { minId: 3 }).claim;
  assert.deepEqual([first.idNumber, second.idNumber], [3, 4]);
  assert.deepEqual([holder(bucket, 3), holder(bucket, 4)], ["a", "b"]);
  await first.lease.release();
  const third = await claimer(bucket, clock, "c", { minId: 3 }).claim;
  assert.equal(third.idNumber, 3, "a released number is free at once");
  second.lease.abandon();
  third.lease.abandon();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("row 53: twenty racers get twenty numbers, also when their lists are old", async () => {
  const { clock, bucket } = world();
  const old = await bucket.list("worker.*");
  bucket.list = () => Promise.resolve(old);
  const claims = await Promise.all(
    Array.from({ length: 20 }, (_, i) => claimer(bucket, clock, `i${i}`, { maxId: 19 }).claim),
  );
  const numbers = claims.map((claim) => claim.idNumber).sort((a, b) => a - b);
  assert.deepEqual(numbers, Array.from({ length: 20 }, (_, i) => i));
  for (const [i, claim] of claims.entries()) {
    assert.equal(holder(bucket, claim.idNumber), `i${i}`);
    claim.lease.abandon();
  }
});

Deno.test("the preferred number comes first, unless a living worker has it", async () => {
  const { clock, bucket } = world();
  const a = await claimer(bucket, clock, "a", { preferredId: 7 }).claim;
  assert.equal(a.idNumber, 7);
  const asked: string[] = [];
  const b = await claimer(bucket, clock, "b", {
    preferredId: 7,
    isGone: (instance) => {
      asked.push(instance);
      return Promise.resolve(false);
    },
  }).claim;
  assert.equal(b.idNumber, 0);
  assert.deepEqual(asked, ["a"]);
  assert.equal(holder(bucket, 7), "a");
  a.lease.abandon();
  b.lease.abandon();
});

Deno.test("two with the same preferred number at once: one gets it, the other another", async () => {
  const { clock, bucket } = world();
  const both = await Promise.all(
    ["a", "b"].map((instance) => claimer(bucket, clock, instance, { preferredId: 4 }).claim),
  );
  assert.deepEqual(both.map((claim) => claim.idNumber).sort(), [0, 4]);
  for (const { lease } of both) lease.abandon();
});

Deno.test("a preferred number outside the pool is ignored", async () => {
  const { clock, bucket } = world();
  const claim = await claimer(bucket, clock, "a", { preferredId: 10 }).claim;
  assert.equal(claim.idNumber, 0);
  claim.lease.abandon();
});

Deno.test("a restarted worker has its number back as soon as its former life is gone", async () => {
  const { clock, bucket } = world();
  bucket.poke(workerKey(5), { instance: "before" });
  const claim = await claimer(bucket, clock, "after", {
    preferredId: 5,
    isGone: (instance) => Promise.resolve(instance === "before"),
  }).claim;
  assert.equal(claim.idNumber, 5);
  claim.lease.abandon();
});

Deno.test("a former life of this very process is not asked for", async () => {
  const { clock, bucket } = world();
  bucket.poke(workerKey(5), { instance: "before" });
  const claim = await claimer(bucket, clock, "after", {
    preferredId: 5,
    formerInstances: new Set(["before"]),
    isGone: () => Promise.reject(new Error("asked")),
  }).claim;
  assert.equal(claim.idNumber, 5);
  claim.lease.abandon();
});

Deno.test("a dead worker's number stays reserved while there is another", async () => {
  const { clock, bucket } = world();
  bucket.poke(workerKey(0), { instance: "dead" });
  const claim = await claimer(bucket, clock, "a", { isGone: () => Promise.resolve(true) }).claim;
  assert.equal(claim.idNumber, 1);
  claim.lease.abandon();
});

Deno.test("row 59: a pool of one is taken over once its holder has been silent for a TTL", async () => {
  const { clock, bucket } = world();
  bucket.poke(workerKey(0), { instance: "paused" });
  const { claim } = claimer(bucket, clock, "a", { maxId: 0 });
  await clock.advance(TTL_MS);
  assert.equal(holder(bucket, 0), "paused", "not before the TTL is over");
  await clock.advance(LOOK_MS + 1);
  assert.equal(holder(bucket, 0), "a");
  (await claim).lease.abandon();
});

Deno.test("a holder that counts on its lease for longer than the claimer's TTL is given its own time", async () => {
  const { clock, bucket } = world();
  bucket.poke(workerKey(0), { instance: "slow", ttlMs: 2 * TTL_MS });
  const { claim } = claimer(bucket, clock, "a", { maxId: 0 });
  await clock.advance(2 * TTL_MS);
  assert.equal(holder(bucket, 0), "slow");
  await clock.advance(LOOK_MS + 1);
  assert.equal(holder(bucket, 0), "a");
  (await claim).lease.abandon();
});

Deno.test("row 53: a pool of one is never taken from a holder that renews, and is free when it goes", async () => {
  const { clock, bucket } = world();
  const first = await claimer(bucket, clock, "a", { maxId: 0 }).claim;
  const second = claimer(bucket, clock, "b", { maxId: 0 });
  await clock.advance(20 * TTL_MS);
  assert.equal(holder(bucket, 0), "a");
  assert.ok(first.lease.valid);
  await first.lease.release();
  await clock.advance(LOOK_MS);
  assert.equal(holder(bucket, 0), "b");
  (await second.claim).lease.abandon();
});

Deno.test("W-30, row 53: an owner that was paused finds its number taken and never renews it again", async () => {
  const { clock, bucket } = world();
  const ownersClock = new ManualClock();
  const owner = claimer(bucket, ownersClock, "owner", { maxId: 0 });
  const { lease } = await owner.claim;
  const other = claimer(bucket, clock, "other", { maxId: 0 });
  // Only the other's time goes on: the owner's process is stopped.
  await clock.advance(TTL_MS + LOOK_MS);
  const taken = await other.claim;
  assert.equal(taken.lease.valid, true);
  // The owner wakes up. It knows that it is over before it does anything, and writes nothing.
  ownersClock.pause(TTL_MS + LOOK_MS);
  assert.equal(lease.valid, false);
  const writes = bucket.history.length;
  await ownersClock.advance(2 * TTL_MS);
  assert.equal(bucket.history.length, writes);
  assert.deepEqual(owner.lost, ["not renewed in time"]);
  assert.equal(holder(bucket, 0), "other");
  taken.lease.abandon();
});

Deno.test("two claimers of an expired number: one wins, the other goes on waiting", async () => {
  const { clock, bucket } = world();
  bucket.poke(workerKey(0), { instance: "dead" });
  const claimers = ["a", "b"].map((instance) => claimer(bucket, clock, instance, { maxId: 0 }));
  await clock.advance(TTL_MS + 2 * LOOK_MS);
  const winner = holder(bucket, 0);
  const [won, waiting] = winner === "a" ? claimers : [...claimers].reverse();
  const { lease } = await won!.claim;
  await clock.advance(5 * TTL_MS);
  assert.equal(holder(bucket, 0), winner);
  waiting!.abort.abort();
  await assert.rejects(waiting!.claim, (error) => isPartiError(error, "PARTI_NO_FREE_ID"));
  lease.abandon();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("an entry that is no lease of ours is not taken before it was silent for a TTL", async () => {
  const { clock, bucket } = world();
  bucket.poke(workerKey(0), { v: 2, owner: "somebody from the future" });
  const { claim } = claimer(bucket, clock, "a", {
    maxId: 0,
    isGone: () => Promise.resolve(true),
  });
  await clock.advance(TTL_MS);
  assert.equal(bucket.peek(workerKey(0))?.revision, 1);
  await clock.advance(LOOK_MS + 1);
  (await claim).lease.abandon();
});

Deno.test("a full pool of dead workers is asked for at once and taken over without waiting", async () => {
  const { clock, bucket } = world();
  for (let i = 0; i < 40; i++) bucket.poke(workerKey(i), { instance: `i${i}` });
  let atOnce = 0;
  let most = 0;
  const { claim } = claimer(bucket, clock, "a", {
    maxId: 39,
    isGone: async (instance) => {
      most = Math.max(most, ++atOnce);
      await settle();
      atOnce--;
      return instance === "i35" || instance === "i38";
    },
  });
  await clock.advance(1);
  const { idNumber, lease } = await claim;
  assert.equal(idNumber, 35);
  assert.equal(most, 32);
  lease.abandon();
});

Deno.test("after an unknown outcome the same number is looked into first, so that no second one is held", async () => {
  // Applied, applied and not shown by lists for a while, not applied.
  for (const kind of ["applied", "applied, not listed", "not applied"]) {
    const { clock, bucket } = world();
    const errors: unknown[] = [];
    let lose = 1;
    let deaf = 1;
    const interfere = (operation: string) => {
      if (operation === "create" && lose-- > 0) throw timeout();
      if (operation === "get" && deaf-- > 0) throw timeout("reading");
    };
    if (kind === "not applied") bucket.before = interfere;
    else bucket.after = interfere;
    const list = bucket.list.bind(bucket);
    if (kind === "applied, not listed") bucket.list = () => Promise.resolve([]);
    const { claim } = claimer(bucket, clock, "a", {
      minId: 2,
      preferredId: 6,
      onError: (error) => void errors.push(error),
    });
    await clock.advance(LOOK_MS);
    const { idNumber, lease } = await claim;
    assert.equal(idNumber, 6, kind);
    assert.equal(errors.length, 1, kind);
    assert.deepEqual((await list("worker.*")).map((entry) => entry.key), ["worker.6"], kind);
    assert.ok(lease.valid);
    lease.abandon();
  }
});

Deno.test("a number that comes free meanwhile does not distract from a doubtful one", async () => {
  const { clock, bucket } = world();
  bucket.poke(workerKey(0), { instance: "living" });
  let failures = 2;
  bucket.after = (operation) => {
    if ((operation === "create" || operation === "get") && failures-- > 0) throw timeout();
  };
  const { claim } = claimer(bucket, clock, "a");
  await settle();
  assert.equal(holder(bucket, 1), "a", "although it does not know");
  bucket.expireSilently(workerKey(0));
  await clock.advance(LOOK_MS);
  const { idNumber, lease } = await claim;
  assert.equal(idNumber, 1);
  assert.equal(holder(bucket, 0), undefined, "it holds one number, not two");
  lease.abandon();
});

Deno.test("row 53, W-29: while the bucket cannot be read nothing is written", async () => {
  const { clock, bucket } = world();
  bucket.poke(workerKey(0), { instance: "living" });
  bucket.before = (operation) => {
    if (operation === "list" || operation === "get") throw timeout("reading");
  };
  const { claim, abort } = claimer(bucket, clock, "a", { preferredId: 0 });
  await clock.advance(10 * TTL_MS);
  assert.equal(bucket.history.length, 1);
  abort.abort();
  await assert.rejects(claim, (error) => isPartiError(error, "PARTI_TIMEOUT"));
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("what the server refuses ends the claim at once", async () => {
  const { clock, bucket } = world();
  bucket.before = () => {
    throw new PartiError("PARTI_NO_RESPONDERS", "no such bucket");
  };
  await assert.rejects(
    claimer(bucket, clock, "a").claim,
    (error) => isPartiError(error, "PARTI_NO_RESPONDERS"),
  );
});

Deno.test("an aborted claim says why, and claims nothing", async () => {
  const { clock, bucket } = world();
  const abort = new AbortController();
  abort.abort();
  const { claim } = claimer(bucket, clock, "a", { signal: abort.signal });
  await assert.rejects(claim, (error) => isPartiError(error, "PARTI_ABORTED"));
  assert.equal(bucket.history.length, 0);

  // Aborted between the list and the write.
  const late = new AbortController();
  bucket.after = (operation) => {
    if (operation === "list") late.abort();
  };
  let asked = 0;
  Object.defineProperty(late.signal, "aborted", {
    get: () => ++asked > 0 && late.signal.reason !== undefined,
  });
  const second = claimer(bucket, clock, "b", { signal: late.signal, maxId: 99_999 });
  await assert.rejects(second.claim, (error) => isPartiError(error, "PARTI_ABORTED"));
  assert.equal(bucket.history.length, 0);
  assert.ok(asked < 10, `a pool may be of any size, and ${asked} numbers were gone through`);
  assert.equal(clock.pendingTimers, 0);
});
