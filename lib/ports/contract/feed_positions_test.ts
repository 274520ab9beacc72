/**
 * What feeds promise to whoever copies a stream: writes guarded by the whole stream's last sequence, and consumers that start where they are
 * told to and survive their server.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { FeedStore } from "../feed.ts";
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
import type { ContractCase, ContractLink, ContractRig } from "./rig_test.ts";

const LIMITS = { ...FEED, retention: "limits" } as const;

function guarded(feed: FeedStore, subject: string, expectedLastSequence: number) {
  return feed.publish(subject, bytes("x"), { expectedLastSequence });
}

/** Takes all messages of a WorkQueue stream out of it. */
async function drain({ world: { feed, clock } }: ContractLink, count: number): Promise<void> {
  const name = `drain-${(await feed.streamInfo("S")).lastSequence}`;
  await feed.createConsumer("S", lane(name, []));
  const log = pullLog(feed, "S", name, count);
  await until(clock, "all messages", () => log.messages.length === count);
  for (const message of log.messages) await message.ackConfirmed(2_000);
  log.pull.close();
  await feed.deleteConsumer("S", name);
  const { messages, firstSequence, lastSequence } = await feed.streamInfo("S");
  assert.deepEqual([messages, firstSequence], [0, lastSequence + 1]);
}

async function crashAndRestart(rig: ContractRig, { world }: ContractLink): Promise<void> {
  await rig.crash();
  await until(world.clock, "the disconnect", () => !world.messaging.connected);
  await rig.restart();
  await until(world.clock, "the reconnect", () => world.messaging.connected);
}

