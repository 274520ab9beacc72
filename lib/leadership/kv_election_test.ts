import assert from "node:assert/strict";
import { PartiError } from "../errors.ts";
import {
  FakeBucket,
  plainRandom,
  RENEW_MS,
  timeout,
  TTL_MS,
} from "../membership/fake_bucket_test.ts";
import { LEADER_KEY } from "../names.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
import type { Term } from "./election_agent.ts";
import { FencingOracle, Runner } from "./runner_test.ts";
import { kvElection, type KvElectionOptions } from "./kv_election.ts";
import { decodeLeader } from "./leader_record.ts";

/** Long enough for a candidate to see that the leader is over, and to run. */
const EXPIRY_MS = TTL_MS * 1.2;

interface Changes extends Partial<KvElectionOptions> {
  readonly bucket: FakeBucket;
  readonly clock: ManualClock;
}

async function run(instance: string, changes: Changes): Promise<Runner> {
  const runner = await new Runner(instance).run(kvElection({
    random: plainRandom(),
    ttlMs: TTL_MS,
    renewEveryMs: RENEW_MS,
    formerInstances: new Set(),
    ...changes,
  }));
  await settle();
  return runner;
}

function world() {
  return { clock: new ManualClock(), bucket: new FakeBucket() };
}

function leader(bucket: FakeBucket): string | undefined {
  const entry = bucket.peek(LEADER_KEY);
  return entry && decodeLeader(entry)?.instance;
}

/** A second view of the same bucket whose connection can fail by itself. */
function link(bucket: FakeBucket) {
  const state = { up: true };
  const view = Object.create(bucket) as FakeBucket;
  for (const name of ["create", "update", "remove", "get", "list", "watch"] as const) {
    Object.defineProperty(view, name, {
      value: (...args: never[]) =>
        state.up
          ? (bucket[name] as (...args: never[]) => unknown)(...args)
          : Promise.reject(new PartiError("PARTI_DISCONNECTED", "down")),
    });
  }
  return { view, state };
}

Deno.test("the first one leads, the others know it", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  assert.ok(a.leads && a.valid);
  assert.ok(!b.leads);
  assert.deepEqual([a.leaders, b.leaders], [["a"], ["a"]]);
  assert.equal(a.epoch, bucket.peek(LEADER_KEY)?.revision);
  await Promise.all([a, b].map((runner) => runner.candidacy.abandon()));
  assert.equal(clock.pendingTimers, 0);
  assert.equal(bucket.watchCount, 0);
});

Deno.test("row 63: without trouble the leader stays, and its epoch too", async () => {
  const { clock, bucket } = world();
  const all = [];
  for (const name of ["a", "b", "c"]) all.push(await run(name, { clock, bucket }));
  await clock.advance(20 * TTL_MS);
  assert.deepEqual(all.map((runner) => runner.terms.length), [1, 0, 0]);
  assert.ok(all[0]!.valid);
  for (const runner of all) {
    assert.deepEqual([runner.errors, runner.deposed], [[], []]);
    await runner.candidacy.abandon();
  }
});

Deno.test("who resigns hands over at once, with a higher epoch", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  const before = clock.monotonicMs();
  await a.candidacy.resign();
  await settle();
  assert.equal(clock.monotonicMs(), before);
  assert.ok(b.leads && b.epoch > a.epoch);
  assert.equal(a.valid, false);
  assert.deepEqual(a.deposed, [], "resigning is not being deposed");
  assert.deepEqual(b.leaders, ["a", "-", "b"]);
  await b.candidacy.resign();
  assert.equal(leader(bucket), undefined);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("who abandons leaves the key to expire", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  await a.candidacy.abandon();
  assert.equal(a.valid, false);
  await clock.advance(TTL_MS - 1);
  assert.equal(leader(bucket), "a");
  assert.equal(b.leads, false);
  await clock.advance(EXPIRY_MS - TTL_MS);
  assert.ok(b.leads && b.epoch > a.epoch);
  await b.candidacy.abandon();
});

Deno.test("a leader that counts on its lease for longer than the candidate's TTL is given its own time", async () => {
  const { clock, bucket } = world();
  const slow = await run("slow", { clock, bucket, ttlMs: 2 * TTL_MS });
  const b = await run("b", { clock, bucket });
  await slow.candidacy.abandon();
  await clock.advance(2 * TTL_MS - 1);
  assert.equal(b.leads, false);
  await clock.advance(EXPIRY_MS - TTL_MS);
  assert.ok(b.leads && b.epoch > slow.epoch);
  await b.candidacy.abandon();
});

