import assert from "node:assert/strict";
import { sleep } from "../../ports/clock.ts";
import {
  bytes,
  FEED,
  lane,
  publishNumbers,
  pullLog,
  until,
} from "../../ports/contract/helpers_test.ts";
import { FaultBoard } from "./fault_board.ts";
import { feedFaults, simulate, type TestClient } from "./simulate_test.ts";
import { simWorld } from "./sim_world.ts";

/** A stream with one lane. */
async function lanes({ world: { feed } }: TestClient, ...names: string[]): Promise<void> {
  await feed.ensureStream("S", FEED);
  for (const [index, name] of names.entries()) {
    await feed.createConsumer("S", lane(name, [`feed.${index + 1}`]));
  }
}

Deno.test("what is wanted is asked for in batches, when half of it or less is under way", () =>
  simulate("2.15.1", async ({ connect, kernel }) => {
    const client = connect();
    const { feed, clock } = client.world;
    await lanes(client, "a");
    const log = pullLog(feed, "S", "a", 10);
    await publishNumbers(feed, "feed.1", 1, 4);
    await until(clock, "four", () => log.messages.length === 4);
    assert.equal(log.pull.outstanding, 6);
    log.pull.request(10);
    assert.equal(log.pull.outstanding, 6, "more than half is under way");
    await publishNumbers(feed, "feed.1", 5, 5);
    await until(clock, "five", () => log.messages.length === 5);
    log.pull.request(10);
    assert.equal(log.pull.outstanding, 10);
    for (const message of log.messages) message.ack();
    const eventsBefore = kernel.eventCount;
    await sleep(clock, 600_000);
    const events = kernel.eventCount - eventsBefore;
    assert.ok(events < 80, `an idle pull costs next to nothing in ten minutes: ${events}`);
    assert.equal(log.pull.outstanding, 10);
  }));

Deno.test("what was asked for before a quick reconnect is delivered after it, on top of what is asked for then", () =>
  simulate("2.15.1", async ({ connect }) => {
    const [one, two] = [connect(), connect()];
    const { feed, clock } = two.world;
    await lanes(two, "a");
    const log = pullLog(one.world.feed, "S", "a", 10);
    await sleep(clock, 20);
    one.link.cut();
    await until(clock, "the reconnect", () => log.pull.outstanding === 10);
    await publishNumbers(feed, "feed.1", 1, 40);
    await sleep(clock, 500);
    // As measured on nats-server 2.10.27 and 2.15.1.
    assert.equal(log.messages.length, 20);
    assert.equal(log.pull.outstanding, 0);
  }));

Deno.test("a server that stops answering stalls a pull with quick heartbeats, and ends the connection of one with slow ones", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const client = connect();
    await lanes(client, "a");
    const quickFeed = simWorld(server, { feed: { pull: { heartbeatMs: 500 } } })(client.link).feed;
    const quick = pullLog(quickFeed, "S", "a", 10);
    const slow = pullLog(client.world.feed, "S", "a", 10);
    const { clock, messaging } = client.world;
    await sleep(clock, 5_000);
    server.pause();
    await sleep(clock, 1_500);
    assert.deepEqual(quick.lost.map(([why]) => why), ["stalled"]);
    await until(clock, "the end of the connection", () => !messaging.connected);
    assert.equal(slow.pull.outstanding, 0);
    server.resume();
    await until(clock, "the reconnect", () => slow.pull.outstanding === 10);
    assert.deepEqual(slow.lost, []);
  }));

Deno.test("a server that stands still for a moment stalls nothing", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const client = connect();
    await lanes(client, "a");
    const { feed, clock } = client.world;
    const log = pullLog(feed, "S", "a", 10);
    for (let round = 0; round < 5; round++) {
      await sleep(clock, 1_234);
      server.pause();
      await sleep(clock, 1_000);
      server.resume();
    }
    await feed.publish("feed.1", bytes("1"));
    await until(clock, "the message", () => log.messages.length === 1);
    assert.deepEqual(log.lost, []);
  }));

Deno.test("a pull request that is lost is noticed by its silence", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const client = connect();
    await lanes(client, "a");
    const { feed, clock } = client.world;
    FaultBoard.of(server).set(feedFaults({ pullLost: 1 }));
    const startMs = clock.monotonicMs();
    const log = pullLog(feed, "S", "a", 10);
    await until(clock, "the stall", () => log.lost.length > 0, 60_000);
    assert.deepEqual(log.lost.map(([why]) => why), ["stalled"]);
    const tookMs = clock.monotonicMs() - startMs;
    assert.ok(tookMs >= 14_999 && tookMs < 15_020, `three ticks of five seconds: ${tookMs}`);
  }));

