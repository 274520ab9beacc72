/**
 * What pulls promise when connections and servers fail.
 *
 * @module
 */
import assert from "node:assert/strict";
import { sleep } from "../clock.ts";
import { FEED, lane, numbers, publishNumbers, pullLog, until } from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const feedPullFaultCases: ContractCase[] = [
  {
    name: "feed: a pull goes on over a cut connection and asks again for what it wanted",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { feed, clock } = two.world;
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(one.world.feed, "S", "a", 10);
      for (let round = 0; round < 3; round++) {
        one.cut();
        await until(clock, "the disconnect", () => !one.world.messaging.connected);
        assert.equal(log.pull.outstanding, 0, "void");
        await until(clock, "the reconnect", () => log.pull.outstanding === 10);
        await publishNumbers(feed, "feed.1", round + 1, round + 1);
        await until(clock, "a message", () => log.messages.length === round + 1);
        log.messages[round]!.ack();
        log.pull.request(10);
      }
      assert.deepEqual(log.texts, ["1", "2", "3"]);
      assert.deepEqual(log.lost, []);
      await one.close();
      await two.close();
    },
  },
  {
    name:
      "feed: what was asked for before a reconnect may still come, and counts for what is asked",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { feed, clock } = two.world;
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      // A connection that has lived for a while comes back at once, before a heartbeat falls due.
      await sleep(clock, 400);
      const log = pullLog(one.world.feed, "S", "a", 5);
      await one.world.messaging.flush(2_000);
      log.pull.request(0);
      let isBack = false;
      one.world.messaging.onStatus((status) => isBack ||= status === "reconnected");
      one.cut();
      await until(clock, "the reconnect", () => isBack);
      await one.world.messaging.flush(2_000);
      one.hold();
      await publishNumbers(feed, "feed.1", 1, 5);
      await sleep(clock, 50);
      await feed.deleteConsumer("S", "a");
      log.pull.request(5);
      await sleep(clock, 50);
      one.release();
      await one.world.messaging.flush(2_000);
      // None if a heartbeat fell due all the same, which has shown the server that nobody listened.
      assert.ok([0, 5].includes(log.messages.length), `${log.messages.length} messages`);
      assert.equal(log.pull.outstanding, 0);
      log.pull.request(1);
      await until(clock, "the loss", () => log.lost.length > 0);
      assert.deepEqual(log.lost.map(([why]) => why), ["deleted"]);
      await one.close();
      await two.close();
    },
  },
  {
    name: "feed: requests from before a reconnect end and leave no trace",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { feed, clock } = two.world;
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      // A connection that has lived for a while comes back at once, before the server knows that it has gone.
      await sleep(clock, 400);
      const log = pullLog(one.world.feed, "S", "a", 5);
      await one.world.messaging.flush(2_000);
      let isBack = false;
      one.world.messaging.onStatus((status) => isBack ||= status === "reconnected");
      one.cut();
      await until(clock, "the reconnect", () => isBack && log.pull.outstanding === 5);
      // Those from before are over by then, if they were not with the connection.
      await sleep(clock, 1_500);
      assert.equal(log.pull.outstanding, 5);
      await publishNumbers(feed, "feed.1", 1, 5);
      await until(clock, "five", () => log.messages.length === 5);
      assert.deepEqual(log.texts, numbers(1, 5).map(String));
      assert.deepEqual(log.lost, []);
      await one.close();
      await two.close();
    },
  },
  {
    name: "feed: requests of a connection that is gone take nothing from another",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { feed, clock } = two.world;
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      pullLog(one.world.feed, "S", "a", 5);
      await one.world.messaging.flush(2_000);
      await one.close();
      // Long enough for them to end.
      await sleep(clock, 1_500);
      const log = pullLog(feed, "S", "a", 10);
      await publishNumbers(feed, "feed.1", 1, 10);
      await until(clock, "ten", () => log.messages.length === 10);
      assert.deepEqual(log.texts, numbers(1, 10).map(String));
      assert.deepEqual(log.deliveries, numbers(1, 10));
      await two.close();
    },
  },
  {
    name: "feed: a consumer deleted while the connection is down is noticed afterwards",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { feed, clock } = two.world;
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(one.world.feed, "S", "a", 10);
      await until(clock, "the request", () => log.pull.outstanding === 10);
      one.hold();
      await feed.deleteConsumer("S", "a");
      one.cut();
      await until(clock, "the loss", () => log.lost.length > 0);
      assert.deepEqual(log.lost.map(([why]) => why), ["deleted"]);
      await one.close();
      assert.throws(() => pullLog(one.world.feed, "S", "a", 1), { code: "PARTI_DISCONNECTED" });
      assert.throws(() => one.world.messaging.subscribe("x", () => {}), {
        code: "PARTI_DISCONNECTED",
      });
      await two.close();
    },
  },
  {
    name: "feed: a pull whose connection is closed is lost",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { feed, clock } = two.world;
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(one.world.feed, "S", "a", 10);
      await publishNumbers(feed, "feed.1", 1, 1);
      await until(clock, "the message", () => log.messages.length === 1);
      await one.close();
      await until(clock, "the loss", () => log.lost.length > 0);
      assert.deepEqual(log.lost.map(([why]) => why), ["failed"]);
      log.messages[0]!.ack();
      log.messages[0]!.working();
      await assert.rejects(log.messages[0]!.ackConfirmed(100), { code: "PARTI_DISCONNECTED" });
      await two.close();
    },
  },
  {
    name: "feed: a pull goes on after a short silence",
    async run(rig) {
      const { world: { feed, clock }, hold, release, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 10);
      // Not so long that a pull gives up, which it does after two heartbeats, but a heartbeat may fall into each.
      for (const i of numbers(1, 5)) {
        hold();
        await sleep(clock, 60);
        release();
        await sleep(clock, 300);
        await publishNumbers(feed, "feed.1", i, i);
      }
      await until(clock, "five", () => log.messages.length === 5);
      assert.deepEqual(log.lost, []);
      await close();
    },
  },
  {
    name: "feed: nothing that was under way reaches a pull that is closed",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { feed, clock } = two.world;
      await feed.ensureStream("S", FEED);
      for (const i of numbers(1, 3)) await feed.createConsumer("S", lane(`l${i}`, [`feed.${i}`]));
      const logs = numbers(1, 3).map((i) => pullLog(one.world.feed, "S", `l${i}`, 0));
      // Not wanted any more, the first request will end with a word.
      logs[0]!.pull.request(5);
      logs[0]!.pull.request(0);
      await sleep(clock, 800);
      one.hold();
      logs[1]!.pull.request(5);
      await publishNumbers(feed, "feed.2", 1, 5);
      await feed.deleteConsumer("S", "l3");
      logs[2]!.pull.request(5);
      await sleep(clock, 300);
      for (const { pull } of logs) pull.close();
      one.release();
      await one.world.messaging.flush(2_000);
      assert.deepEqual(logs.map(({ messages, lost }) => [messages.length, lost]), [
        [0, []],
        [0, []],
        [0, []],
      ]);
      await one.close();
      await two.close();
    },
  },
  {
    name: "feed: a pull closed before it is known that its consumer is missing is told nothing",
    async run(rig) {
      const { world: { feed, messaging }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const log = pullLog(feed, "S", "missing", 10);
      // The flush returns behind the server's word that nobody serves the pull, and before its word on whether the consumer is there.
      await messaging.flush(2_000);
      log.pull.close();
      assert.equal(await feed.consumerInfo("S", "missing"), undefined);
      assert.deepEqual(log.lost, []);
      await close();
    },
  },
  {
    name: "feed: a pull that cannot learn whether its consumer is there asks again until it can",
    async run(rig) {
      const { world: { feed, messaging, clock }, cut, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      const log = pullLog(feed, "S", "missing", 10);
      await messaging.flush(2_000);
      let lostWhenCut: number | undefined;
      messaging.onStatus(() => lostWhenCut ??= log.lost.length);
      // The answer is on its way.
      cut();
      await until(clock, "the disconnect", () => lostWhenCut !== undefined);
      assert.equal(lostWhenCut, 0);
      await until(clock, "the end of the lane", () => log.lost.length > 0);
      assert.deepEqual(log.lost.map(([reason]) => reason), ["deleted"]);
      await close();
    },
  },
  {
    name: "feed: a server that falls silent is noticed, by the pull or by the connection",
    async run(rig) {
      const { world: { feed, clock, messaging }, close } = await rig.connect();
      await feed.ensureStream("S", FEED);
      await feed.createConsumer("S", lane("a", ["feed.1"]));
      const log = pullLog(feed, "S", "a", 10);
      await publishNumbers(feed, "feed.1", 1, 1);
      await until(clock, "the message", () => log.messages.length === 1);
      await rig.pause();
      await until(clock, "the silence", () => log.lost.length > 0 || !messaging.connected);
      rig.resume();
      assert.ok(log.lost.every(([why]) => why === "stalled"), String(log.lost));
      await close();
    },
  },
];
