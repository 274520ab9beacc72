import assert from "node:assert/strict";
import { TestMessaging } from "../assignment/leader/leader_rig_test.ts";
import { resolveConfig } from "../config/config.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { FakeBucket, plainRandom } from "../membership/fake_bucket_test.ts";
import { decodeWorkerRecord } from "../membership/worker_lease.ts";
import { workerKey } from "../names.ts";
import { claimSessionLease } from "./session_lease.ts";
import type { SessionOptions } from "./session_options.ts";
import { ManualClock } from "../test_support/manual_clock.ts";

const CONFIG = {
  group: "g",
  workerIdPrefix: "node",
  workerIdMin: 2,
  workerIdMax: 4,
  capacity: 3,
  labels: { zone: "a" },
};

/** A session's options as far as its lease goes. */
function rig(changes: Partial<SessionOptions> = {}, signal = new AbortController().signal) {
  const clock = new ManualClock();
  const leases = new FakeBucket();
  const renewals: boolean[] = [];
  const errors: unknown[] = [];
  const lost: string[] = [];
  const progress = { leaving: false, applied: 0 };
  const events = {
    onError: (error: unknown) => void errors.push(error),
    onRenewed: (ok: boolean) => void renewals.push(ok),
  };
  const session = {
    world: { clock, messaging: new TestMessaging(clock), random: plainRandom() },
    config: resolveConfig(CONFIG),
    instance: "me",
    host: "here",
    preferredId: undefined,
    formerInstances: new Set<string>(),
    leases,
    events,
    ...changes,
  } as unknown as SessionOptions;
  const holder = {
    progress: () => ({ ...progress }),
    onLost: (reason: string) => void lost.push(reason),
  };
  const claim = () => claimSessionLease(session, holder, signal);
  const said = (idNumber: number) => decodeWorkerRecord(leases.peek(workerKey(idNumber))!);
  return { clock, leases, renewals, errors, lost, progress, claim, said };
}

Deno.test("session lease: the first free number of the pool, or the one wished for", async () => {
  const plain = await rig().claim();
  assert.equal(plain.idNumber, 2);
  plain.lease.abandon();
  const wished = await rig({ preferredId: 4 }).claim();
  assert.equal(wished.idNumber, 4);
  wished.lease.abandon();
});

Deno.test("session lease: it says who the worker is, and with each renewal how far it has come", async () => {
  const { progress, renewals, claim, said } = rig();
  const { lease } = await claim();
  const who = { worker: "node-2", instance: "me", host: "here", capacity: 3 };
  const what = { ...who, labels: { zone: "a" }, ttlMs: 6_000 };
  assert.deepEqual(said(2), { ...what, leaving: false, applied: 0 });
  progress.leaving = true;
  progress.applied = 9;
  await lease.touch();
  assert.deepEqual(said(2), { ...what, leaving: true, applied: 9 });
  assert.deepEqual(renewals, [true]);
  lease.abandon();
});

Deno.test("session lease: it renews itself, and its loss is told once", async () => {
  const { clock, leases, renewals, lost, claim } = rig();
  await claim();
  await clock.advance(4_000);
  assert.deepEqual(renewals, [true, true]);
  await leases.remove(workerKey(2));
  await clock.advance(10_000);
  assert.equal(lost.length, 1);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("session lease: a former life's number is taken back, a live worker's never", async () => {
  const mine = rig({ preferredId: 3, formerInstances: new Set(["before"]) });
  mine.leases.poke(workerKey(3), { v: 1, worker: "node-3", instance: "before" });
  const claim = await mine.claim();
  assert.deepEqual([claim.idNumber, mine.said(3)?.instance], [3, "me"]);
  claim.lease.abandon();
  const messaging = new TestMessaging(mine.clock);
  messaging.there.add("alive");
  const world = { clock: mine.clock, messaging } as unknown as SessionOptions["world"];
  const other = rig({ preferredId: 3, world });
  other.leases.poke(workerKey(3), { v: 1, worker: "node-3", instance: "alive" });
  const next = other.claim();
  await mine.clock.advance(1_000);
  assert.equal((await next).idNumber, 2);
  (await next).lease.abandon();
});

Deno.test("session lease: given up while nobody answers; what failed is told", async () => {
  const abort = new AbortController();
  const { clock, leases, errors, claim } = rig({}, abort.signal);
  leases.before = () => {
    throw new PartiError("PARTI_TIMEOUT", "no answer");
  };
  const failed = assert.rejects(claim(), (error) => isPartiError(error, "PARTI_TIMEOUT"));
  await clock.advance(100);
  abort.abort();
  await failed;
  assert.ok(isPartiError(errors[0], "PARTI_TIMEOUT"));
});
