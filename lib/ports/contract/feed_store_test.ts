/**
 * What feeds promise about streams and consumers.
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
  until,
} from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const feedStoreCases: ContractCase[] = [
  {
    name: "feed: a stream is made once, described and removed",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await refused(feed.streamInfo("S"), "PARTI_NOT_FOUND");
      await refused(feed.listConsumers("S"), "PARTI_NOT_FOUND");
      await feed.destroyStream("S");
      await Promise.all(
        numbers(1, 4).map((i) =>
          feed.ensureStream("S", {
            ...FEED,
            ...{
              duplicateWindowMs: 1_000 * i,
              maxBytes: 1 << 20,
              metadata: { "made-by": "a test" },
            },
          })
        ),
      );
      assert.equal((await feed.streamInfo("S")).firstSequence, 1, "the first one comes there");
      await feed.publish("feed.1", bytes("a"));
      await feed.ensureStream("S", { ...FEED, retention: "limits", maxMessagesPerSubject: 1 });
      assert.deepEqual(await feed.streamInfo("S"), {
        subjects: ["feed.>"],
        mayHoldOthers: false,
        retention: "workqueue",
        messages: 1,
        firstSequence: 1,
        lastSequence: 1,
        metadata: { "made-by": "a test" },
        maxAckPending: undefined,
      });
      await feed.destroyStream("S");
      await refused(feed.streamInfo("S"), "PARTI_NOT_FOUND");
      await close();
    },
  },
  {
    name: "feed: a stream may bound what its consumers leave unacknowledged, and says so",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", { ...FEED, maxAckPending: 10 });
      assert.equal((await feed.streamInfo("S")).maxAckPending, 10);
      const config = (maxAckPending: number) => lane("a", ["feed.1", "feed.2"], { maxAckPending });
      await refused(feed.createConsumer("S", config(11)), "PARTI_LIMIT_EXCEEDED");
      await feed.createConsumer("S", config(10));
      await refused(feed.shrinkConsumer("S", config(11), ["feed.1"]), "PARTI_LIMIT_EXCEEDED");
      await feed.shrinkConsumer("S", config(10), ["feed.1"]);
      await close();
    },
  },
  {
    name: "feed: two consumers of a WorkQueue stream may not overlap, and a deletion frees at once",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await refused(feed.createConsumer("S", lane("a", ["feed.1"])), "PARTI_NOT_FOUND");
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1", "feed.2"]));
      const overlapping = [["feed.2"], ["feed.2", "feed.3"], ["feed.*"], ["feed.>"], []];
      for (const filter of overlapping) {
        await refused(feed.createConsumer("S", lane("b", filter)), "PARTI_FILTER_OVERLAP");
      }
      await feed.createConsumer("S", lane("b", ["feed.3"]));
      assert.equal(await feed.deleteConsumer("S", "a"), true);
      assert.equal(await feed.deleteConsumer("S", "a"), false);
      await feed.createConsumer("S", lane("c", ["feed.2", "feed.1"]));
      await close();
    },
  },
  {
    name: "feed: of many who acquire one subject at once one wins",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const results = await Promise.allSettled(
        numbers(1, 20).map((i) =>
          feed.createConsumer("S", lane(`l-${i}`, ["feed.1", `feed.x${i}`]))
        ),
      );
      const lost = results.flatMap((r) => r.status === "rejected" ? [r.reason.code] : []);
      assert.deepEqual(lost, numbers(1, 19).map(() => "PARTI_FILTER_OVERLAP"));
      await close();
    },
  },
  {
    name: "feed: creating the same consumer again succeeds, another one of that name does not",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      for (const filter of [["feed.1"], ["feed.2", "feed.3"]]) {
        const config = lane(`l${filter.length}`, filter);
        await feed.createConsumer("S", config);
        await feed.createConsumer("S", config);
        const changed = { ...config, metadata: { worker: "w-2" } };
        await refused(feed.createConsumer("S", changed), "PARTI_CONFLICT");
        await refused(feed.createConsumer("S", { ...config, ackWaitMs: 7 }), "PARTI_CONFLICT");
        const other = { ...config, filterSubjects: [...filter, "feed.9"] };
        await refused(feed.createConsumer("S", other), "PARTI_CONFLICT", "PARTI_FILTER_OVERLAP");
      }
      await close();
    },
  },
  {
    name: "feed: consumers are described and listed, also more than a page of them",
    async run(rig) {
      const { world: { feed }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      assert.equal(await feed.consumerInfo("S", "a"), undefined);
      assert.deepEqual(await feed.listConsumers("S"), []);
      await publishNumbers(feed, "feed.1", 1, 5);
      await feed.createConsumer("S", lane("a", ["feed.1"], { metadata: { x: "1", y: "2" } }));
      assert.deepEqual(await feed.consumerInfo("S", "a"), {
        name: "a",
        filterSubjects: ["feed.1"],
        metadata: { x: "1", y: "2" },
        pending: 5,
        ackPending: 0,
        delivered: 0,
      });
      // A few at a time: a server works off one connection's calls in turn and answers no ping meanwhile.
      for (let i = 1; i <= 299; i += 13) {
        await Promise.all(
          numbers(i, i + 12).map((n) => feed.createConsumer("S", lane(`l${n}`, [`feed.p.${n}`]))),
        );
      }
      const all = await feed.listConsumers("S");
      assert.equal(new Set(all.map((info) => info.name)).size, 300);
      assert.equal(all.length, 300);
      assert.deepEqual(all.find((info) => info.name === "l77")?.filterSubjects, ["feed.p.77"]);
      await close();
    },
  },
  {
    name: "feed: a consumer nobody pulls from is removed by the server, and its subjects are free",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"], { inactiveThresholdMs: 500 }));
      const log = pullLog(feed, "S", "a", 1);
      const startMs = clock.monotonicMs();
      await until(clock, "two seconds", () => clock.monotonicMs() - startMs > 2_000);
      assert.ok(await feed.consumerInfo("S", "a"), "an open request is activity");
      log.pull.close();
      await until(
        clock,
        "the removal",
        async () => await feed.consumerInfo("S", "a") === undefined,
      );
      await feed.createConsumer("S", lane("b", ["feed.1"]));
      await close();
    },
  },
  {
    name: "feed: a filter can shrink but not grow, and what it gives up can be taken at once",
    async run(rig) {
      const { world: { feed, clock }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const metadata = { worker: "w-1", lane: "7" };
      const config = lane("a", ["feed.1", "feed.2", "feed.3"], { metadata });
      await refused(feed.shrinkConsumer("S", config, ["feed.1"]), "PARTI_NOT_FOUND");
      await feed.createConsumer("S", config);
      await refused(feed.shrinkConsumer("S", config, ["feed.1", "feed.4"]), "PARTI_INVARIANT");
      await refused(feed.shrinkConsumer("S", config, []), "PARTI_INVARIANT");
      await publishNumbers(feed, "feed.1", 1, 3);
      await publishNumbers(feed, "feed.2", 1, 3);
      const log = pullLog(feed, "S", "a", 100);
      await until(clock, "six messages", () => log.messages.length === 6);
      const shrunk = ["feed.3", "feed.1"];
      await feed.shrinkConsumer("S", config, shrunk);
      const info = await feed.consumerInfo("S", "a");
      assert.deepEqual([...info!.filterSubjects].sort(), ["feed.1", "feed.3"]);
      assert.deepEqual(info!.metadata, metadata);
      await feed.createConsumer("S", lane("b", ["feed.2"]));
      const taken = pullLog(feed, "S", "b", 100);
      await until(clock, "the backlog at its new owner", () => taken.messages.length === 3);
      assert.deepEqual(taken.texts, ["1", "2", "3"], "complete, though the old owner has them too");
      await publishNumbers(feed, "feed.1", 4, 4);
      await publishNumbers(feed, "feed.2", 4, 4);
      await publishNumbers(feed, "feed.3", 1, 1);
      await until(
        clock,
        "the rest",
        () => log.messages.length === 8 && taken.messages.length === 4,
      );
      assert.deepEqual(log.deliveries, numbers(1, 8), "the shrink cost no delivery");
      assert.deepEqual(log.lost, []);
      await feed.shrinkConsumer("S", { ...config, filterSubjects: shrunk }, ["feed.1"]);
      await feed.createConsumer("S", lane("c", ["feed.3"]));
      await close();
    },
  },
];