Deno.test("a leader that is suspected to be dead, and is, is replaced at once", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  await a.candidacy.abandon();
  b.candidacy.suspect("a");
  await settle();
  assert.ok(b.leads);
  await b.candidacy.abandon();
});

Deno.test("suspecting a living leader is safe: the epoch rises and the old one is fenced and deposed", async () => {
  const { clock, bucket } = world();
  const oracle = new FencingOracle(new FakeBucket());
  const a = await run("a", { clock, bucket });
  const penOfA = await oracle.claim(a.terms[0]!);
  assert.equal(await penOfA!(), true);
  const b = await run("b", { clock, bucket });
  b.candidacy.suspect("a");
  await settle();
  assert.ok(b.leads && b.epoch > a.epoch);
  const penOfB = await oracle.claim(b.terms[0]!);
  assert.equal(await penOfA!(), false, "whatever it believes, it cannot write");
  assert.equal(await penOfB!(), true);
  assert.equal(a.leads, false, "and it was told by the watch, before its next renewal");
  assert.equal(a.deposed.length, 1);
  oracle.check();
  await clock.advance(5 * TTL_MS);
  assert.deepEqual([a.terms.length, b.terms.length], [1, 1], "no fight follows");
  await Promise.all([a, b].map((runner) => runner.candidacy.abandon()));
});

Deno.test("a suspicion is void when the leader renews, and of anybody else means nothing", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  // The renewal is on its way when the suspicion arises.
  bucket.before = (operation) => {
    if (operation !== "update") return;
    bucket.before = () => {};
    bucket.poke(LEADER_KEY, { v: 1, worker: "worker-a", instance: "a" });
  };
  b.candidacy.suspect("a");
  b.candidacy.suspect("nobody");
  b.candidacy.suspect("b");
  a.candidacy.suspect("a");
  await clock.advance(10 * TTL_MS);
  assert.equal(b.terms.length, 0);
  assert.equal(a.terms.length, 1, "and it adopted its own renewal");
  await Promise.all([a, b].map((runner) => runner.candidacy.abandon()));
});

Deno.test("former lives of this process are not waited for", async () => {
  const { clock, bucket } = world();
  const before = await run("before", { clock, bucket });
  await before.candidacy.abandon();
  const after = await run("after", { clock, bucket, formerInstances: new Set(["before"]) });
  assert.ok(after.leads && after.epoch > before.epoch);
  await after.candidacy.abandon();
});

Deno.test("W-40: a leader that was paused has stepped down before it can act", async () => {
  const { bucket } = world();
  const [zombiesClock, clock] = [new ManualClock(), new ManualClock()];
  const zombie = await run("zombie", { clock: zombiesClock, bucket });
  const b = await run("b", { clock, bucket });
  zombiesClock.pause(EXPIRY_MS);
  await clock.advance(EXPIRY_MS);
  assert.ok(b.leads);
  assert.equal(zombie.valid, false, "before any timer of its has fired");
  assert.equal(await zombie.terms[0]!.confirm(), false);
  await zombiesClock.advance(0);
  assert.equal(zombie.leads, false);
  assert.equal(zombie.terms.length, 1);
  await zombiesClock.advance(5);
  await Promise.all([zombie, b].map((runner) => runner.candidacy.abandon()));
});

Deno.test("planted fault: a leader that trusts its timers acts after a pause", async () => {
  const { bucket, clock } = world();
  const zombie = await run("zombie", { clock, bucket });
  clock.pause(EXPIRY_MS);
  // `leads` is what it was told last. Acting on it instead of on `valid` is the fault.
  assert.ok(zombie.leads && !zombie.valid);
  await zombie.candidacy.abandon();
});

Deno.test("a deposed leader runs again and can win again, with a higher epoch", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  b.candidacy.suspect("a");
  await settle();
  assert.ok(b.leads && !a.leads);
  await b.candidacy.resign();
  await settle();
  assert.ok(a.leads);
  assert.ok(a.terms[1]!.epoch > b.epoch && a.terms[0]!.valid === false);
  await a.candidacy.resign();
});

Deno.test("whose key was removed is deposed by the watch, and the place is filled again", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  await bucket.remove(LEADER_KEY);
  await settle();
  assert.equal(a.deposed.length, 1);
  assert.ok(a.leads && a.terms[1]!.epoch > a.terms[0]!.epoch);
  await a.candidacy.abandon();
});

