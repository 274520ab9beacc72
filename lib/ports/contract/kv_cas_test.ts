/**
 * What buckets promise about single keys: compare-and-set decides, and revisions only grow.
 *
 * @module
 */
import assert from "node:assert/strict";
import { BUCKET, bytes, refused, textOf, until, watchLog } from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const kvCasCases: ContractCase[] = [
  {
    name: "kv: create wins once, and a failed create consumes no revision",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      const first = await bucket.create("worker.1", bytes("a"));
      await refused(bucket.create("worker.1", bytes("b")), "PARTI_CONFLICT");
      const next = await bucket.create("worker.2", bytes("c"));
      assert.equal(next, first + 1);
      const entry = await bucket.get("worker.1");
      assert.deepEqual(entry, {
        key: "worker.1",
        value: bytes("a"),
        revision: first,
        operation: "put",
      });
      await close();
    },
  },
  {
    name: "kv: fifty concurrent creates have one winner",
    async run(rig) {
      const links = await Promise.all(Array.from({ length: 5 }, () => rig.connect()));
      const buckets = await Promise.all(links.map(({ world }) => world.kv.open("b", BUCKET)));
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, (_, i) => buckets[i % 5]!.create("key", bytes(String(i)))),
      );
      const winners = results.flatMap((result, i) => result.status === "fulfilled" ? [i] : []);
      assert.equal(winners.length, 1);
      for (const result of results) {
        if (result.status === "rejected") assert.equal(result.reason.code, "PARTI_CONFLICT");
      }
      const entry = await buckets[0]!.get("key");
      assert.equal(textOf(entry!.value), String(winners[0]));
      assert.equal(entry!.revision, 1, "the losers consumed no revision");
      await Promise.all(links.map((link) => link.close()));
    },
  },
  {
    name: "kv: update and remove compare the revision, and nothing else does",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      const first = await bucket.create("k", bytes("a"));
      await bucket.put("other", bytes("x"));
      const second = await bucket.update("k", bytes("b"), first);
      assert.ok(second > first);
      await refused(bucket.update("k", bytes("c"), first), "PARTI_CONFLICT");
      await refused(bucket.update("k", bytes("c"), 0), "PARTI_CONFLICT");
      await refused(bucket.update("never", bytes("c"), second), "PARTI_CONFLICT");
      await refused(bucket.remove("k", first), "PARTI_CONFLICT");
      assert.equal(textOf((await bucket.get("k"))!.value), "b");
      const third = await bucket.put("k", bytes("d"));
      assert.equal(third, second + 1, "the refused writes consumed no revision");
      await bucket.remove("k", third);
      assert.equal(await bucket.get("k"), undefined);
      await refused(bucket.update("k", bytes("e"), third), "PARTI_CONFLICT");
      await close();
    },
  },
  {
    name: "kv: a removed key can be created again, with a higher revision, by one",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      let last = await bucket.create("k", bytes("a"));
      for (let round = 0; round < 3; round++) {
        await bucket.remove("k");
        const results = await Promise.allSettled(
          Array.from({ length: 10 }, (_, i) => bucket.create("k", bytes(String(i)))),
        );
        const won = results.flatMap((r) => r.status === "fulfilled" ? [r.value] : []);
        assert.equal(won.length, 1);
        assert.ok(won[0]! > last + 1, "the removal has a revision of its own");
        last = won[0]!;
      }
      await close();
    },
  },
  {
    name: "kv: an erased key leaves nothing, uses no revision and is told to nobody",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      const erased = await bucket.put("k", bytes("a"));
      await bucket.put("removed", bytes("a"));
      await bucket.remove("removed");
      const log = await watchLog(bucket, ">");
      const last = await bucket.put("k.2", bytes("a"));
      await until(world.clock, "all there is", () => log.entries.at(-1)?.revision === last);
      for (const key of ["k", "removed", "never"]) await bucket.erase(key);
      assert.equal(await bucket.get("k"), undefined);
      assert.deepEqual((await bucket.list(">")).map(({ key }) => key), ["k.2"]);
      await refused(bucket.update("k", bytes("b"), erased), "PARTI_CONFLICT");
      assert.equal(await bucket.create("k", bytes("b")), last + 1);
      await until(world.clock, "the new one", () => log.entries.at(-1)?.revision === last + 1);
      const seen = log.entries.map(({ key, operation }) => `${key} ${operation}`);
      assert.deepEqual(seen, ["k put", "removed removed", "k.2 put", "k put"]);
      await log.watch.close();
      // What was erased may be there again after a crash, but no revision is used twice, not even that of the newest.
      await bucket.erase("k");
      await rig.crash();
      await until(world.clock, "the disconnect", () => !world.messaging.connected);
      await rig.restart();
      await until(world.clock, "the reconnect", () => world.messaging.connected);
      assert.equal(await bucket.put("k", bytes("c")), last + 2);
      assert.equal(textOf((await bucket.get("k"))!.value), "c");
      await world.kv.destroy("b");
      await refused(bucket.erase("k"), "PARTI_NOT_FOUND");
      await close();
    },
  },
  {
    name: "kv: a key expires late but surely, can be created again, and revisions stay monotonic",
    async run(rig) {
      const { world, close } = await rig.connect();
      const { clock } = world;
      const bucket = await world.kv.open("b", { ...BUCKET, ttlMs: 1_000 });
      let last = 0;
      for (let round = 0; round < 2; round++) {
        const startMs = clock.monotonicMs();
        const revision = await bucket.create("k", bytes("a"));
        assert.ok(revision > last);
        last = revision;
        await until(clock, "expiry", async () => await bucket.get("k") === undefined, 4_000);
        const aliveMs = clock.monotonicMs() - startMs;
        assert.ok(aliveMs >= 950, `gone after ${aliveMs} ms already`);
        assert.deepEqual(await bucket.list(">"), []);
        await refused(bucket.update("k", bytes("b"), revision), "PARTI_CONFLICT");
      }
      await close();
    },
  },
  {
    name: "kv: what a removal leaves vanishes, and nothing else does, where it was asked for",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", { ...BUCKET, removalsTtlMs: 1_000 });
      for (const key of ["gone", "again", "kept"]) await bucket.create(key, bytes("a"));
      for (const key of ["gone", "again"]) await bucket.remove(key);
      const last = await bucket.create("again", bytes("b"));
      const left = async (): Promise<string[]> => {
        const log = await watchLog(bucket, ">");
        await until(world.clock, "the listing", () => log.initializedAt !== undefined);
        await log.watch.close();
        return log.entries.map(({ key, operation }) => `${key} ${operation}`).sort();
      };
      assert.deepEqual(await left(), ["again put", "gone removed", "kept put"]);
      // An older server keeps it for ever.
      if (!rig.version.startsWith("2.10.")) {
        await until(world.clock, "what was left is gone", async () => (await left()).length === 2);
        assert.deepEqual(await left(), ["again put", "kept put"]);
      }
      assert.ok(await bucket.create("gone", bytes("c")) > last);
      await close();
    },
  },
  {
    name: "kv: renewing a key keeps it from expiring",
    async run(rig) {
      const { world, close } = await rig.connect();
      const { clock } = world;
      const bucket = await world.kv.open("b", { ...BUCKET, ttlMs: 1_000 });
      let revision = await bucket.create("k", bytes("a"));
      const endMs = clock.monotonicMs() + 3_000;
      let renewedMs = clock.monotonicMs();
      await until(clock, "three seconds of renewals", async () => {
        if (clock.monotonicMs() - renewedMs > 300) {
          renewedMs = clock.monotonicMs();
          revision = await bucket.update("k", bytes("a"), revision);
        }
        return clock.monotonicMs() > endMs;
      });
      assert.equal((await bucket.get("k"))?.revision, revision);
      await close();
    },
  },
  {
    name: "kv: what is not a key, a pattern or a bucket's name is refused before it is sent",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      for (const key of ["", ".a", "a.", "a..b", "a b", "a.*", ">", "ä"]) {
        await refused(bucket.create(key, bytes("x")), "PARTI_REFUSED");
        await refused(bucket.get(key), "PARTI_REFUSED");
      }
      await refused(bucket.create("a".repeat(5_000), bytes("x")), "PARTI_REFUSED");
      for (const pattern of ["", "a..b", ">.a", "a>", "a b"]) {
        await refused(bucket.list(pattern), "PARTI_REFUSED");
      }
      await refused(world.kv.open("a.b", BUCKET), "PARTI_REFUSED");
      await close();
    },
  },
  {
    name: "kv: an existing bucket keeps its settings, and the differences are told",
    async run(rig) {
      const { world, close } = await rig.connect();
      await world.kv.open("b", { ...BUCKET, ttlMs: 5_000 }, () => assert.fail("no drift"));
      const drift: unknown[][] = [];
      await world.kv.open("b", { ...BUCKET, storage: "memory", ttlMs: 9_000 }, (...what) => {
        drift.push(what);
      });
      assert.deepEqual(drift, [["ttlMs", 5_000, 9_000], ["storage", "file", "memory"]]);
      const before = await world.kv.identify("b");
      assert.equal(await world.kv.identify("b"), before);
      await world.kv.destroy("b");
      await world.kv.destroy("b");
      assert.equal(await world.kv.identify("b"), undefined);
      const bucket = await world.kv.open("b", BUCKET, () => assert.fail("no drift"));
      const after = await world.kv.identify("b");
      assert.ok(before !== undefined && after !== undefined && before !== after);
      assert.deepEqual(await bucket.list(">"), []);
      await close();
    },
  },
  {
    name: "kv: a bucket whose keys would expire sooner than a server can see to is refused",
    async run(rig) {
      const { world: { kv }, close } = await rig.connect();
      await refused(kv.open("b", { ...BUCKET, ttlMs: 99 }), "PARTI_REFUSED");
      await kv.open("b", { ...BUCKET, ttlMs: 100 }, () => assert.fail("no drift"));
      await close();
    },
  },
  {
    name: "kv: many open one bucket at once, with different settings",
    async run(rig) {
      const links = await Promise.all(Array.from({ length: 4 }, () => rig.connect()));
      const buckets = await Promise.all(
        links.map(({ world }, i) => world.kv.open("b", { ...BUCKET, ttlMs: 5_000 + i % 2 })),
      );
      await buckets[0]!.create("k", bytes("a"));
      for (const bucket of buckets) assert.equal(textOf((await bucket.get("k"))!.value), "a");
      await Promise.all(links.map((link) => link.close()));
    },
  },
];
