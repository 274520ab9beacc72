/**
 * What feeds promise about messages that are large.
 *
 * @module
 */
import assert from "node:assert/strict";
import { sleep } from "../clock.ts";
import type { FeedStore } from "../feed.ts";
import { FEED, lane, numbers, pullLog, until } from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

async function publishSizes(feed: FeedStore, subject: string, sizes: number[]): Promise<void> {
  for (const size of sizes) await feed.publish(subject, new Uint8Array(size));
}

/** The cases. */
export const feedBytesCases: ContractCase[] = [
  {
    name:
      "feed: no more bytes come than are wanted, but for the last message, which is of any size",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      await publishSizes(feed, "feed.1", [1_000, 1_000, 1_000, 1_000, 1_000, 9_000, 10]);
      const log = pullLog(feed, "S", "a", 0);
      // Of 1,046 bytes each as the server counts.
      log.pull.request(10, 3_500);
      await until(clock, "four", () => log.messages.length === 4);
      await sleep(clock, 50);
      assert.equal(log.messages.length, 4);
      log.pull.request(1, 1);
      await until(clock, "one", () => log.messages.length === 5);
      log.pull.request(3, 1);
      await until(clock, "the large one", () => log.messages.length === 6);
      await sleep(clock, 50);
      assert.equal(log.messages.length, 6);
      log.pull.request(10);
      await until(clock, "the last one", () => log.messages.length === 7);
      assert.deepEqual(log.deliveries, numbers(1, 7));
      assert.equal(log.pull.outstanding, 9);
      assert.deepEqual(log.lost, []);
      await close();
    },
  },
  {
    name: "feed: a request whose last byte is used up is over, though the server says nothing",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 0);
      // Subject, ack subject and payload. Half of what is wanted is asked for at first, which is two messages to the byte.
      const size = "feed.1$JS.ACK.S.a.1.1.1.1700000000000000000.3".length + 100;
      await publishSizes(feed, "feed.1", [100, 100, 100, 100]);
      log.pull.request(9, 4 * size);
      await until(clock, "all four", () => log.messages.length === 4, 1_000);
      assert.equal(log.pull.outstanding, 0, "there are no bytes left to ask for");
      await close();
    },
  },
  {
    name: "feed: messages of any size come on many pulls of one connection, each of them once",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      // So many that the share of each is less than the size of a message.
      const lanes = numbers(1, 30);
      for (const i of lanes) await feed.createConsumer("S", lane(`l${i}`, [`feed.${i}`]));
      const sizes = [200_000, 10, 150_000];
      for (const i of lanes) await publishSizes(feed, `feed.${i}`, sizes);
      const logs = lanes.map((i) => pullLog(feed, "S", `l${i}`, 0));
      for (const { pull } of logs) pull.request(100);
      await until(clock, "all", () => logs.every(({ messages }) => messages.length >= 3));
      await sleep(clock, 50);
      for (const log of logs) {
        assert.deepEqual(log.messages.map(({ data }) => data.length), sizes);
        assert.deepEqual(log.lost, []);
      }
      await close();
    },
  },
];
