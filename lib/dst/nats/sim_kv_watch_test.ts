import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import {
  BUCKET,
  bytes,
  numbers,
  refused,
  until,
  type WatchLog,
  watchLog,
} from "../../ports/contract/helpers_test.ts";
import type { KvBucket } from "../../ports/kv.ts";
import { FaultBoard } from "./fault_board.ts";
import { NO_FAULTS } from "./faults.ts";
import { KvModel } from "./kv_model.ts";
import { kvFaults, OLD_AND_NEW, simulate, type TestSimulation } from "./simulate_test.ts";

interface Watched {
  readonly bucket: KvBucket;
  readonly log: WatchLog;
}

async function watched({ connect }: TestSimulation, options = BUCKET): Promise<Watched> {
  const bucket = await connect().world.kv.open("b", options);
  return { bucket, log: await watchLog(bucket, ">") };
}

Deno.test("an expiry is told by a marker where the server leaves one, and by nothing elsewhere", async () => {
  for (const version of OLD_AND_NEW) {
    await simulate(version, async (simulation) => {
      const { bucket, log } = await watched(simulation, { ...BUCKET, ttlMs: 1_000 });
      await bucket.create("k", bytes("a"));
      await simulation.kernel.sleep(2_200);
      assert.equal(await bucket.get("k"), undefined);
      const again = await bucket.create("k", bytes("b"));
      await simulation.kernel.sleep(10);
      const expected = version === "2.10.27" ? ["k=a@1", "k=b@2"] : ["k=a@1", "k-@2", "k=b@3"];
      assert.deepEqual(log.lines, expected);
      assert.equal(again, expected.length);
    });
  }
});

Deno.test("a watch that is reset is lost, and the next one lists what is there", () =>
  simulate("2.15.1", async (simulation) => {
    const { bucket, log } = await watched(simulation);
    const board = FaultBoard.of(simulation.server);
    await bucket.put("k", bytes("1"));
    board.set(kvFaults({ watchReset: 1 }));
    await bucket.put("k", bytes("2"));
    await simulation.kernel.sleep(10);
    board.set(NO_FAULTS);
    await bucket.put("k", bytes("3"));
    await simulation.kernel.sleep(10);
    assert.deepEqual(log.lines, ["k=1@1"]);
    assert.equal(log.lost.length, 1);
    assert.ok(isPartiError(log.lost[0], "PARTI_NO_RESPONDERS"));
    const next = await watchLog(bucket, ">");
    await simulation.kernel.sleep(10);
    assert.deepEqual(next.lines, ["k=3@3"]);
  }));

Deno.test("a watch that stalls tells the last state of each key in the end", () =>
  simulate("2.15.1", async (simulation) => {
    const { bucket, log } = await watched(simulation);
    FaultBoard.of(simulation.server).set(kvFaults({ watchStall: 0.3, watchStallMs: 2_000 }));
    for (const i of numbers(1, 60)) {
      await bucket.put(`k.${i % 5}`, bytes(String(i)));
      await simulation.kernel.sleep(100);
    }
    FaultBoard.of(simulation.server).set(NO_FAULTS);
    await simulation.kernel.sleep(2_000);
    const revisions = log.entries.map((entry) => entry.revision);
    assert.ok(revisions.length < 60, "something was left out");
    assert.deepEqual(revisions, [...new Set(revisions)].sort((a, b) => a - b));
    assert.deepEqual(revisions.slice(-5), numbers(56, 60));
    assert.deepEqual(log.lost, []);
  }));

Deno.test("a watch begins anew in its place when the first listing was cut off", () =>
  simulate("2.15.1", async (simulation) => {
    const [one, two] = [simulation.connect(), simulation.connect()];
    const bucket = await two.world.kv.open("b", BUCKET);
    await Promise.all(numbers(1, 500).map((i) => bucket.put(`k.${i}`, bytes("x"))));
    const log = await watchLog(await one.world.kv.open("b", BUCKET), ">");
    while (log.entries.length === 0) await simulation.kernel.sleep(0.001);
    one.link.cut();
    assert.ok(log.entries.length < 500 && log.initializedAt === undefined);
    await bucket.put("k.1", bytes("y"));
    await until(two.world.clock, "the end", () => log.initializedAt !== undefined);
    const revisions = log.entries.map((entry) => entry.revision);
    assert.deepEqual(revisions, [...new Set(revisions)].sort((a, b) => a - b));
    assert.equal(revisions.at(-1), 501);
    assert.equal(new Set(log.entries.map((entry) => entry.key)).size, 500);
    assert.equal(log.initializedAt, log.entries.length);
  }));