Deno.test("a lost batch is noticed when nothing else is open any more", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const client = connect();
    await lanes(client, "a");
    const { feed, clock } = client.world;
    const log = pullLog(feed, "S", "a", 2);
    await sleep(clock, 10);
    FaultBoard.of(server).set(feedFaults({ pullLost: 1 }));
    log.pull.request(10);
    assert.equal(log.pull.outstanding, 10);
    await sleep(clock, 20_000);
    assert.deepEqual(log.lost, [], "the first request is open and gives signs of life");
    await publishNumbers(feed, "feed.1", 1, 2);
    await until(clock, "the stall", () => log.lost.length > 0, 60_000);
    assert.equal(log.messages.length, 2);
  }));

Deno.test("a client that stands still gets nothing more once its request has ended, and asks again when it goes on", () =>
  simulate("2.15.1", async ({ connect }) => {
    const [frozen, other] = [connect(), connect()];
    const { feed, clock } = other.world;
    await lanes(other, "a");
    const log = pullLog(frozen.world.feed, "S", "a", 10);
    await sleep(clock, 10_000);
    frozen.owner.pause();
    await publishNumbers(feed, "feed.1", 1, 2);
    await sleep(clock, 25_000);
    const delivered = async () => (await feed.consumerInfo("S", "a"))!.delivered;
    assert.equal(await delivered(), 2, "while the request was open");
    await publishNumbers(feed, "feed.1", 3, 4);
    await sleep(clock, 1_000);
    assert.equal(await delivered(), 2);
    frozen.owner.resume();
    await until(clock, "all four", () => log.messages.length === 4);
    assert.deepEqual(log.lost, []);
  }));

Deno.test("the lane of a client that stands still is removed for want of requests", () =>
  simulate("2.15.1", async ({ connect }) => {
    const [frozen, other] = [connect(), connect()];
    const { feed, clock } = other.world;
    await lanes(other, "a");
    const log = pullLog(frozen.world.feed, "S", "a", 10);
    await sleep(clock, 100_000);
    assert.ok(await feed.consumerInfo("S", "a"));
    frozen.owner.pause();
    const isGone = async () => await feed.consumerInfo("S", "a") === undefined;
    const startMs = clock.monotonicMs();
    await until(clock, "the removal", isGone, 200_000);
    // Its threshold is 60 s, and its last request may be 30 s old.
    const tookMs = clock.monotonicMs() - startMs;
    assert.ok(tookMs > 30_000 && tookMs < 92_000, String(tookMs));
    frozen.owner.resume();
    await until(clock, "the loss", () => log.lost.length > 0);
    assert.deepEqual(log.lost.map(([why]) => why), ["deleted"]);
  }));

Deno.test("a handler that throws loses its pull, and nothing else", () =>
  simulate("2.15.1", async ({ connect }) => {
    const client = connect();
    const { feed, clock } = client.world;
    await lanes(client, "a", "b");
    const other = pullLog(feed, "S", "b", 10);
    const log = pullLog(feed, "S", "a", 10);
    log.onMessage = () => {
      throw new Error("a bug");
    };
    await publishNumbers(feed, "feed.1", 1, 3);
    await publishNumbers(feed, "feed.2", 1, 3);
    await until(clock, "the others", () => other.messages.length === 3);
    assert.deepEqual(log.lost, [["failed", "a bug"]]);
    assert.equal(log.messages.length, 1);
  }));

Deno.test("where nobody can tell whether the consumer is there, the pull tries again", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const client = connect();
    const { feed, clock } = client.world;
    await feed.ensureStream("S", FEED);
    FaultBoard.of(server).set(feedFaults({ requestLost: 1 }));
    const log = pullLog(feed, "S", "a", 10);
    await sleep(clock, 4_000);
    assert.deepEqual(log.lost, []);
    FaultBoard.of(server).set(feedFaults({}));
    await feed.createConsumer("S", lane("a", ["feed.1"]));
    await feed.publish("feed.1", bytes("1"));
    await until(clock, "the message", () => log.messages.length === 1);
    assert.deepEqual(log.lost, []);
  }));
