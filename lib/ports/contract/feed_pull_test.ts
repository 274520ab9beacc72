/**
 * What feeds promise about deliveries and credits.
 *
 * @module
 */
import assert from "node:assert/strict";
import { sleep } from "../clock.ts";
import {
  bytes,
  FEED,
  lane,
  numbers,
  publishNumbers,
  pullLog,
  textOf,
  until,
} from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const feedPullCases: ContractCase[] = [
  {
    name: "feed: deliveries are in order, complete and described",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.publish("feed.0", bytes("not mine"));
      const beforeMs = clock.wallMs();
      await feed.publish("feed.1", bytes("1"), { messageId: "m", headers: { A: "b" } });
      await publishNumbers(feed, "feed.1", 2, 500);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 600);
      await until(clock, "500 messages", () => log.messages.length === 500);
      assert.deepEqual(log.texts, numbers(1, 500).map(String));
      assert.deepEqual(log.deliveries, numbers(1, 500));
      const first = log.messages[0]!;
      assert.equal(first.subject, "feed.1");
      assert.equal(first.streamSequence, 2);
      assert.equal(first.deliveryCount, 1);
      assert.equal(first.pending, 499);
      assert.equal(first.header("A"), "b");
      assert.equal(first.header("Nats-Msg-Id"), "m");
      assert.equal(first.header("None"), undefined);
      assert.deepEqual(first.headers, { A: "b", "Nats-Msg-Id": "m" });
      assert.deepEqual(log.messages[1]!.headers, {});
      assert.ok(Math.abs(first.storedAtMs - beforeMs) < 60_000, `stored at ${first.storedAtMs}`);
      assert.equal(log.messages[499]!.pending, 0);
      assert.deepEqual(
        await feed.consumerInfo("S", "a").then((i) => [i?.delivered, i?.ackPending]),
        [
          500,
          500,
        ],
      );
      await close();
    },
  },
  {
    name: "feed: nothing comes unasked, and never more than was asked for",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      await publishNumbers(feed, "feed.1", 1, 100);
      const log = pullLog(feed, "S", "a", 0);
      assert.equal(log.pull.outstanding, 0);
      const delivered = async () => (await feed.consumerInfo("S", "a"))!.delivered;
      await sleep(clock, 50);
      assert.equal(await delivered(), 0);
      log.pull.request(5);
      await until(clock, "five", () => log.messages.length === 5);
      assert.equal(log.pull.outstanding, 0);
      await sleep(clock, 50);
      assert.equal(await delivered(), 5);
      // A consumer of messages with room for ten at a time.
      let inHand = 0;
      let most = 0;
      log.onMessage = () => most = Math.max(most, ++inHand);
      log.pull.request(10);
      await until(clock, "all hundred", () => {
        if (inHand > 0) {
          inHand--;
          log.pull.request(10 - inHand);
        }
        return log.messages.length === 100;
      });
      assert.ok(most <= 10, `${most} in hand`);
      assert.deepEqual(log.deliveries, numbers(1, 100));
      await close();
    },
  },
  {
    name: "feed: a lower count takes effect as messages arrive, and none stops them",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 20);
      log.pull.request(0);
      await publishNumbers(feed, "feed.1", 1, 50);
      await until(clock, "those asked for", () => log.messages.length === 20);
      await sleep(clock, 50);
      assert.equal(log.messages.length, 20);
      assert.equal((await feed.consumerInfo("S", "a"))!.delivered, 20);
      await close();
    },
  },
  {
    name: "feed: what was asked for and is not wanted any more is given back when the request ends",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 20);
      log.pull.request(0);
      assert.equal(log.pull.outstanding, 20);
      await until(clock, "the end of the request", () => log.pull.outstanding === 0);
      await publishNumbers(feed, "feed.1", 1, 5);
      await sleep(clock, 50);
      assert.equal((await feed.consumerInfo("S", "a"))!.delivered, 0);
      log.pull.request(5);
      await until(clock, "five", () => log.messages.length === 5);
      assert.deepEqual(log.lost, []);
      await close();
    },
  },
  {
    name: "feed: what was asked for is still asked for after a long silence",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 10);
      // Longer than the requests of the rig live: the server gives the credits back, and they are asked for anew.
      await sleep(clock, 3_000);
      assert.equal(log.pull.outstanding, 10);
      await publishNumbers(feed, "feed.1", 1, 15);
      await until(clock, "ten messages", () => log.messages.length === 10);
      log.pull.request(10);
      await until(clock, "the other five", () => log.messages.length === 15);
      assert.equal(log.pull.outstanding, 5);
      assert.deepEqual(log.lost, []);
      await sleep(clock, 2_000);
      assert.equal(log.pull.outstanding, 5);
      await publishNumbers(feed, "feed.1", 16, 20);
      await until(clock, "the last five", () => log.messages.length === 20);
      assert.equal(log.pull.outstanding, 0);
      assert.deepEqual(log.deliveries, numbers(1, 20));
      await close();
    },
  },
  {
    name: "feed: after close nothing comes, and the unacknowledged comes to the next",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"], { ackWaitMs: 500 }));
      const log = pullLog(feed, "S", "a", 10);
      log.onMessage = () => log.pull.close();
      await publishNumbers(feed, "feed.1", 1, 5);
      await until(clock, "the first", () => log.messages.length === 1);
      assert.equal(log.pull.outstanding, 0);
      log.pull.close();
      log.pull.request(5);
      const next = pullLog(feed, "S", "a", 10);
      await until(clock, "all five", () => new Set(next.texts).size === 5);
      assert.deepEqual([...new Set(next.texts)].sort(), ["1", "2", "3", "4", "5"]);
      assert.equal(log.messages.length, 1);
      assert.deepEqual(log.lost, []);
      await close();
    },
  },
  {
    name: "feed: no more than maxAckPending are handed out, and acks let the rest come",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"], { maxAckPending: 3 }));
      await publishNumbers(feed, "feed.1", 1, 9);
      const log = pullLog(feed, "S", "a", 100);
      await until(clock, "three", () => log.messages.length === 3);
      await sleep(clock, 1_500);
      assert.equal(log.messages.length, 3);
      for (let have = 3; have <= 9; have += 3) {
        for (const message of log.messages.slice(have - 3, have)) message.ack();
        await until(clock, "three more", () => log.messages.length === Math.min(9, have + 3));
      }
      assert.deepEqual(log.texts, numbers(1, 9).map(String));
      assert.deepEqual(log.lost, []);
      await close();
    },
  },
  {
    name: "feed: an unfiltered consumer reads the whole stream",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await publishNumbers(feed, "feed.1", 1, 2);
      await publishNumbers(feed, "feed.2.x", 1, 2);
      await feed.createConsumer("S", lane("a", []));
      const log = pullLog(feed, "S", "a", 10);
      await until(clock, "all", () => log.messages.length === 4);
      assert.deepEqual(log.messages.map((m) => `${m.subject}=${textOf(m.data)}`), [
        "feed.1=1",
        "feed.1=2",
        "feed.2.x=1",
        "feed.2.x=2",
      ]);
      await close();
    },
  },
  {
    name:
      "feed: the pull ends as deleted when the consumer or the stream is, and when it never was",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      await feed.createConsumer("S", lane("b", ["feed.2"]));
      const a = pullLog(feed, "S", "a", 10);
      const b = pullLog(feed, "S", "b", 10);
      const never = pullLog(feed, "S", "never", 10);
      await feed.publish("feed.1", bytes("1"));
      await until(clock, "a message", () => a.messages.length === 1);
      const startMs = clock.monotonicMs();
      await feed.deleteConsumer("S", "a");
      await until(clock, "the loss of a", () => a.lost.length > 0);
      assert.ok(clock.monotonicMs() - startMs < 500, "told at once");
      await until(clock, "the loss of what never was", () => never.lost.length > 0);
      await feed.destroyStream("S");
      await until(clock, "the loss of b", () => b.lost.length > 0);
      for (const log of [a, b, never]) assert.deepEqual(log.lost.map(([why]) => why), ["deleted"]);
      assert.equal(a.pull.outstanding, 0);
      await close();
    },
  },
  {
    name: "feed: a consumer deleted while nothing was asked for is noticed by the next request",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 0);
      await feed.deleteConsumer("S", "a");
      log.pull.request(1);
      await until(clock, "the loss", () => log.lost.length > 0);
      assert.equal(log.lost[0]![0], "deleted");
      await close();
    },
  },
];