Deno.test("a watch goes on when its server was paused for long", () =>
  simulate("2.15.1", async (simulation) => {
    const { bucket, log } = await watched(simulation);
    const other = await simulation.connect().world.kv.open("b", BUCKET);
    await bucket.put("k", bytes("1"));
    simulation.server.pause();
    await simulation.kernel.sleep(10_000);
    simulation.server.resume();
    await simulation.kernel.sleep(2_000);
    await other.put("k", bytes("2"));
    await simulation.kernel.sleep(100);
    assert.deepEqual(log.lines, ["k=1@1", "k=2@2"]);
    assert.deepEqual(log.lost, []);
    assert.equal(KvModel.of(simulation.server).readerCount, 1);
  }));

Deno.test("a watch is lost with its bucket, also when there is another of that name by then", async () => {
  for (const isMadeAnew of [false, true]) {
    await simulate("2.15.1", async ({ kernel, connect }) => {
      const [one, two] = [connect(), connect()];
      const log = await watchLog(await one.world.kv.open("b", BUCKET), ">");
      const { kv } = two.world;
      await (await kv.open("b", BUCKET)).put("k", bytes("1"));
      await kernel.sleep(10);
      one.link.hold();
      await kv.destroy("b");
      if (isMadeAnew) await (await kv.open("b", BUCKET)).put("k", bytes("2"));
      one.link.release();
      await kernel.sleep(100);
      assert.deepEqual(log.lines, ["k=1@1"]);
      assert.equal(log.lost.length, 1);
      assert.ok(isPartiError(log.lost[0], "PARTI_NOT_FOUND"));
    });
  }
});

Deno.test("what is under way when a watch is closed is not reported any more", () =>
  simulate("2.15.1", async ({ kernel, connect }) => {
    const [one, two] = [connect(), connect()];
    const log = await watchLog(await one.world.kv.open("b", BUCKET), ">");
    const bucket = await two.world.kv.open("b", BUCKET);
    one.link.hold();
    await bucket.put("k", bytes("1"));
    await log.watch.close();
    one.link.release();
    await kernel.sleep(100);
    assert.deepEqual(log.entries, []);
  }));

Deno.test("a listing that gives up before it has begun leaves no reader", () =>
  simulate("2.15.1", async ({ kernel, server, connect }) => {
    await connect().world.kv.open("b", BUCKET);
    const bucket = await connect({ latencyMs: () => 1_300 }).world.kv.open("b", BUCKET);
    await refused(bucket.list(">"), "PARTI_TIMEOUT");
    const kv = KvModel.of(server);
    assert.equal(kv.readerCount, 1);
    await kernel.sleep(2_000);
    assert.equal(kv.readerCount, 0);
    assert.equal(kv.bucket("b").followerCount, 0);
  }));

Deno.test("a watch is lost when its bucket was in memory and the server has crashed", () =>
  simulate("2.15.1", async (simulation) => {
    const { bucket, log } = await watched(simulation, { ...BUCKET, storage: "memory" });
    await bucket.put("k", bytes("1"));
    simulation.server.crash();
    await simulation.kernel.sleep(100);
    simulation.server.restart();
    await simulation.kernel.sleep(1_000);
    assert.equal(log.lost.length, 1);
    assert.ok(isPartiError(log.lost[0], "PARTI_NOT_FOUND"));
  }));

Deno.test("a watch gives up when it cannot begin anew on a connection that is up", () =>
  simulate("2.15.1", async (simulation) => {
    const client = simulation.connect();
    const log = await watchLog(await client.world.kv.open("b", BUCKET), ">");
    FaultBoard.of(simulation.server).set(kvFaults({ requestLost: 1 }));
    client.link.cut();
    await simulation.kernel.sleep(60_000);
    assert.deepEqual(log.lost, [], "not soon");
    await simulation.kernel.sleep(300_000);
    assert.equal(log.lost.length, 1);
    assert.ok(isPartiError(log.lost[0], "PARTI_TIMEOUT"));
  }));

Deno.test("watches and listings that ended leave no reader and no timer", () =>
  simulate("2.15.1", async (simulation) => {
    const client = simulation.connect();
    const bucket = await client.world.kv.open("b", BUCKET);
    await bucket.put("k", bytes("1"));
    const logs = await Promise.all(numbers(1, 5).map(() => watchLog(bucket, ">")));
    for (const _ of numbers(1, 5)) await bucket.list(">");
    await simulation.kernel.sleep(10);
    assert.equal(KvModel.of(simulation.server).readerCount, 5);
    for (const log of logs) await log.watch.close();
    await bucket.put("k", bytes("2"));
    await simulation.kernel.sleep(10);
    assert.equal(KvModel.of(simulation.server).readerCount, 0);
    assert.equal(client.owner.pendingTimers, 0);
    for (const log of logs) assert.deepEqual(log.lines, ["k=1@1"]);
  }));
