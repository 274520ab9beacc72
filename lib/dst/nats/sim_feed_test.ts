import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import {
  bytes,
  FEED,
  lane,
  numbers,
  publishNumbers,
  pullLog,
  refused,
  until,
} from "../../ports/contract/helpers_test.ts";
import { Draws } from "../draw.ts";
import { FaultBoard } from "./fault_board.ts";
import { drawFaults } from "./faults.ts";
import { FeedDriver } from "./feed_driver_test.ts";
import { drawOperation, drawStream, STREAMS } from "./feed_operations_test.ts";
import { feedFaults, hashOf, OLD_AND_NEW, simulate } from "./simulate_test.ts";

Deno.test("a publication whose word is lost is stored, one that is lost is not", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { feed } = connect().world;
    await feed.ensureStream("S", { ...FEED, retention: "limits" });
    const board = FaultBoard.of(server);
    board.set(feedFaults({ requestLost: 1 }));
    await refused(feed.publish("feed.1", bytes("1"), { timeoutMs: 200 }), "PARTI_TIMEOUT");
    board.set(feedFaults({ publishAckLost: 1 }));
    const messageId = "m";
    await refused(
      feed.publish("feed.1", bytes("2"), { messageId, timeoutMs: 200 }),
      "PARTI_TIMEOUT",
    );
    assert.equal((await feed.streamInfo("S")).messages, 1);
    board.set(feedFaults({}));
    assert.deepEqual(await feed.publish("feed.1", bytes("2"), { messageId }), {
      sequence: 1,
      duplicate: true,
    });
  }));

Deno.test("a lane is made, shrunk and deleted although the answer is lost", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { feed } = connect().world;
    await feed.ensureStream("S", FEED);
    FaultBoard.of(server).set(feedFaults({ answerLost: 1 }));
    const config = lane("a", ["feed.1", "feed.2"]);
    await refused(feed.createConsumer("S", config), "PARTI_TIMEOUT");
    assert.deepEqual((await feed.consumerInfo("S", "a"))?.filterSubjects, ["feed.1", "feed.2"]);
    await refused(feed.shrinkConsumer("S", config, ["feed.2"]), "PARTI_TIMEOUT");
    assert.deepEqual((await feed.consumerInfo("S", "a"))?.filterSubjects, ["feed.2"]);
    await refused(feed.deleteConsumer("S", "a"), "PARTI_TIMEOUT");
    assert.equal(await feed.consumerInfo("S", "a"), undefined);
    await feed.ensureStream("S", FEED);
  }));

Deno.test("a list can lack what was made just now", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { feed, clock } = connect().world;
    await feed.ensureStream("S", FEED);
    FaultBoard.of(server).set(feedFaults({ listStale: 1, listStaleMs: 10_000 }));
    await feed.createConsumer("S", lane("a", ["feed.1"]));
    let lists = 0;
    let lacking = 0;
    for (; lists < 20; lists++) lacking += (await feed.listConsumers("S")).length === 0 ? 1 : 0;
    assert.ok(lacking > 10, `${lacking} of ${lists}`);
    await sleep(clock, 10_000);
    assert.equal((await feed.listConsumers("S")).length, 1);
  }));

Deno.test("no more publications are under way than the gate lets through", () =>
  simulate("2.15.1", async ({ connect }) => {
    const { world: { feed }, link } = connect();
    await feed.ensureStream("S", FEED);
    const all = numbers(1, 5_000).map((i) => feed.publish("feed.1", bytes(String(i))));
    await Promise.resolve();
    assert.equal(link.inFlight, 4_096);
    await Promise.all(all);
    assert.equal(link.inFlight, 0);
  }));

Deno.test("what the caller changes afterwards does not reach the server", () =>
  simulate("2.15.1", async ({ connect }) => {
    const { feed } = connect().world;
    await feed.ensureStream("S", FEED);
    const config = { ...lane("a", ["feed.1"]), filterSubjects: ["feed.1"] };
    const made = feed.createConsumer("S", config);
    config.filterSubjects[0] = "feed.9";
    await made;
    const info = await feed.consumerInfo("S", "a");
    assert.deepEqual(info?.filterSubjects, ["feed.1"]);
    (info.filterSubjects as string[])[0] = "feed.8";
    assert.deepEqual((await feed.listConsumers("S"))[0]?.filterSubjects, ["feed.1"]);
  }));

