/**
 * What streams promise those who write to them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bytes, FEED, lane, numbers, pullLog, refused, textOf, until } from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const feedPublishCases: ContractCase[] = [
  {
    name: "feed: publications are stored in the order they were made",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const acks = await Promise.all(
        numbers(1, 10_000).map((i) => feed.publish("feed.1", bytes(String(i)))),
      );
      assert.deepEqual(acks.map((ack) => ack.sequence), numbers(1, 10_000));
      await close();
    },
  },
  {
    name: "feed: whoever waits for room has no more under way than may be",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      let underWay = 0, most = 0;
      const acks: Promise<unknown>[] = [];
      for (const i of numbers(1, 10_000)) {
        const room = feed.room();
        if (room !== undefined) await room;
        most = Math.max(most, ++underWay);
        acks.push(feed.publish("feed.1", bytes(String(i))).finally(() => underWay--));
      }
      await Promise.all(acks);
      assert.ok(most > 1 && most < 5_000, `${most} were under way at once`);
      assert.equal((await feed.streamInfo("S")).messages, 10_000);
      most = 0;
      // The same, where many wait at once.
      await Promise.all(
        numbers(1, 10_000).map(async () => {
          const room = feed.room();
          if (room !== undefined) await room;
          most = Math.max(most, ++underWay);
          await feed.publish("feed.1", bytes("x"));
          underWay--;
        }),
      );
      assert.ok(most > 1 && most < 5_000, `${most} of many callers were under way at once`);
      await close();
    },
  },
  {
    name: "feed: a publication is refused without a stream, dropped as duplicate, and fenced",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await refused(feed.publish("nowhere", bytes("x")), "PARTI_NO_RESPONDERS");
      await feed.ensureStream("OUT", { ...FEED, subjects: ["out.>"], retention: "limits" });
      const first = await feed.publish("out.1", bytes("a"), { messageId: "m-1" });
      const again = await feed.publish("out.1", bytes("b"), { messageId: "m-1" });
      assert.deepEqual([first, again], [{ sequence: 1, duplicate: false }, {
        sequence: 1,
        duplicate: true,
      }]);
      const guarded = (subject: string, expected: number) =>
        feed.publish(subject, bytes("c"), { expectedLastSubjectSequence: expected });
      await refused(guarded("out.1", 0), "PARTI_CONFLICT");
      await refused(guarded("out.1", 7), "PARTI_CONFLICT");
      assert.equal((await guarded("out.2", 0)).sequence, 2);
      assert.equal((await guarded("out.1", 1)).sequence, 3, "other subjects do not count");
      await refused(guarded("out.1", 1), "PARTI_CONFLICT");
      await close();
    },
  },
  {
    name: "feed: a message's ID is remembered for the stream's window",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", { ...FEED, duplicateWindowMs: 500 });
      const publish = () => feed.publish("feed.1", bytes("x"), { messageId: "m-1" });
      const startMs = clock.monotonicMs();
      assert.deepEqual(await publish(), { sequence: 1, duplicate: false });
      await until(clock, "the end of the window", async () => !(await publish()).duplicate);
      const keptMs = clock.monotonicMs() - startMs;
      assert.ok(keptMs >= 500, `forgotten after ${keptMs} ms already`);
      assert.deepEqual(await publish(), { sequence: 2, duplicate: true });
      await close();
    },
  },
  {
    name: "feed: a full feed refuses messages instead of dropping unhandled ones",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", { ...FEED, maxBytes: 10_000 });
      const results = await Promise.allSettled(
        numbers(1, 30).map(() => feed.publish("feed.1", new Uint8Array(1_000))),
      );
      const stored = results.filter((result) => result.status === "fulfilled").length;
      assert.ok(stored > 0 && stored < 10, String(stored));
      for (const result of results) {
        if (result.status === "rejected") assert.equal(result.reason.code, "PARTI_STREAM_FULL");
      }
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 100);
      await until(clock, "what was accepted", () => log.messages.length === stored);
      assert.equal(log.messages[0]!.streamSequence, 1);
      await log.messages[0]!.ackConfirmed(2_000);
      await feed.publish("feed.1", new Uint8Array(1_000));
      await close();
    },
  },
  {
    name: "feed: what is larger than may be stored, headers included, is refused as that",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const publish = (dataBytes: number, valueBytes: number) =>
        feed.publish("feed.1", new Uint8Array(dataBytes), {
          headers: { A: "b".repeat(valueBytes) },
        });
      const maxBytes = 1_048_576;
      // `NATS/1.0`, `A: `, an empty line, and three ends of lines.
      const frameBytes = 17;
      await feed.publish("feed.1", new Uint8Array(maxBytes));
      await refused(feed.publish("feed.1", new Uint8Array(maxBytes + 1)), "PARTI_TOO_LARGE");
      await publish(maxBytes - frameBytes - 20, 20);
      await refused(publish(maxBytes - frameBytes - 20, 21), "PARTI_TOO_LARGE");
      const headersMaxBytes = 65_535;
      await publish(1, headersMaxBytes - frameBytes);
      await refused(publish(1, headersMaxBytes - frameBytes + 1), "PARTI_TOO_LARGE");
      await refused(feed.publish(`feed.${"1".repeat(5_000)}`, bytes("x")), "PARTI_REFUSED");
      assert.equal((await feed.streamInfo("S")).messages, 3);
      await close();
    },
  },
  {
    name: "feed: of many who write with the same expected sequence one wins",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("OUT", { ...FEED, subjects: ["out.>"], retention: "limits" });
      let last = 0;
      for (let round = 0; round < 10; round++) {
        const results = await Promise.allSettled(
          numbers(1, 20).map((i) =>
            feed.publish("out.1", bytes(String(i)), { expectedLastSubjectSequence: last })
          ),
        );
        const won = results.flatMap((r) => r.status === "fulfilled" ? [r.value.sequence] : []);
        assert.equal(won.length, 1);
        last = won[0]!;
      }
      assert.equal(last, 10);
      await close();
    },
  },
  {
    name: "feed: the last message of a subject is read with its headers",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await refused(feed.lastMessage("OUT", "out.1"), "PARTI_NOT_FOUND");
      await feed.ensureStream("OUT", { ...FEED, subjects: ["out.>"], retention: "limits" });
      assert.equal(await feed.lastMessage("OUT", "out.1"), undefined);
      await feed.publish("out.1", bytes("old"));
      await feed.publish("out.1", bytes("nü"), {
        messageId: "id",
        headers: { "Parti-Epoch": "7: x" },
      });
      await feed.publish("out.2", bytes("other"));
      await feed.publish("out.3", new Uint8Array(0));
      const last = await feed.lastMessage("OUT", "out.1");
      assert.equal(last?.subject, "out.1");
      assert.equal(last.sequence, 2);
      assert.equal(textOf(last.data), "nü");
      assert.equal(last.header("Parti-Epoch"), "7: x");
      assert.equal(last.header("Nats-Msg-Id"), "id");
      assert.equal(last.header("Nothing"), undefined);
      assert.equal((await feed.lastMessage("OUT", "out.3"))?.data.length, 0);
      await close();
    },
  },
];
