import assert from "node:assert/strict";
import { BUCKET, bytes, refused, textOf, until } from "../../ports/contract/helpers_test.ts";
import { FaultBoard } from "./fault_board.ts";
import { NO_FAULTS } from "./faults.ts";
import { KvModel } from "./kv_model.ts";
import { API_TIMEOUT_MS } from "./kv_wire.ts";
import { MAX_PAYLOAD_BYTES } from "./payload.ts";
import { kvFaults, OLD_AND_NEW, simulate } from "./simulate_test.ts";

Deno.test("a write whose answer is lost is carried out, and its outcome is unknown", async () => {
  for (const seed of [1, 2, 3]) {
    await simulate("2.15.1", async ({ server, connect }) => {
      const { world: { kv, clock } } = connect();
      const bucket = await kv.open("b", BUCKET);
      FaultBoard.of(server).set(kvFaults({ ackLost: 1 }));
      const startMs = clock.monotonicMs();
      await refused(bucket.create("k", bytes("a")), "PARTI_TIMEOUT");
      const tookMs = clock.monotonicMs() - startMs;
      assert.ok(tookMs >= API_TIMEOUT_MS && tookMs < API_TIMEOUT_MS + 1, `${tookMs} ms`);
      assert.equal(textOf((await bucket.get("k"))!.value), "a");
      await refused(bucket.remove("k", 1), "PARTI_TIMEOUT");
      assert.equal(await bucket.get("k"), undefined);
      FaultBoard.of(server).set(NO_FAULTS);
      assert.equal(await bucket.create("k", bytes("b")), 3);
    }, seed);
  }
});

Deno.test("a request that is lost before it arrives changes nothing, and looks the same", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { world: { kv } } = connect();
    const bucket = await kv.open("b", BUCKET);
    FaultBoard.of(server).set(kvFaults({ requestLost: 1 }));
    await refused(bucket.put("k", bytes("a")), "PARTI_TIMEOUT");
    await refused(bucket.get("k"), "PARTI_TIMEOUT");
    await refused(bucket.list(">"), "PARTI_TIMEOUT");
    await refused(bucket.watch(">", { onEntry() {}, onLost() {} }), "PARTI_TIMEOUT");
    await refused(kv.open("b", BUCKET), "PARTI_TIMEOUT");
    await refused(kv.destroy("b"), "PARTI_TIMEOUT");
    FaultBoard.of(server).set(NO_FAULTS);
    assert.equal(await bucket.put("k", bytes("a")), 1);
    assert.equal(KvModel.of(server).readerCount, 0);
  }));

Deno.test("faults strike now and then where their probability says so", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { world: { kv } } = connect();
    const bucket = await kv.open("b", BUCKET);
    FaultBoard.of(server).set(kvFaults({ ackLost: 0.3, requestLost: 0.2 }));
    let unknown = 0;
    for (let i = 0; i < 200; i++) await bucket.put("k", bytes("a")).catch(() => unknown++);
    const carriedOut = KvModel.of(server).bucket("b").lastRevision;
    assert.ok(unknown > 60 && unknown < 120, `${unknown} without an answer`);
    assert.ok(carriedOut > 140 && carriedOut < 180, `${carriedOut} carried out`);
  }));

Deno.test("a stale read finds any earlier state, and nothing that never was", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const [one, two] = [connect(), connect()];
    const bucket = await one.world.kv.open("b", BUCKET);
    let last = 0;
    for (const value of ["a", "b", "c"]) last = await bucket.put("k", bytes(value));
    FaultBoard.of(server).setFor(one.link, kvFaults({ staleRead: 1 }));
    const seen = new Set<number | undefined>();
    for (let i = 0; i < 50; i++) seen.add((await bucket.get("k"))?.revision);
    assert.deepEqual([...seen].sort(), [1, 2, undefined]);
    const sound = await two.world.kv.open("b", BUCKET);
    assert.equal((await sound.get("k"))?.revision, last);
    // A write compares at the leader, whatever a read has found.
    await refused(bucket.create("k", bytes("d")), "PARTI_CONFLICT");
    assert.equal(await bucket.update("k", bytes("d"), last), last + 1);
  }));