Deno.test("with all faults and a crash nothing that was acknowledged by the stream is lost", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { world: { feed, clock }, link } = connect();
    await feed.ensureStream("S", FEED);
    FaultBoard.of(server).set(feedFaults({
      requestLost: 0.05,
      publishAckLost: 0.1,
      ackLate: 0.3,
      ackLateMs: 50,
      redeliveredEarly: 0.1,
      redeliveryLateMs: 500,
    }));
    const stored = new Set<string>();
    const publish = async (text: string): Promise<void> => {
      try {
        await feed.publish("feed.1", bytes(text), { timeoutMs: 300 });
        stored.add(text);
      } catch (error) {
        assert.ok(isPartiError(error, "PARTI_TIMEOUT", "PARTI_DISCONNECTED"));
      }
    };
    await Promise.all(numbers(1, 300).map((i) => publish(`a${i}`)));
    const isBack = new Promise<void>((resolve) => {
      link.onStatus((status) => status === "reconnected" && resolve());
    });
    server.crash();
    server.restart();
    await isBack;
    await Promise.all(numbers(1, 300).map((i) => publish(`b${i}`)));
    FaultBoard.of(server).set(feedFaults({ redeliveredEarly: 0.1, redeliveryLateMs: 500 }));
    await feed.createConsumer("S", lane("a", ["feed.1"], { ackWaitMs: 500 }));
    const log = pullLog(feed, "S", "a", 10_000);
    log.onMessage = (message) => message.ack();
    await until(clock, "all", () => [...stored].every((text) => log.texts.includes(text)), 60_000);
    assert.ok(stored.size > 450 && stored.size < 600, String(stored.size));
  }));

Deno.test("one seed gives one run, with all that can go wrong", async () => {
  const hash = (version: string, seed: number): Promise<string> =>
    hashOf(version, async ({ server, connect }) => {
      const draws = new Draws(seed, "determinism");
      FaultBoard.of(server).set(drawFaults(draws));
      const { world, link } = connect();
      const options = STREAMS.map((place) => drawStream(draws, place));
      const driver = new FeedDriver(world, "S", options, version, {
        cut: () => Promise.resolve(link.cut()),
        crash: () => {
          server.crash();
          return Promise.resolve(server.restart());
        },
      });
      await driver.start().catch(() => {});
      for (let i = 0; i < 150; i++) {
        await driver.run(drawOperation(draws));
        driver.takeHeard();
      }
    }, seed);
  for (const version of OLD_AND_NEW) {
    const hashes = new Set<string>();
    for (const seed of [1, 2, 3, 4, 5]) {
      const once = await hash(version, seed);
      assert.equal(await hash(version, seed), once, `seed ${seed}`);
      hashes.add(once);
    }
    assert.equal(hashes.size, 5, "and another seed another one");
  }
});

Deno.test("a subject that no stream stores, and a call without a connection, fail at once", () =>
  simulate("2.15.1", async ({ connect }) => {
    const { world: { feed, clock }, link } = connect();
    await feed.ensureStream("S", FEED);
    const startMs = clock.monotonicMs();
    await refused(feed.publish("other", bytes("x")), "PARTI_NO_RESPONDERS");
    await refused(feed.publish("feed.1", new Uint8Array(2 ** 20 + 1)), "PARTI_TOO_LARGE");
    link.cut();
    await refused(feed.publish("feed.1", bytes("x")), "PARTI_DISCONNECTED");
    await refused(feed.consumerInfo("S", "a"), "PARTI_DISCONNECTED");
    assert.ok(clock.monotonicMs() - startMs < 5);
    await until(clock, "the reconnect", () => link.connected);
    await publishNumbers(feed, "feed.1", 1, 1);
  }));

Deno.test("what was sent to a server that stood still is carried out when it goes on", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { world: { feed, clock }, link } = connect();
    await feed.ensureStream("S", FEED);
    server.pause();
    const isUnknown = refused(feed.publish("feed.1", bytes("1")), "PARTI_TIMEOUT");
    await isUnknown;
    assert.equal(link.connected, false, "the connection was given up");
    await sleep(clock, 1_000);
    server.resume();
    await until(clock, "the reconnect", () => link.connected);
    // As measured on nats-server 2.15.1.
    assert.equal((await feed.streamInfo("S")).messages, 1);
  }));
