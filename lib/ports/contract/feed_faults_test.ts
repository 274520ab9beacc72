/**
 * What feeds promise when connections and servers fail.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  bytes,
  FEED,
  lane,
  numbers,
  publishNumbers,
  pullLog,
  refused,
  textOf,
  until,
} from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const feedFaultCases: ContractCase[] = [
  {
    name: "feed: deliveries lost with a connection leave a hole in the delivery sequence",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { feed, clock } = two.world;
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"], { ackWaitMs: 2_000 }));
      const log = pullLog(one.world.feed, "S", "a", 100);
      await publishNumbers(feed, "feed.1", 1, 5);
      await until(clock, "five", () => log.messages.length === 5);
      for (const message of log.messages) message.ack();
      one.hold();
      await publishNumbers(feed, "feed.1", 6, 10);
      const delivered = async () => (await feed.consumerInfo("S", "a"))!.delivered;
      await until(clock, "the deliveries on the server", async () => await delivered() === 10);
      one.cut();
      await until(clock, "the reconnect", () => one.world.messaging.connected);
      assert.equal(await delivered(), 10, "the server tells what a reconnected pull has missed");
      await publishNumbers(feed, "feed.1", 11, 11);
      await until(clock, "the eleventh", () => log.messages.length >= 6);
      assert.equal(textOf(log.messages[5]!.data), "11");
      assert.equal(log.messages[5]!.deliverySequence, 11, "6 to 10 are missing");
      await until(clock, "the redelivery", () => log.messages.length >= 11);
      const again = log.messages.slice(6, 11);
      assert.deepEqual(again.map((m) => textOf(m.data)).sort(), ["10", "6", "7", "8", "9"]);
      assert.ok(again.every((m) => m.deliveryCount === 2 && m.deliverySequence > 11));
      assert.deepEqual(log.lost, []);
      await one.close();
      await two.close();
    },
  },
  {
    name: "feed: a call whose answer comes too late has an unknown outcome, and may be carried out",
    async run(rig) {
      const { world: { feed, messaging }, hold, release, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      hold();
      await refused(feed.publish("feed.1", bytes("1"), { timeoutMs: 200 }), "PARTI_TIMEOUT");
      release();
      await messaging.flush(2_000);
      assert.equal((await feed.streamInfo("S")).messages, 1);
      await close();
    },
  },
  {
    name: "feed: while the connection is down every call fails at once, and there is no room",
    async run(rig) {
      const { world: { feed, clock, messaging }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      await rig.crash();
      await until(clock, "the disconnect", () => !messaging.connected);
      const startMs = clock.monotonicMs();
      const calls = [
        feed.streamInfo("S"),
        feed.ensureStream("T", FEED),
        feed.destroyStream("S"),
        feed.createConsumer("S", lane("b", ["feed.2"])),
        feed.shrinkConsumer("S", lane("a", ["feed.1", "feed.2"]), ["feed.1"]),
        feed.deleteConsumer("S", "a"),
        feed.consumerInfo("S", "a"),
        feed.listConsumers("S"),
        feed.publish("feed.1", bytes("x")),
        feed.lastMessage("S", "feed.1"),
      ];
      let hasRoom = false;
      const room = feed.room();
      assert.ok(room !== undefined, "no room without a connection");
      const told = room.then(() => hasRoom = true);
      for (const call of calls) await refused(call, "PARTI_DISCONNECTED");
      assert.ok(clock.monotonicMs() - startMs < 1_000, "at once");
      assert.equal(hasRoom, false, "none before it is back");
      await rig.restart();
      await until(clock, "the reconnect", () => messaging.connected);
      await told;
      assert.equal(feed.room(), undefined);
      assert.equal((await feed.streamInfo("S")).lastSequence, 0, "nothing was carried out later");
      await close();
    },
  },
  {
    name:
      "feed: after a crash and restart the lane is gone and says so; a new one finds what is left",
    async run(rig) {
      const { world: { feed, clock, messaging }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1", "feed.2"], { ackWaitMs: 1_000 }));
      const log = pullLog(feed, "S", "a", 100);
      await publishNumbers(feed, "feed.1", 1, 100);
      await until(clock, "hundred", () => log.messages.length === 100);
      for (const message of log.messages.slice(0, 99)) message.ack();
      await log.messages[49]!.ackConfirmed(2_000);
      await rig.crash();
      await until(clock, "the disconnect", () => !messaging.connected);
      await assert.rejects(feed.publish("feed.1", bytes("x")), { code: "PARTI_DISCONNECTED" });
      await rig.restart();
      await until(clock, "the reconnect", () => messaging.connected);
      log.pull.request(200);
      await until(clock, "the end of the lane", () => log.lost.length > 0);
      assert.deepEqual(log.lost.map(([reason]) => reason), ["deleted"]);
      await publishNumbers(feed, "feed.1", 101, 150);
      await feed.createConsumer("S", lane("b", ["feed.1", "feed.2"], { ackWaitMs: 1_000 }));
      const rest = pullLog(feed, "S", "b", 200);
      // The hundredth was never acknowledged; of the others an acknowledgement may have been lost, never one that was confirmed.
      await until(clock, "what is left", () => rest.texts.includes("150"));
      assert.deepEqual(rest.texts.slice(-51), numbers(100, 150).map(String));
      assert.ok(rest.messages[0]!.streamSequence > 50);
      for (const message of rest.messages) message.ack();
      await until(
        clock,
        "the end of the stream",
        async () => (await feed.streamInfo("S")).messages === 0,
      );
      await close();
    },
  },
  {
    name:
      "feed: a message keeps the time it was stored at; in a stream made anew its sequence comes again, and later",
    async run(rig) {
      const { world: { feed, clock, messaging }, close } = await rig.connect();
      const timesAt = async (consumer: string) => {
        await feed.createConsumer("S", lane(consumer, ["feed.1"]));
        const log = pullLog(feed, "S", consumer, 10);
        await until(clock, "three", () => log.messages.length === 3);
        log.pull.close();
        await feed.deleteConsumer("S", consumer);
        assert.deepEqual(log.messages.map((message) => message.streamSequence), [1, 2, 3]);
        return log.messages.map((message) => message.storedAtMs);
      };
      await feed.ensureStream("S", FEED);
      await publishNumbers(feed, "feed.1", 1, 3);
      const times = await timesAt("a");
      assert.deepEqual(times, times.toSorted((a, b) => a - b));
      assert.deepEqual(await timesAt("b"), times, "at another consumer");
      await rig.crash();
      await until(clock, "the disconnect", () => !messaging.connected);
      await rig.restart();
      await until(clock, "the reconnect", () => messaging.connected);
      assert.deepEqual(await timesAt("c"), times, "after a restart");
      await feed.destroyStream("S");
      await feed.ensureStream("S", FEED);
      await publishNumbers(feed, "feed.1", 1, 3);
      const [first] = await timesAt("d");
      assert.ok(first! > times.at(-1)!, `${first} after ${times}`);
      await close();
    },
  },
  {
    name: "feed: a crash loses no acknowledged publication and leaves unknown those under way",
    async run(rig) {
      const { world: { feed, clock, messaging }, close } = await rig.connect();
      await feed.ensureStream("S", { ...FEED, retention: "limits" });
      const outcomes: Promise<string>[] = [];
      let acknowledged = 0;
      for (const i of numbers(1, 20_000)) {
        outcomes.push(
          feed.publish("feed.1", bytes(String(i))).then(() => {
            acknowledged++;
            return "stored";
          }, (error) => error.code),
        );
      }
      await until(clock, "some acks", () => acknowledged > 100);
      await rig.crash();
      const all = await Promise.all(outcomes);
      const stored = all.filter((outcome) => outcome === "stored").length;
      const unknown = all.filter((outcome) => outcome === "PARTI_TIMEOUT").length;
      const unsent = all.filter((outcome) => outcome === "PARTI_DISCONNECTED").length;
      assert.equal(stored + unknown + unsent, 20_000, "no other outcome");
      assert.ok(unknown > 0 && unknown <= 4_096, `${unknown} unknown`);
      await rig.restart();
      await until(clock, "the reconnect", () => messaging.connected);
      const { messages } = await feed.streamInfo("S");
      assert.ok(messages >= stored && messages <= stored + unknown, `${messages}, ${stored}`);
      await close();
    },
  },
];