Deno.test("W-25: an unknown outcome of the winning write makes nobody wait a TTL", async () => {
  for (const answered of ["never", "not even the reading"]) {
    const { clock, bucket } = world();
    let lose = 1;
    let deaf = answered === "never" ? 0 : 1;
    bucket.after = (operation) => {
      if (operation === "create" && lose-- > 0) throw timeout();
      if (operation === "get" && deaf-- > 0) throw timeout();
    };
    const a = await run("a", { clock, bucket });
    await clock.advance(1_000);
    assert.ok(a.leads && a.valid, answered);
    assert.equal(a.terms.length, 1);
    assert.equal(leader(bucket), "a");
    await a.candidacy.resign();
    assert.equal(leader(bucket), undefined);
  }
});

Deno.test("a leader cut off from the server is over for itself before the others replace it", async () => {
  const { clock, bucket } = world();
  const { view, state } = link(bucket);
  const a = await run("a", { clock, bucket: view });
  const b = await run("b", { clock, bucket });
  await clock.advance(3 * RENEW_MS);
  state.up = false;
  for (let elapsedMs = 0; elapsedMs < 2 * EXPIRY_MS; elapsedMs += 20) {
    await clock.advance(20);
    assert.ok(!(a.valid && b.valid), "never two at once");
  }
  assert.ok(b.leads && !a.leads);
  const failures = a.errors.length;
  assert.ok(failures > 0 && failures < 20, `${failures} errors: tried again, but not in a frenzy`);
  state.up = true;
  await clock.advance(TTL_MS);
  assert.equal(a.leads, false);
  await Promise.all([a, b].map((runner) => runner.candidacy.abandon()));
});

Deno.test("a lease that expired without a word is found by reading", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  await a.candidacy.abandon();
  bucket.expireSilently(LEADER_KEY);
  await clock.advance(2 * TTL_MS);
  assert.ok(b.leads && b.epoch > a.epoch);
  await b.candidacy.abandon();
});

Deno.test("a reading that finds nothing because it is stale costs the leader nothing", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  bucket.readAs = () => undefined;
  await clock.advance(10 * TTL_MS);
  assert.deepEqual([a.terms.length, b.terms.length], [1, 0]);
  await Promise.all([a, b].map((runner) => runner.candidacy.abandon()));
});

Deno.test("with a watch that cannot be opened a candidate still wins", async () => {
  const { clock, bucket } = world();
  bucket.before = (operation) => {
    if (operation === "watch") throw timeout();
  };
  const a = await run("a", { clock, bucket });
  await clock.advance(2 * TTL_MS);
  assert.ok(a.leads);
  await a.candidacy.resign();
  assert.equal(leader(bucket), undefined);
});

Deno.test("a watch that was lost and opened again tells of the leader meanwhile elected", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  bucket.loseWatches(timeout());
  bucket.poke(LEADER_KEY, { v: 1, worker: "worker-c", instance: "c" });
  await clock.advance(200);
  assert.deepEqual(b.leaders, ["a", "c"]);
  assert.equal(a.leads, false);
  await Promise.all([a, b].map((runner) => runner.candidacy.abandon()));
});

Deno.test("in a bucket made anew the election begins anew", async () => {
  const { clock, bucket } = world();
  const a = await run("a", { clock, bucket });
  const b = await run("b", { clock, bucket });
  await clock.advance(5 * RENEW_MS);
  bucket.remake();
  await clock.advance(1_000);
  assert.equal([a, b].filter((runner) => runner.valid).length, 1);
  assert.equal(a.deposed.length, 1);
  const now = leader(bucket)!;
  for (const runner of [a, b]) assert.deepEqual(runner.leaders, ["a", "-", now]);
  await clock.advance(5 * TTL_MS);
  assert.equal([a, b].filter((runner) => runner.valid).length, 1);
  await Promise.all([a, b].map((runner) => runner.candidacy.abandon()));
});

Deno.test("a value that names nobody blocks the place for a TTL, not for ever", async () => {
  const { clock, bucket } = world();
  bucket.poke(LEADER_KEY, { v: 7 });
  const a = await run("a", { clock, bucket });
  await clock.advance(TTL_MS - 1);
  assert.equal(a.leads, false);
  await clock.advance(EXPIRY_MS - TTL_MS);
  assert.ok(a.leads);
  await a.candidacy.abandon();
});

