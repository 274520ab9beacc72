import assert from "node:assert/strict";
import { sleep } from "../../ports/clock.ts";
import {
  bytes,
  FEED,
  lane,
  publishNumbers,
  pullLog,
  refused,
  until,
} from "../../ports/contract/helpers_test.ts";
import { FaultBoard } from "./fault_board.ts";
import { feedFaults, simulate } from "./simulate_test.ts";

Deno.test("a late ack is overtaken by other calls, and never by the acks behind it", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { feed, clock } = connect().world;
    await feed.ensureStream("S", FEED);
    await feed.createConsumer("S", lane("a", ["feed.1"]));
    await publishNumbers(feed, "feed.1", 1, 3);
    const log = pullLog(feed, "S", "a", 10);
    await until(clock, "three", () => log.messages.length === 3);
    FaultBoard.of(server).set(feedFaults({ ackLate: 1, ackLateMs: 500 }));
    log.messages[0]!.ack();
    log.messages[1]!.ack();
    assert.equal((await feed.consumerInfo("S", "a"))!.ackPending, 3, "both are on their way");
    FaultBoard.of(server).set(feedFaults({}));
    await log.messages[2]!.ackConfirmed(2_000);
    assert.equal((await feed.consumerInfo("S", "a"))!.ackPending, 0, "one flushes all");
  }));

Deno.test("an ack that the consumer's deletion overtakes changes nothing, and is not answered", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { feed, clock } = connect().world;
    await feed.ensureStream("S", FEED);
    await feed.createConsumer("S", lane("a", ["feed.1"]));
    await publishNumbers(feed, "feed.1", 1, 2);
    const log = pullLog(feed, "S", "a", 10);
    await until(clock, "two", () => log.messages.length === 2);
    FaultBoard.of(server).set(feedFaults({ ackLate: 1, ackLateMs: 500 }));
    log.messages[0]!.ack();
    log.messages[0]!.working();
    const confirmed = refused(log.messages[1]!.ackConfirmed(1_000), "PARTI_TIMEOUT");
    await feed.deleteConsumer("S", "a");
    await confirmed;
    assert.equal((await feed.streamInfo("S")).messages, 2);
  }));

Deno.test("the payload is the reader's own", () =>
  simulate("2.15.1", async ({ connect }) => {
    const { feed, clock } = connect().world;
    await feed.ensureStream("S", FEED);
    await feed.createConsumer("S", lane("a", ["feed.1"], { ackWaitMs: 100 }));
    const data = bytes("abc");
    const stored = feed.publish("feed.1", data);
    data.fill(0);
    await stored;
    const log = pullLog(feed, "S", "a", 10);
    await until(clock, "the message", () => log.messages.length === 1);
    assert.equal(log.texts[0], "abc");
    assert.equal(log.messages[0]!.data, log.messages[0]!.data);
    log.messages[0]!.data.fill(0);
    await sleep(clock, 200);
    assert.equal(log.texts[1], "abc");
  }));
