/**
 * Why a filter never grows, why an unfiltered lane stands alone, and what late acks and leftovers of a subject given up do.
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
export const feedLaneCases: ContractCase[] = [
  {
    name: "feed: a filter that grew does not bring back what its cursor has passed",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      for (const retention of ["workqueue", "limits"] as const) {
        const stream = `S_${retention}`;
        const [mine, other] = [`${retention}.1`, `${retention}.2`];
        await feed.ensureStream(stream, { ...FEED, subjects: [`${retention}.*`], retention });
        await publishNumbers(feed, other, 1, 5);
        await publishNumbers(feed, mine, 6, 10);
        await feed.createConsumer(stream, lane("a", [mine]));
        const log = pullLog(feed, stream, "a", 100);
        await until(clock, "its own five", () => log.messages.length === 5);
        // A caller who claims that the lane has both already gets past the check of the port; the library never does.
        await feed.shrinkConsumer(stream, lane("a", [mine, other]), [mine, other]);
        const info = await feed.consumerInfo(stream, "a");
        assert.deepEqual([...info!.filterSubjects].sort(), [mine, other]);
        assert.equal(info!.pending, 0, "the server does not even say that something is left");
        await feed.publish(other, bytes("11"));
        await until(clock, "the new one", () => log.texts.includes("11"));
        await sleep(clock, 300);
        assert.deepEqual(log.texts, numbers(6, 11).map(String), "1 to 5 are never delivered");
        for (const message of log.messages) message.ack();
        await log.messages.at(-1)!.ackConfirmed(2_000);
        if (retention === "workqueue") {
          await feed.deleteConsumer(stream, "a");
          await feed.createConsumer(stream, lane("b", [mine, other]));
          const next = pullLog(feed, stream, "b", 100);
          await until(clock, "what was stranded", () => next.messages.length === 5);
          assert.deepEqual(next.texts, numbers(1, 5).map(String));
        }
      }
      await close();
    },
  },
  {
    name: "feed: an unfiltered consumer of a WorkQueue stream leaves nothing to anybody else",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("all", []));
      assert.deepEqual((await feed.consumerInfo("S", "all"))?.filterSubjects, []);
      for (const filter of [["feed.1"], ["feed.1", "feed.2"], ["feed.*"], ["feed.>"], []]) {
        await refused(feed.createConsumer("S", lane("b", filter)), "PARTI_FILTER_OVERLAP");
      }
      await feed.deleteConsumer("S", "all");
      await feed.createConsumer("S", lane("b", ["feed.1"]));
      await close();
    },
  },
  {
    name: "feed: a stream takes more than a thousand consumers",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", { ...FEED, storage: "memory" });
      const count = 1_005;
      // A few at a time: a server works off one connection's calls in turn and answers no ping meanwhile.
      for (let i = 1; i <= count; i += 15) {
        await Promise.all(
          numbers(i, i + 14).map((n) => feed.createConsumer("S", lane(`l${n}`, [`feed.${n}`]))),
        );
      }
      assert.equal((await feed.listConsumers("S")).length, count);
      await close();
    },
  },
  {
    name: "feed: a late ack of a lane that gave up the subject is answered as if it were its own",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const config = lane("a", ["feed.1", "feed.2"]);
      await feed.createConsumer("S", config);
      await publishNumbers(feed, "feed.2", 1, 2);
      const log = pullLog(feed, "S", "a", 10);
      await until(clock, "two", () => log.messages.length === 2);
      await feed.shrinkConsumer("S", config, ["feed.1"]);
      await log.messages[0]!.ackConfirmed(2_000);
      assert.equal((await feed.streamInfo("S")).messages, 1, "nobody else has it: it is removed");
      await feed.createConsumer("S", lane("b", ["feed.2"]));
      await log.messages[1]!.ackConfirmed(2_000);
      // An old server takes it from the new owner, too; a newer one confirms it all the same.
      const isRemoved = rig.version.startsWith("2.10.");
      assert.equal((await feed.streamInfo("S")).messages, isRemoved ? 0 : 1);
      await publishNumbers(feed, "feed.2", 3, 3);
      const next = pullLog(feed, "S", "b", 10);
      await until(clock, "the new one", () => next.texts.includes("3"));
      assert.deepEqual(next.texts, isRemoved ? ["3"] : ["2", "3"]);
      await close();
    },
  },
  {
    name: "feed: a late ack counts for whoever has the name of a deleted consumer",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      await publishNumbers(feed, "feed.1", 1, 3);
      const log = pullLog(feed, "S", "a", 10);
      await until(clock, "three", () => log.messages.length === 3);
      await feed.deleteConsumer("S", "a");
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      await refused(log.messages[0]!.ackConfirmed(500), "PARTI_TIMEOUT");
      assert.equal((await feed.streamInfo("S")).messages, 3, "it has not been delivered again yet");
      const next = pullLog(feed, "S", "a", 10);
      await until(clock, "all three again", () => next.messages.length === 3);
      await log.messages[1]!.ackConfirmed(2_000);
      assert.equal((await feed.streamInfo("S")).messages, 2, "the new holder has lost it");
      assert.equal((await feed.consumerInfo("S", "a"))?.ackPending, 2);
      await close();
    },
  },
  {
    name: "feed: what is pending for a subject given up takes up room until its ack wait ends",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const config = lane("a", ["feed.1", "feed.2"], { maxAckPending: 2, ackWaitMs: 2_000 });
      await feed.createConsumer("S", config);
      await publishNumbers(feed, "feed.2", 1, 2);
      const log = pullLog(feed, "S", "a", 2);
      await until(clock, "two", () => log.messages.length === 2);
      const deliveredMs = clock.monotonicMs();
      await feed.shrinkConsumer("S", config, ["feed.1"]);
      await feed.createConsumer("S", lane("b", ["feed.2"]));
      const next = pullLog(feed, "S", "b", 10);
      await until(clock, "both at the new owner", () => next.messages.length === 2);
      await publishNumbers(feed, "feed.1", 3, 3);
      log.pull.request(10);
      for (const message of next.messages) await message.ackConfirmed(2_000);
      assert.equal((await feed.streamInfo("S")).messages, 1, "only its own is left");
      await until(clock, "its own", () => log.texts.includes("3"));
      const waitedMs = clock.monotonicMs() - deliveredMs;
      assert.ok(waitedMs > 1_800, `it had to wait for ${waitedMs} ms only`);
      await close();
    },
  },
  {
    name: "feed: a consumer starts anew in its place, where the server can",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", []));
      await publishNumbers(feed, "feed.1", 1, 4);
      const log = pullLog(feed, "S", "a", 10);
      await until(clock, "four", () => log.messages.length === 4);
      await log.messages[1]!.ackConfirmed(2_000);
      log.pull.close();
      const isOld = rig.version.startsWith("2.10.");
      assert.equal(await feed.rewindConsumer("S", "a"), !isOld);
      const info = await feed.consumerInfo("S", "a");
      assert.deepEqual([info?.delivered, info?.ackPending], isOld ? [4, 3] : [0, 0]);
      if (!isOld) {
        await refused(feed.rewindConsumer("S", "b"), "PARTI_TIMEOUT");
        await refused(log.messages[3]!.ackConfirmed(300), "PARTI_TIMEOUT");
        const again = pullLog(feed, "S", "a", 10);
        await until(clock, "what is left", () => again.messages.length === 3);
        assert.deepEqual(again.texts, ["1", "3", "4"]);
        const counts = again.messages.map((one) => [one.deliverySequence, one.deliveryCount]);
        assert.deepEqual(counts, [[1, 1], [2, 1], [3, 1]]);
        // An ack of a delivery from before counts once it has come again.
        await log.messages[0]!.ackConfirmed(2_000);
        await publishNumbers(feed, "feed.1", 5, 5);
        await until(clock, "a new one", () => again.texts.includes("5"));
        assert.deepEqual([(await feed.streamInfo("S")).messages, again.messages.length], [3, 4]);
      }
      await close();
    },
  },
];