Deno.test("W-18: a leader whose beginning fails gives the place back and tries again", async () => {
  const { clock, bucket } = world();
  const a = new Runner("a");
  let fail = 1;
  a.onElected = () => {
    if (fail-- > 0) throw new Error("cannot begin");
  };
  await a.run(kvElection({
    bucket,
    clock,
    random: plainRandom(),
    ttlMs: TTL_MS,
    renewEveryMs: RENEW_MS,
    formerInstances: new Set(),
  }));
  await settle();
  assert.equal(leader(bucket), undefined, "nobody is kept out");
  assert.deepEqual(a.deposed, ["cannot begin"]);
  assert.equal(a.errors.length, 1);
  await clock.advance(1_000);
  assert.ok(a.leads && a.valid);
  assert.ok(a.terms[1]!.epoch > a.terms[0]!.epoch);
  await a.candidacy.resign();
});

Deno.test("an answer that comes after the lease is over elects nobody, and the next campaign does", async () => {
  const { clock, bucket } = world();
  let slow = 1;
  bucket.after = async (operation) => {
    if (operation === "create" && slow-- > 0) {
      await new Promise<void>((done) => clock.setTimer(TTL_MS, done));
    }
  };
  const a = await run("a", { clock, bucket });
  a.onElected = (term: Term) => assert.ok(term.valid);
  await clock.advance(TTL_MS + 1_000);
  assert.equal(a.terms.length, 1);
  assert.ok(a.valid);
  await a.candidacy.abandon();
});

Deno.test("resigning while a campaign is under way leaves nothing behind", async () => {
  for (const outcome of ["won", "lost answer"]) {
    const { clock, bucket } = world();
    const { promise, resolve } = Promise.withResolvers<void>();
    let first = true;
    bucket.after = async (operation) => {
      if (operation !== "create" || !first) return;
      first = false;
      await promise;
      if (outcome === "lost answer") throw timeout();
    };
    const a = await run("a", { clock, bucket });
    const resigned = a.candidacy.resign();
    await settle();
    resolve();
    await resigned;
    assert.equal(leader(bucket), undefined, outcome);
    assert.deepEqual(a.terms, []);
    assert.equal(clock.pendingTimers, 0);
    assert.equal(bucket.watchCount, 0);
  }
});

Deno.test("ended at any moment, nothing is told and no timer is left", async () => {
  for (let turns = 0; turns < 60; turns++) {
    for (const how of ["resign", "abandon"] as const) {
      const { clock, bucket } = world();
      const a = await run("a", { clock, bucket });
      const b = new Runner("b");
      void b.run(kvElection({
        bucket,
        clock,
        random: plainRandom(),
        ttlMs: TTL_MS,
        renewEveryMs: RENEW_MS,
        formerInstances: new Set(["a"]),
      }));
      for (let turn = 0; turn < turns; turn++) await undefined;
      if (b.candidacy === undefined) await settle();
      await b.candidacy[how]();
      const told = JSON.stringify([b.terms.length, b.deposed, b.leaders, b.errors]);
      await a.candidacy.abandon();
      await settle();
      assert.equal(clock.pendingTimers, 0, `${how} after ${turns} turns`);
      await clock.advance(3 * TTL_MS);
      assert.equal(JSON.stringify([b.terms.length, b.deposed, b.leaders, b.errors]), told);
      assert.equal(bucket.watchCount, 0);
      assert.equal(b.valid, false);
    }
  }
});

Deno.test("an epoch is never used twice, through losses of all kinds", async () => {
  const { clock, bucket } = world();
  let count = 0;
  // Every seventh answer is lost, every eleventh request.
  bucket.after = (operation) => {
    if (operation !== "watch" && ++count % 7 === 0) throw timeout();
  };
  bucket.before = (operation) => {
    if (operation !== "watch" && ++count % 11 === 0) throw timeout();
  };
  const all = [];
  for (const name of ["a", "b", "c"]) all.push(await run(name, { clock, bucket }));
  const epochs: number[] = [];
  for (const runner of all) runner.onElected = (term) => void epochs.push(term.epoch);
  for (let i = 0; i < 60; i++) {
    await clock.advance(TTL_MS / 3);
    const leading = all.find((runner) => runner.leads);
    if (i % 4 === 0 && leading !== undefined) {
      for (const runner of all) runner.candidacy.suspect(leading.instance);
    }
    if (i % 5 === 0) await bucket.remove(LEADER_KEY).catch(() => {});
    if (i % 9 === 0) bucket.loseWatches(timeout());
  }
  assert.ok(epochs.length > 10, `${epochs.length} terms`);
  assert.deepEqual(epochs, [...new Set(epochs)].sort((x, y) => x - y));
  for (const runner of all) await runner.candidacy.abandon();
  await settle();
  assert.equal(clock.pendingTimers, 0);
});
