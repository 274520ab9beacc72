/**
 * Where the oldest and the newest server differ in how streams behave. The library lives with either; that it is known which is which
 * keeps the model like both.
 *
 * @module
 */
import assert from "node:assert/strict";
import { sleep } from "../clock.ts";
import { bytes, FEED, lane, publishNumbers, pullLog, refused, until } from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const feedVersionCases: ContractCase[] = [
  {
    name: "feed: an old server sees that it knows a message before it compares what is expected",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("OUT", { ...FEED, subjects: ["out.>"], retention: "limits" });
      const publish = (expectedLastSubjectSequence: number) =>
        feed.publish("out.1", bytes("x"), { messageId: "m-1", expectedLastSubjectSequence });
      assert.deepEqual(await publish(0), { sequence: 1, duplicate: false });
      if (rig.version.startsWith("2.10.")) {
        assert.deepEqual(await publish(0), { sequence: 1, duplicate: true });
      } else {
        await refused(publish(0), "PARTI_CONFLICT");
      }
      assert.deepEqual(await publish(1), { sequence: 1, duplicate: true });
      await close();
    },
  },
  {
    name: "feed: after a restart an old server knows the messages that are left, a newer one all",
    async run(rig) {
      const { world: { feed, clock, messaging }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      for (const id of ["m-1", "m-2"]) await feed.publish("feed.1", bytes(id), { messageId: id });
      await rig.crash();
      await until(clock, "the disconnect", () => !messaging.connected);
      await rig.restart();
      await until(clock, "the reconnect", () => messaging.connected);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 1);
      await until(clock, "the first", () => log.messages.length === 1);
      await log.messages[0]!.ackConfirmed(2_000);
      const isDuplicate = async (id: string) =>
        (await feed.publish("feed.1", bytes(id), { messageId: id })).duplicate;
      assert.equal(await isDuplicate("m-2"), true);
      // It looks at what is there when it is given the first ID.
      assert.equal(await isDuplicate("m-1"), !rig.version.startsWith("2.10."));
      await close();
    },
  },
  {
    name: "feed: for an old server a stream is full one byte sooner",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      // On disk a message is its subject, its payload and 30 bytes.
      const data = new Uint8Array(100 - 30 - "feed.1".length);
      await feed.ensureStream("S", { ...FEED, maxBytes: 300 });
      await feed.publish("feed.1", data);
      await feed.publish("feed.1", data);
      if (rig.version.startsWith("2.10.")) {
        await refused(feed.publish("feed.1", data), "PARTI_STREAM_FULL");
        await feed.publish("feed.1", data.subarray(1));
      } else {
        await feed.publish("feed.1", data);
      }
      await refused(feed.publish("feed.1", new Uint8Array(0)), "PARTI_STREAM_FULL");
      await close();
    },
  },
  {
    name:
      "feed: a newer server keeps a consumer that nobody pulls from until its ack waits are over",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const times = { inactiveThresholdMs: 500, ackWaitMs: 3_000 };
      await feed.createConsumer("S", lane("a", ["feed.1"], times));
      await feed.publish("feed.1", bytes("1"));
      const log = pullLog(feed, "S", "a", 1);
      await until(clock, "the message", () => log.messages.length === 1);
      const startMs = clock.monotonicMs();
      log.pull.close();
      const isGone = async () => await feed.consumerInfo("S", "a") === undefined;
      await until(clock, "the removal", isGone, 20_000);
      const keptMs = clock.monotonicMs() - startMs;
      const isOld = rig.version.startsWith("2.10.");
      assert.ok(isOld ? keptMs < 2_500 : keptMs > 2_500, `removed after ${keptMs} ms`);
      await close();
    },
  },
  {
    name: "feed: an old server goes on counting as pending what another consumer has handled",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      // The first message stays, and so the stream does not pass those that follow it.
      await feed.publish("feed.9", bytes("0"));
      const config = lane("a", ["feed.1", "feed.2"], { ackWaitMs: 500 });
      await feed.createConsumer("S", config);
      await publishNumbers(feed, "feed.2", 1, 2);
      const log = pullLog(feed, "S", "a", 2);
      await until(clock, "two", () => log.messages.length === 2);
      log.pull.close();
      await feed.shrinkConsumer("S", config, ["feed.1"]);
      await feed.createConsumer("S", lane("b", ["feed.2"]));
      const taken = pullLog(feed, "S", "b", 2);
      await until(clock, "two at the new owner", () => taken.messages.length === 2);
      for (const message of taken.messages) await message.ackConfirmed(2_000);
      await sleep(clock, 700);
      // It looks at what is due when somebody pulls.
      const after = pullLog(feed, "S", "a", 10);
      await publishNumbers(feed, "feed.1", 3, 3);
      await until(clock, "its own", () => after.messages.length > 0);
      assert.deepEqual(after.texts, ["3"]);
      await after.messages[0]!.ackConfirmed(2_000);
      const ackPending = async () => (await feed.consumerInfo("S", "a"))!.ackPending;
      const expected = rig.version.startsWith("2.10.") ? 2 : 0;
      await until(clock, `${expected} pending`, async () => await ackPending() === expected);
      await sleep(clock, 700);
      assert.equal(await ackPending(), expected);
      await close();
    },
  },
];
