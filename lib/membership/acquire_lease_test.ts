import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../errors.ts";
import { ManualClock } from "../test_support/manual_clock.ts";
import { acquireLease } from "./acquire_lease.ts";
import { FakeBucket, leaseOptions, timeout, TTL_MS } from "./fake_bucket_test.ts";
import { holderOf } from "./lease.ts";

const KEY = "worker.0";

function fresh() {
  return { clock: new ManualClock(), bucket: new FakeBucket() };
}

Deno.test("a free key is taken, a held one is not", async () => {
  const { clock, bucket } = fresh();
  const mine = await acquireLease(leaseOptions(bucket, clock, { instance: "a" }));
  assert.equal(mine?.revision, bucket.peek(KEY)?.revision);
  const other = await acquireLease(leaseOptions(bucket, clock, { instance: "b" }));
  assert.equal(other, undefined);
  assert.equal(holderOf(bucket.peek(KEY)!), "a");
  mine?.abandon();
});

Deno.test("W-29: of many who take over the same expired lease one wins, and it alone is valid", async () => {
  const { clock, bucket } = fresh();
  const revision = bucket.poke(KEY, { instance: "dead" });
  const names = ["a", "b", "c", "d", "e"];
  const leases = await Promise.all(
    names.map((instance) => acquireLease(leaseOptions(bucket, clock, { instance }), revision)),
  );
  assert.equal(leases.filter((lease) => lease?.valid).length, 1);
  const winner = names[leases.findIndex((lease) => lease !== undefined)];
  assert.equal(holderOf(bucket.peek(KEY)!), winner);
  for (const lease of leases) lease?.abandon();
});

Deno.test("W-29, planted fault: with a blind write after a failed read two would hold it", async () => {
  const { clock, bucket } = fresh();
  bucket.poke(KEY, { instance: "living" });
  bucket.update = (key, value) => bucket.put(key, value);
  const leases = await Promise.all(
    ["a", "b"].map((instance) => acquireLease(leaseOptions(bucket, clock, { instance }), 1)),
  );
  assert.equal(leases.filter((lease) => lease?.valid).length, 2);
  for (const lease of leases) lease?.abandon();
});

for (const operation of ["create", "update"] as const) {
  Deno.test(`a ${operation} that was applied and never answered is found`, async () => {
    const { clock, bucket } = fresh();
    const revision = operation === "update" ? bucket.poke(KEY, { instance: "dead" }) : undefined;
    let lose = 1;
    bucket.after = async (what) => {
      if (what !== operation || lose-- <= 0) return;
      await new Promise<void>((done) => clock.setTimer(5_000, done));
      throw timeout();
    };
    const acquiring = acquireLease(leaseOptions(bucket, clock), revision);
    await clock.advance(5_000);
    const lease = await acquiring;
    assert.ok(lease?.valid);
    assert.equal(lease.revision, bucket.peek(KEY)?.revision);
    assert.ok(lease.endsAtMs > clock.monotonicMs() + TTL_MS / 2, "with a fresh time of sending");
    lease.abandon();
  });

  Deno.test(`a ${operation} that was not applied and not answered is an error`, async () => {
    const { clock, bucket } = fresh();
    const revision = operation === "update" ? bucket.poke(KEY, { instance: "dead" }) : undefined;
    bucket.before = (what) => {
      if (what === operation) throw timeout();
    };
    await assert.rejects(
      acquireLease(leaseOptions(bucket, clock), revision),
      (error) => isPartiError(error, "PARTI_TIMEOUT"),
    );
    assert.equal(clock.pendingTimers, 0);
  });
}

Deno.test("after an unknown outcome somebody else's key is not touched", async () => {
  const { clock, bucket } = fresh();
  bucket.before = (what) => {
    if (what !== "create") return;
    bucket.poke(KEY, { instance: "faster" });
    throw timeout();
  };
  await assert.rejects(acquireLease(leaseOptions(bucket, clock)));
  assert.equal(holderOf(bucket.peek(KEY)!), "faster");
});

Deno.test("row 53: a read that fails after an unknown outcome steals nothing", async () => {
  const { clock, bucket } = fresh();
  bucket.poke(KEY, { instance: "living" });
  const before = bucket.history.length;
  bucket.before = () => {
    throw timeout();
  };
  await assert.rejects(acquireLease(leaseOptions(bucket, clock)));
  assert.equal(bucket.history.length, before);
});

Deno.test("answers that are lost again and again end in an error, not in a loop", async () => {
  const { clock, bucket } = fresh();
  bucket.after = (what) => {
    if (what !== "get") throw timeout();
  };
  await assert.rejects(acquireLease(leaseOptions(bucket, clock)));
  assert.equal(bucket.log.length, 5, "three writes, two reads");
});

Deno.test("anything else the bucket says is passed on", async () => {
  const { clock, bucket } = fresh();
  bucket.before = () => {
    throw new PartiError("PARTI_NO_RESPONDERS", "no such bucket");
  };
  await assert.rejects(
    acquireLease(leaseOptions(bucket, clock)),
    (error) => isPartiError(error, "PARTI_NO_RESPONDERS"),
  );
});
