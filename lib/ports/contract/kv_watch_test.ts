/**
 * What buckets promise about many keys: listings and watches.
 *
 * @module
 */
import assert from "node:assert/strict";
import { BUCKET, bytes, numbers, textOf, until, watchLog } from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const kvWatchCases: ContractCase[] = [
  {
    name: "kv: a listing has the latest state of the matching keys, without the removed",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      assert.deepEqual(await bucket.list(">"), [], "of an empty bucket");
      for (const key of ["worker.1", "worker.2", "worker.3", "leader"]) {
        await bucket.create(key, bytes("old"));
      }
      const revision = await bucket.put("worker.1", bytes("new"));
      await bucket.remove("worker.2");
      const entries = await bucket.list("worker.*");
      const lines = entries.map((e) => `${e.key}=${textOf(e.value)}`).sort();
      assert.deepEqual(lines, ["worker.1=new", "worker.3=old"]);
      assert.equal(entries.find((e) => e.key === "worker.1")?.revision, revision);
      assert.equal((await bucket.list(">")).length, 3);
      assert.deepEqual((await bucket.list("leader")).map((e) => e.key), ["leader"]);
      assert.deepEqual(await bucket.list("nobody.*"), []);
      await bucket.remove("worker.3");
      await bucket.remove("worker.1");
      assert.deepEqual(await bucket.list("worker.*"), [], "when only markers are left");
      await close();
    },
  },
  {
    name: "kv: a listing of two thousand keys is complete while keys are written and removed",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      await Promise.all(numbers(1, 2_000).map((i) => bucket.put(`k.${i}`, bytes("a"))));
      let writing = true;
      const writer = (async () => {
        for (let i = 0; writing; i++) {
          await bucket.put(`k.${1 + i % 2_000}`, bytes("b"));
          await bucket.put(`extra.${i % 50}`, bytes("c"));
          await bucket.remove(`extra.${i % 50}`);
        }
      })();
      for (let round = 0; round < 3; round++) {
        const keys = new Set((await bucket.list("k.*")).map((entry) => entry.key));
        assert.equal(keys.size, 2_000);
      }
      writing = false;
      await writer;
      await close();
    },
  },
  {
    name: "kv: a watch says that the initial entries are over, also for an empty bucket",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      const empty = await watchLog(bucket, ">");
      await until(world.clock, "the marker", () => empty.initializedAt !== undefined);
      assert.equal(empty.initializedAt, 0);
      await bucket.put("a.1", bytes("x"));
      // Before it is removed below: what is overwritten before it was reported may be left out.
      await until(world.clock, "the first entry", () => empty.entries.length === 1);
      await bucket.put("b.1", bytes("y"));
      await bucket.put("a.2", bytes("z"));
      await bucket.remove("a.1");
      const full = await watchLog(bucket, "a.*");
      await until(world.clock, "the marker", () => full.initializedAt !== undefined);
      assert.deepEqual(full.lines, ["a.2=z@3", "a.1-@4"]);
      assert.equal(full.initializedAt, 2);
      const none = await watchLog(bucket, "c.*");
      await until(world.clock, "the marker", () => none.initializedAt !== undefined);
      await until(world.clock, "four entries", () => empty.entries.length === 4);
      assert.deepEqual(empty.lines, ["a.1=x@1", "b.1=y@2", "a.2=z@3", "a.1-@4"]);
      await close();
    },
  },
  {
    name: "kv: a watch reports every key's latest state in revision order, until it is closed",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      const log = await watchLog(bucket, "k.*");
      await Promise.all(numbers(1, 3_000).map((i) => bucket.put(`k.${i}`, bytes("x"))));
      await bucket.put("other", bytes("x"));
      await until(world.clock, "3,000 entries", () => log.entries.length >= 3_000);
      assert.deepEqual(log.entries.map((e) => e.revision), numbers(1, 3_000));
      // What is overwritten before it was reported may be left out; the last state of a key may not.
      await Promise.all(numbers(1, 3_000).map((i) => bucket.put(`k.${i % 7}`, bytes(String(i)))));
      await until(world.clock, "the last write", () => log.entries.at(-1)?.revision === 6_001);
      const revisions = log.entries.map((e) => e.revision);
      assert.deepEqual(revisions, [...new Set(revisions)].sort((a, b) => a - b));
      for (const [key, last] of numbers(2_994, 3_000).map((i) => [`k.${i % 7}`, i] as const)) {
        const reported = log.entries.findLast((e) => e.key === key);
        assert.equal(textOf(reported!.value), String(last));
      }
      await log.watch.close();
      const count = log.entries.length;
      const second = await watchLog(bucket, ">");
      await bucket.put("k.1", bytes("late"));
      await until(
        world.clock,
        "the late entry elsewhere",
        () => second.entries.some((e) => textOf(e.value) === "late"),
      );
      assert.equal(log.entries.length, count, "nothing after close");
      assert.deepEqual(log.lost, []);
      await close();
    },
  },
  {
    name: "kv: a watch is told of an expiry where the server leaves markers, and nowhere else",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", { ...BUCKET, ttlMs: 1_000 });
      const log = await watchLog(bucket, ">");
      await bucket.put("k", bytes("a"));
      const isGone = async () => await bucket.get("k") === undefined;
      await until(world.clock, "the expiry", isGone, 4_000);
      const last = await bucket.put("next", bytes("b"));
      await until(world.clock, "the next key", () => log.entries.at(-1)?.revision === last);
      const seen = log.entries.map(({ key, operation }) => `${key} ${operation}`);
      const marker = rig.version.startsWith("2.10.") ? [] : ["k removed"];
      assert.deepEqual(seen, ["k put", ...marker, "next put"]);
      await close();
    },
  },
  {
    name: "kv: a watch is lost when its bucket is removed or its connection closed",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const bucket = await one.world.kv.open("b", BUCKET);
      const log = await watchLog(bucket, ">");
      await bucket.put("k", bytes("a"));
      await two.world.kv.destroy("b");
      await until(two.world.clock, "the loss", () => log.lost.length > 0, 20_000);
      const again = await watchLog(await one.world.kv.open("c", BUCKET), ">");
      await one.close();
      await until(two.world.clock, "the loss", () => again.lost.length > 0);
      assert.equal(log.lost.length, 1);
      assert.equal(again.lost.length, 1);
      await two.close();
    },
  },
  {
    name: "kv: a handler that throws ends its watch with that error, and no other",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      const sound = await watchLog(bucket, ">");
      const lost: unknown[] = [];
      const oops = new Error("oops");
      await bucket.watch(">", {
        onEntry: () => {
          throw oops;
        },
        onLost: (error) => void lost.push(error),
      });
      await bucket.put("k", bytes("1"));
      await bucket.put("k", bytes("2"));
      await until(world.clock, "the loss", () => lost.length > 0);
      await until(world.clock, "both", () => sound.entries.at(-1)?.revision === 2);
      assert.deepEqual(lost, [oops]);
      assert.deepEqual(sound.lost, []);
      await close();
    },
  },
  {
    name: "kv: a watch over a cut connection misses nothing and repeats nothing",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const watched = await one.world.kv.open("b", BUCKET);
      const written = await two.world.kv.open("b", BUCKET);
      const log = await watchLog(watched, ">");
      await written.put("k", bytes("1"));
      await until(two.world.clock, "the first entry", () => log.entries.length === 1);
      for (let round = 0; round < 5; round++) {
        one.hold();
        for (const i of numbers(1, 20)) await written.put(`k.${round}.${i}`, bytes("x"));
        one.cut();
        await written.put(`k.${round}.after`, bytes("y"));
        const expected = 1 + (round + 1) * 21;
        await until(two.world.clock, "all entries", () => log.entries.length >= expected);
      }
      assert.deepEqual(log.entries.map((e) => e.revision), numbers(1, 106));
      assert.deepEqual(log.lost, []);
      await one.close();
      await two.close();
    },
  },
  {
    name: "kv: after a crash and restart the data is there and a watch goes on without a gap",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      const log = await watchLog(bucket, ">");
      for (const i of numbers(1, 50)) await bucket.put(`k.${i}`, bytes("a"));
      await rig.crash();
      await until(world.clock, "the disconnect", () => !world.messaging.connected);
      await assert.rejects(bucket.put("down", bytes("x")), { code: "PARTI_DISCONNECTED" });
      await rig.restart();
      await until(world.clock, "the reconnect", () => world.messaging.connected);
      let revision = 0;
      await until(world.clock, "a write", async () => {
        revision = await bucket.put("up", bytes("y")).catch(() => 0);
        return revision > 0;
      });
      assert.equal(revision, 51, "nothing lost, and the write while down was not carried out");
      await until(world.clock, "the write in the watch", () => log.entries.length >= 51);
      assert.deepEqual(log.entries.map((e) => e.revision), numbers(1, 51));
      assert.equal((await bucket.list("k.*")).length, 50);
      assert.deepEqual(log.lost, []);
      await close();
    },
  },
  {
    name: "kv: a write under way when the server dies has an unknown outcome, and says so",
    async run(rig) {
      const { world, close } = await rig.connect();
      const bucket = await world.kv.open("b", BUCKET);
      await bucket.create("k", bytes("a"));
      await rig.pause();
      const startMs = world.clock.monotonicMs();
      const write = bucket.put("k", bytes("b")).then(() => "done", (error) => error.code);
      await rig.crash();
      assert.equal(await write, "PARTI_TIMEOUT");
      const tookMs = world.clock.monotonicMs() - startMs;
      assert.ok(tookMs < 4_000, `known after ${tookMs} ms only`);
      await close();
    },
  },
];
