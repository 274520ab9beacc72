/**
 * What buckets promise when connections, servers and buckets go at a bad moment.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { sleep } from "../clock.ts";
import { BUCKET, bytes, numbers, refused, textOf, until, watchLog } from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const kvFaultCases: ContractCase[] = [
  {
    name: "kv: a bucket that is gone can be neither watched nor listed",
    async run(rig) {
      const { world: { kv }, close } = await rig.connect();
      const bucket = await kv.open("b", BUCKET);
      await kv.destroy("b");
      await refused(watchLog(bucket, ">"), "PARTI_NOT_FOUND");
      await refused(bucket.list(">"), "PARTI_NOT_FOUND");
      await close();
    },
  },
  {
    name: "kv: while the connection is down every call fails at once, and a new one cannot be made",
    async run(rig) {
      const { world: { kv, clock, messaging }, cut, close } = await rig.connect();
      const bucket = await kv.open("b", BUCKET);
      // The server goes while the client is about to come back to it.
      cut();
      await rig.crash();
      await until(clock, "the disconnect", () => !messaging.connected);
      cut();
      const startMs = clock.monotonicMs();
      const calls = [
        kv.open("c", BUCKET),
        kv.destroy("b"),
        bucket.put("k", bytes("x")),
        bucket.get("k"),
        bucket.list(">"),
        watchLog(bucket, ">"),
      ];
      for (const call of calls) await refused(call, "PARTI_DISCONNECTED");
      assert.ok(clock.monotonicMs() - startMs < 1_000, "at once");
      await refused(rig.connect(), "PARTI_DISCONNECTED");
      await rig.restart();
      await until(clock, "the reconnect", () => messaging.connected);
      await until(
        clock,
        "a write",
        () => bucket.put("k", bytes("y")).then(() => true, () => false),
      );
      assert.equal((await bucket.get("k"))?.revision, 1, "nothing was carried out later");
      await close();
    },
  },
  {
    name: "kv: a create that was refused for a key that has gone since succeeds",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const mine = await one.world.kv.open("b", BUCKET);
      const other = await two.world.kv.open("b", BUCKET);
      const old = await other.create("k", bytes("old"));
      let isSent = false;
      two.world.messaging.subscribe("sent", () => isSent = true);
      await two.world.messaging.flush(2_000);
      one.hold();
      const created = mine.create("k", bytes("new"));
      one.world.messaging.publish("sent", bytes("?"));
      await until(two.world.clock, "the create at the server", () => isSent);
      await other.erase("k");
      one.release();
      assert.equal(await created, old + 1, "the refused attempt used no revision");
      assert.equal(textOf((await other.get("k"))!.value), "new");
      await one.close();
      await two.close();
    },
  },
  {
    name:
      "kv: a create whose answer is lost may have been carried out, and a look at the key tells",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const mine = await one.world.kv.open("b", BUCKET);
      const other = await two.world.kv.open("b", BUCKET);
      const { clock } = two.world;
      one.hold();
      const created = refused(mine.create("k", bytes("nonce")), "PARTI_TIMEOUT");
      await until(clock, "the key", async () => await other.get("k") !== undefined);
      one.cut();
      await created;
      await until(clock, "the reconnect", () => one.world.messaging.connected);
      // To try again says no more than that somebody was first; the nonce says who.
      await refused(mine.create("k", bytes("nonce")), "PARTI_CONFLICT");
      const entry = await mine.get("k");
      assert.deepEqual([textOf(entry!.value), entry!.revision], ["nonce", 1]);
      await mine.update("k", bytes("mine"), entry!.revision);
      await one.close();
      await two.close();
    },
  },
  {
    name: "kv: a key that was due while the server was down is gone after its restart",
    async run(rig) {
      const { world: { kv, clock, messaging }, close } = await rig.connect();
      const bucket = await kv.open("b", { ...BUCKET, ttlMs: 1_000 });
      const log = await watchLog(bucket, ">");
      await bucket.put("k", bytes("a"));
      await until(clock, "the key in the watch", () => log.entries.length === 1);
      await rig.crash();
      await until(clock, "the disconnect", () => !messaging.connected);
      await sleep(clock, 1_500);
      await rig.restart();
      await until(clock, "the reconnect", () => messaging.connected);
      const isGone = () => bucket.get("k").then((entry) => entry === undefined, () => false);
      await until(clock, "the expiry", isGone, 4_000);
      const last = await bucket.put("next", bytes("b"));
      await until(clock, "the next key", () => log.entries.at(-1)?.revision === last);
      const seen = log.entries.map(({ key, operation }) => `${key} ${operation}`);
      const marker = rig.version.startsWith("2.10.") ? [] : ["k removed"];
      assert.deepEqual(seen, ["k put", ...marker, "next put"]);
      await close();
    },
  },
  {
    name: "kv: a listing under way when the server dies is complete or fails in time",
    async run(rig) {
      const { world: { kv, clock }, close } = await rig.connect();
      const bucket = await kv.open("b", BUCKET);
      await Promise.all(numbers(1, 500).map((i) => bucket.put(`k.${i}`, bytes("x"))));
      const listings: Promise<void>[] = [];
      const startMs = clock.monotonicMs();
      for (let i = 0; i < 40; i++) {
        listings.push(
          bucket.list("k.*").then(
            (entries) => assert.equal(entries.length, 500),
            (error) => assert.ok(isPartiError(error, "PARTI_TIMEOUT", "PARTI_DISCONNECTED"), error),
          ),
        );
        await sleep(clock, 0.1);
      }
      await rig.crash();
      await Promise.all(listings);
      const tookMs = clock.monotonicMs() - startMs;
      assert.ok(tookMs < 7_000, `after ${tookMs} ms`);
      await close();
    },
  },
  {
    name: "kv: a watch whose connection goes again while it begins anew misses nothing",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { clock } = two.world;
      const log = await watchLog(await one.world.kv.open("b", BUCKET), ">");
      const written = await two.world.kv.open("b", BUCKET);
      let cuts = 0;
      one.world.messaging.onStatus((status) => {
        if (status === "reconnected" && cuts++ < 3) one.cut();
      });
      one.cut();
      for (const i of numbers(1, 20)) await written.put(`k.${i}`, bytes("x"));
      await until(clock, "all entries", () => log.entries.length >= 20);
      await written.put("k.21", bytes("y"));
      await until(clock, "the last", () => log.entries.length >= 21);
      assert.deepEqual(log.entries.map((e) => e.revision), numbers(1, 21));
      assert.deepEqual(log.lost, []);
      await one.close();
      await two.close();
    },
  },
  {
    name: "kv: a watch closed while it begins anew reports nothing more, and no other is disturbed",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { messaging, kv } = one.world;
      const bucket = await kv.open("b", BUCKET);
      let closing: Promise<void> | undefined;
      // Told of the reconnect before the watches are.
      messaging.onStatus((status) => {
        if (status === "reconnected") void logs[0]!.watch.close();
      });
      const logs = await Promise.all(numbers(1, 8).map(() => watchLog(bucket, ">")));
      // Told of it after them: the next one has asked for its bucket already, and each one after that has come a step further.
      const closeStepwise = async () => {
        for (const log of logs.slice(1, 7)) {
          await log.watch.close();
          await messaging.flush(2_000);
        }
      };
      messaging.onStatus((status) => {
        if (status === "reconnected") closing = closeStepwise();
      });
      one.cut();
      await until(two.world.clock, "the reconnect", () => closing !== undefined);
      await closing;
      await (await two.world.kv.open("b", BUCKET)).put("k", bytes("x"));
      await until(two.world.clock, "the entry", () => logs[7]!.entries.length === 1);
      await messaging.flush(2_000);
      assert.deepEqual(logs.map(({ entries }) => entries.length), [0, 0, 0, 0, 0, 0, 0, 1]);
      assert.deepEqual(logs.flatMap(({ lost }) => lost), []);
      await one.close();
      await two.close();
    },
  },
];