/** The cases. */
export const feedPositionCases: ContractCase[] = [
  {
    name:
      "feed: a write guarded by the stream's last sequence is refused on any other one, also after a drain and a crash",
    async run(rig) {
      const link = await rig.connect();
      const { feed } = link.world;
      await feed.ensureStream("S", FEED);
      await refused(guarded(feed, "feed.1", 1), "PARTI_CONFLICT");
      assert.deepEqual(await guarded(feed, "feed.1", 0), { sequence: 1, duplicate: false });
      await refused(guarded(feed, "feed.1", 0), "PARTI_CONFLICT");
      await refused(guarded(feed, "feed.1", 2), "PARTI_CONFLICT");
      assert.equal((await guarded(feed, "feed.2", 1)).sequence, 2, "other subjects count");
      await drain(link, 2);
      await refused(guarded(feed, "feed.1", 0), "PARTI_CONFLICT");
      assert.equal((await guarded(feed, "feed.1", 2)).sequence, 3);
      await drain(link, 1);
      await crashAndRestart(rig, link);
      assert.equal((await feed.streamInfo("S")).lastSequence, 3);
      await refused(guarded(feed, "feed.1", 0), "PARTI_CONFLICT");
      await refused(guarded(feed, "feed.1", 2), "PARTI_CONFLICT");
      assert.equal((await guarded(feed, "feed.1", 3)).sequence, 4);
      await link.close();
    },
  },
  {
    name:
      "feed: of guarded writes made in one go none is stored behind one that is missing, unless something else lies there",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const good = await Promise.all(numbers(0, 499).map((i) => guarded(feed, "feed.1", i)));
      assert.deepEqual(good.map(({ sequence }) => sequence), numbers(1, 500));
      const write = async (from: number) => {
        const all = numbers(from, 999).map((i) => guarded(feed, "feed.1", i));
        return (await Promise.allSettled(all)).map((one) =>
          one.status === "rejected" ? one.reason.code : "stored"
        );
      };
      assert.deepEqual(new Set(await write(501)), new Set(["PARTI_CONFLICT"]));
      await feed.publish("feed.2", bytes("somebody else's"));
      const [first, ...others] = await write(500);
      assert.equal(first, "PARTI_CONFLICT");
      assert.deepEqual(new Set(others), new Set(["stored"]));
      await close();
    },
  },
  {
    name: "feed: of two who write the same guarded messages each message is stored once",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      await one.world.feed.ensureStream("S", FEED);
      const results = await Promise.all(
        [one, two].map(({ world }) =>
          Promise.allSettled(numbers(0, 199).map((i) => guarded(world.feed, `feed.${i}`, i)))
        ),
      );
      const { feed, clock } = one.world;
      const stored = results.flat().filter(({ status }) => status === "fulfilled").length;
      assert.equal(stored, 200);
      await feed.createConsumer("S", lane("a", []));
      const log = pullLog(feed, "S", "a", 200);
      await until(clock, "all", () => log.messages.length === 200);
      assert.deepEqual(
        log.messages.map(({ subject }) => subject),
        numbers(0, 199).map((i) => `feed.${i}`),
      );
      await one.close();
      await two.close();
    },
  },
  {
    name: "feed: a consumer starts at the sequence it is told to; of a WorkQueue stream it may not",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", LIMITS);
      await publishNumbers(feed, "feed.1", 1, 5);
      const config = lane("a", ["feed.>"], { startSequence: 3 });
      await feed.createConsumer("S", config);
      await feed.createConsumer("S", config);
      await refused(feed.createConsumer("S", { ...config, startSequence: 4 }), "PARTI_CONFLICT");
      const { startSequence: _, ...without } = config;
      await refused(feed.createConsumer("S", without), "PARTI_CONFLICT");
      assert.equal((await feed.consumerInfo("S", "a"))?.pending, 3);
      await feed.createConsumer("S", lane("end", [], { startSequence: 6 }));
      const logs = [pullLog(feed, "S", "a", 10), pullLog(feed, "S", "end", 10)] as const;
      await publishNumbers(feed, "feed.1", 6, 7);
      await until(clock, "all", () => logs[0].messages.length + logs[1].messages.length === 7);
      assert.deepEqual(logs[0].texts, ["3", "4", "5", "6", "7"]);
      assert.deepEqual(logs[1].texts, ["6", "7"]);
      assert.deepEqual(logs[0].deliveries, numbers(1, 5));
      await feed.ensureStream("Q", { ...FEED, subjects: ["queue.>"] });
      await refused(feed.createConsumer("Q", lane("a", [], { startSequence: 1 })), "PARTI_REFUSED");
      await close();
    },
  },
  {
    name: "feed: a consumer that is to survive goes on after a crash; another one is gone",
    async run(rig) {
      const link = await rig.connect();
      const { feed, clock } = link.world;
      await feed.ensureStream("S", LIMITS);
      await publishNumbers(feed, "feed.1", 1, 20);
      const settings = { ackWaitMs: 1_000, inactiveThresholdMs: 0, startSequence: 5 };
      await feed.createConsumer("S", lane("a", [], { ...settings, survivesRestart: true }));
      await feed.createConsumer("S", lane("b", [], settings));
      const before = pullLog(feed, "S", "a", 10);
      await until(clock, "ten", () => before.messages.length === 10);
      for (const message of before.messages.slice(0, 5)) await message.ackConfirmed(2_000);
      before.pull.close();
      await crashAndRestart(rig, link);
      assert.equal(await feed.consumerInfo("S", "b"), undefined);
      assert.equal((await feed.consumerInfo("S", "a"))?.name, "a");
      const after = pullLog(feed, "S", "a", 100);
      const seen = () => new Set(after.messages.map(({ streamSequence }) => streamSequence));
      const wanted = new Set(numbers(10, 20));
      await until(clock, "what was not acknowledged", () => wanted.isSubsetOf(seen()));
      for (const message of after.messages) message.ack();
      await after.messages.at(-1)!.ackConfirmed(2_000);
      assert.equal((await feed.consumerInfo("S", "a"))?.pending, 0);
      assert.ok(!seen().has(4), "it does not go back behind its start");
      await link.close();
    },
  },
];
