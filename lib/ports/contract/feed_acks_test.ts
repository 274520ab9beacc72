/**
 * What feeds promise about acknowledgements, redelivery and takeover.
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
  refused,
  until,
} from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const feedAckCases: ContractCase[] = [
  {
    name: "feed: an ack removes the message, and a confirmed one has removed it when it returns",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"], { ackWaitMs: 500 }));
      await publishNumbers(feed, "feed.1", 1, 2);
      const log = pullLog(feed, "S", "a", 10);
      await until(clock, "two", () => log.messages.length === 2);
      log.messages[0]!.ack();
      await log.messages[1]!.ackConfirmed(2_000);
      assert.equal((await feed.streamInfo("S")).messages, 0);
      assert.equal((await feed.consumerInfo("S", "a"))!.ackPending, 0);
      await sleep(clock, 1_000);
      assert.equal(log.messages.length, 2, "no redelivery");
      await close();
    },
  },
  {
    name: "feed: a confirmed ack flushes all plain acks sent before it on that connection",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const count = 5_000;
      await feed.createConsumer("S", lane("a", ["feed.>"], { maxAckPending: 10_000 }));
      for (let round = 0; round < 4; round++) {
        await Promise.all(
          numbers(1, count).map((i) => feed.publish(`feed.${i % 100}`, bytes(String(i)))),
        );
        const log = pullLog(feed, "S", "a", count);
        await until(clock, "all", () => log.messages.length === count);
        log.pull.close();
        const [last, ...others] = log.messages.reverse();
        for (const message of others) message.ack();
        await last!.ackConfirmed(5_000);
        const info = await feed.consumerInfo("S", "a");
        assert.equal(info!.ackPending, 0, "every ack was processed");
        assert.equal((await feed.streamInfo("S")).messages, 0, "every message was removed");
      }
      await close();
    },
  },
  {
    name: "feed: a confirmed ack of a message already acknowledged is answered, and flushes too",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const count = 2_000;
      await feed.createConsumer("S", lane("a", ["feed.1"], { maxAckPending: 10_000 }));
      await publishNumbers(feed, "feed.1", 1, count);
      const log = pullLog(feed, "S", "a", count);
      await until(clock, "all", () => log.messages.length === count);
      await log.messages[0]!.ackConfirmed(2_000);
      await log.messages[0]!.ackConfirmed(2_000);
      for (const message of log.messages) message.ack();
      await log.messages.at(-1)!.ackConfirmed(2_000);
      assert.equal((await feed.consumerInfo("S", "a"))!.ackPending, 0);
      assert.equal((await feed.streamInfo("S")).messages, 0);
      await log.messages.at(-1)!.ackConfirmed(2_000);
      await close();
    },
  },
  {
    name: "feed: a message's ack can be kept without the message, and sent again",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      await publishNumbers(feed, "feed.1", 1, 3);
      const log = pullLog(feed, "S", "a", 3);
      await until(clock, "three", () => log.messages.length === 3);
      const [first, second, third] = log.messages.map(({ ackHandle }) => ackHandle);
      first!.ack();
      await second!.ackConfirmed(2_000);
      assert.equal((await feed.streamInfo("S")).messages, 1);
      assert.equal((await feed.consumerInfo("S", "a"))!.ackPending, 1);
      second!.ack();
      await third!.ackConfirmed(2_000);
      assert.equal((await feed.streamInfo("S")).messages, 0);
      await feed.deleteConsumer("S", "a");
      await refused(third!.ackConfirmed(2_000), "PARTI_NO_RESPONDERS");
      await close();
    },
  },
  {
    name: "feed: acks of a deleted consumer fail at once and change nothing",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      await publishNumbers(feed, "feed.1", 1, 3);
      const log = pullLog(feed, "S", "a", 10);
      await until(clock, "three", () => log.messages.length === 3);
      await feed.deleteConsumer("S", "a");
      await feed.createConsumer("S", lane("b", ["feed.1"]));
      const startMs = clock.monotonicMs();
      log.messages[0]!.ack();
      log.messages[0]!.working();
      await refused(log.messages[1]!.ackConfirmed(5_000), "PARTI_NO_RESPONDERS");
      assert.ok(clock.monotonicMs() - startMs < 1_000, "at once");
      assert.equal((await feed.streamInfo("S")).messages, 3);
      const next = pullLog(feed, "S", "b", 10);
      await until(clock, "all three again", () => next.messages.length === 3);
      await close();
    },
  },
  {
    name: "feed: a new consumer starts at the oldest unacknowledged message, at once and in order",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1", "feed.2"]));
      await publishNumbers(feed, "feed.1", 1, 40);
      await publishNumbers(feed, "feed.2", 1, 40);
      const log = pullLog(feed, "S", "a", 30);
      await until(clock, "thirty", () => log.messages.length === 30);
      // Out of order, as with several partitions: 1..9 and 20 are done, the rest is in flight or not yet delivered.
      for (const i of [...numbers(0, 8), 19]) await log.messages[i]!.ackConfirmed(2_000);
      await feed.deleteConsumer("S", "a");
      const startMs = clock.monotonicMs();
      await feed.createConsumer("S", lane("b", ["feed.1"]));
      const next = pullLog(feed, "S", "b", 100);
      await until(clock, "the first", () => next.messages.length > 0);
      const tookMs = clock.monotonicMs() - startMs;
      await until(clock, "all thirty", () => next.messages.length === 30);
      const expected = numbers(10, 40).filter((i) => i !== 20).map(String);
      assert.deepEqual(next.texts, expected);
      assert.deepEqual(next.deliveries, numbers(1, 30));
      assert.ok(next.messages.every((message) => message.deliveryCount === 1));
      assert.ok(tookMs < 1_000, `the takeover took ${tookMs} ms`);
      await close();
    },
  },
  {
    name: "feed: what is not acknowledged in time comes again, with a higher delivery sequence",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"], { ackWaitMs: 500 }));
      await publishNumbers(feed, "feed.1", 1, 3);
      const log = pullLog(feed, "S", "a", 10);
      await until(clock, "three", () => log.messages.length === 3);
      log.messages[0]!.ack();
      log.messages[2]!.ack();
      await until(clock, "the redelivery", () => log.messages.length === 4);
      const again = log.messages[3]!;
      assert.equal(again.streamSequence, 2);
      assert.equal(again.deliverySequence, 4);
      assert.equal(again.deliveryCount, 2);
      await until(clock, "the next redelivery", () => log.messages.length === 5);
      const third = log.messages[4]!;
      assert.deepEqual([third.streamSequence, third.deliverySequence, third.deliveryCount], [
        2,
        5,
        3,
      ]);
      // The ack of the first delivery counts for the message.
      await log.messages[1]!.ackConfirmed(2_000);
      assert.equal((await feed.streamInfo("S")).messages, 0);
      await close();
    },
  },
  {
    name: "feed: working() starts the ack wait anew",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"], { ackWaitMs: 1_000 }));
      await publishNumbers(feed, "feed.1", 1, 1);
      const log = pullLog(feed, "S", "a", 10);
      await until(clock, "the message", () => log.messages.length === 1);
      for (let i = 0; i < 10; i++) {
        await sleep(clock, 300);
        log.messages[0]!.working();
      }
      assert.equal(log.messages.length, 1, "no redelivery in three seconds");
      await until(clock, "the redelivery", () => log.messages.length === 2);
      await close();
    },
  },
  {
    name:
      "feed: what is pending for a subject given up comes again to the old lane until it is handled",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const config = lane("a", ["feed.1", "feed.2"], { ackWaitMs: 500 });
      await feed.createConsumer("S", config);
      await publishNumbers(feed, "feed.2", 1, 2);
      const log = pullLog(feed, "S", "a", 100);
      await until(clock, "two", () => log.messages.length === 2);
      await feed.shrinkConsumer("S", config, ["feed.1"]);
      await feed.createConsumer("S", lane("b", ["feed.2"]));
      const next = pullLog(feed, "S", "b", 10);
      await until(clock, "both at the new owner", () => next.messages.length === 2);
      // So a lane must leave alone what it no longer owns, and must not count on its credits being used well.
      await until(clock, "both at the old lane again", () => log.messages.length >= 4);
      assert.deepEqual(log.deliveries, numbers(1, log.messages.length));
      for (const message of next.messages) await message.ackConfirmed(2_000);
      assert.equal((await feed.streamInfo("S")).messages, 0);
      const handledAt = log.messages.length;
      await sleep(clock, 1_500);
      // One more may have been under way.
      assert.ok(log.messages.length <= handledAt + 2, "handled messages came again");
      await publishNumbers(feed, "feed.1", 1, 1);
      await until(clock, "its own", () => log.messages.at(-1)?.subject === "feed.1");
      assert.deepEqual(log.deliveries, numbers(1, log.messages.length), "without a hole");
      assert.equal((await feed.consumerInfo("S", "a"))!.ackPending, 1);
      await close();
    },
  },
  {
    name: "feed: what was due again and is handled by the new owner does not come to the old lane",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const config = lane("a", ["feed.1", "feed.2"], { ackWaitMs: 1_000 });
      await feed.createConsumer("S", config);
      await publishNumbers(feed, "feed.2", 1, 3);
      const before = pullLog(feed, "S", "a", 3);
      await until(clock, "three", () => before.messages.length === 3);
      before.pull.close();
      await feed.shrinkConsumer("S", config, ["feed.1"]);
      await feed.createConsumer("S", lane("b", ["feed.2"]));
      const taken = pullLog(feed, "S", "b", 3);
      await until(clock, "three at the new owner", () => taken.messages.length === 3);
      // The ack waits end while nobody pulls.
      await sleep(clock, 1_300);
      for (const message of taken.messages) await message.ackConfirmed(2_000);
      const after = pullLog(feed, "S", "a", 10);
      await publishNumbers(feed, "feed.1", 1, 1);
      await until(clock, "its own", () => after.messages.length > 0);
      assert.deepEqual(after.messages.map(({ subject }) => subject), ["feed.1"]);
      assert.deepEqual(after.deliveries, [4], "no delivery is left out");
      await after.messages[0]!.ackConfirmed(2_000);
      const ackPending = async () => (await feed.consumerInfo("S", "a"))!.ackPending;
      await until(clock, "the end of what was pending", async () => await ackPending() === 0);
      await close();
    },
  },
];