Deno.test("a listing is of now, also where reads are stale", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { world: { kv } } = connect();
    const bucket = await kv.open("b", BUCKET);
    for (const value of ["a", "b"]) await bucket.put("k", bytes(value));
    FaultBoard.of(server).set(kvFaults({ staleRead: 1 }));
    assert.deepEqual((await bucket.list(">")).map((entry) => entry.revision), [2]);
  }));

Deno.test("what is left of a bucket in memory after a crash", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { world: { kv, messaging, clock } } = connect();
    const options = { ...BUCKET, storage: "memory" } as const;
    const bucket = await kv.open("b", options);
    await bucket.put("k", bytes("a"));
    server.crash();
    await until(clock, "the disconnect", () => !messaging.connected);
    server.restart();
    await until(clock, "the reconnect", () => messaging.connected);
    // As seen on 2.10.27 and 2.15.1: writes go to a subject nobody listens to, everything else asks for the bucket.
    await refused(bucket.put("k", bytes("a")), "PARTI_NO_RESPONDERS");
    await refused(bucket.create("k", bytes("a")), "PARTI_NO_RESPONDERS");
    await refused(bucket.remove("k"), "PARTI_NO_RESPONDERS");
    await refused(bucket.get("k"), "PARTI_NOT_FOUND");
    await refused(bucket.list(">"), "PARTI_NOT_FOUND");
    await refused(bucket.watch(">", { onEntry() {}, onLost() {} }), "PARTI_NOT_FOUND");
    await kv.open("b", options);
    assert.equal(await bucket.put("k", bytes("b")), 1);
  }));

Deno.test("a bucket on disk is read again after a crash", () =>
  simulate("2.10.27", async ({ server, connect }) => {
    const { world: { kv, messaging, clock } } = connect();
    const bucket = await kv.open("b", BUCKET);
    await bucket.put("k", bytes("a"));
    server.crash();
    await until(clock, "the disconnect", () => !messaging.connected);
    server.restart();
    await until(clock, "the reconnect", () => messaging.connected);
    assert.equal(await bucket.update("k", bytes("b"), 1), 2);
  }));

Deno.test("what the server would not take is refused", () =>
  simulate("2.15.1", async ({ connect }) => {
    const { world: { kv } } = connect();
    await refused(kv.open("b", { ...BUCKET, ttlMs: 99 }), "PARTI_REFUSED");
    await refused(kv.open("a.b", BUCKET), "PARTI_REFUSED");
    await refused(kv.destroy("a.b"), "PARTI_REFUSED");
    const bucket = await kv.open("b", BUCKET);
    await refused(bucket.put("k", new Uint8Array(MAX_PAYLOAD_BYTES + 1)), "PARTI_TOO_LARGE");
  }));

Deno.test("nobody shares bytes with the server", () =>
  simulate("2.15.1", async ({ connect }) => {
    const { world: { kv, clock } } = connect();
    const bucket = await kv.open("b", BUCKET);
    const mine = bytes("a");
    await bucket.put("k", mine);
    mine[0] = 0;
    (await bucket.get("k"))!.value[0] = 0;
    (await bucket.list("k"))[0]!.value[0] = 0;
    let isWatched = false;
    await bucket.watch("k", {
      onEntry: ({ value }) => {
        value[0] = 0;
        isWatched = true;
      },
      onLost: (error) => assert.fail(String(error)),
    });
    await until(clock, "the entry", () => isWatched);
    assert.equal(textOf((await bucket.get("k"))!.value), "a");
  }));

Deno.test("a lease that ran out while the server was down is free, with a higher revision", async () => {
  for (const version of OLD_AND_NEW) {
    await simulate(version, async ({ kernel, server, connect }) => {
      const { world: { kv, messaging, clock } } = connect();
      const bucket = await kv.open("b", { ...BUCKET, ttlMs: 2_000 });
      const revision = await bucket.create("lease", bytes("me"));
      server.crash();
      await kernel.sleep(5_000);
      server.restart();
      await until(clock, "the reconnect", () => messaging.connected);
      let next = 0;
      await until(clock, "the new lease", async () => {
        next = await bucket.create("lease", bytes("you")).catch(() => 0);
        return next > 0;
      }, 1_000);
      assert.ok(next > revision);
      await refused(bucket.update("lease", bytes("me"), revision), "PARTI_CONFLICT");
    });
  }
});
