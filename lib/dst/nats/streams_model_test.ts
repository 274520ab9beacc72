import assert from "node:assert/strict";
import type { StreamOptions } from "../../ports/feed.ts";
import { Kernel } from "../kernel/kernel.ts";
import { FaultBoard } from "./fault_board.ts";
import { NO_FAULTS } from "./faults.ts";
import { consumerOf } from "./feed_rig_test.ts";
import { ModelServer } from "./server.ts";
import { StreamsModel } from "./streams_model.ts";

const OPTIONS: StreamOptions = {
  subjects: ["feed.>"],
  retention: "workqueue",
  storage: "file",
  replicas: 1,
};

function serverOf(seed = 1): ModelServer {
  return new ModelServer({ kernel: new Kernel({ seed }), version: "2.15.1" });
}

function put(model: StreamsModel, subject: string): number | undefined {
  const data = new Uint8Array(0);
  return model.publish({ subject, data, headers: {}, options: {} }, "publish")?.sequence;
}

Deno.test("a server has one model, and a subject goes to the stream that stores it", () => {
  const server = serverOf();
  const model = StreamsModel.of(server);
  assert.equal(StreamsModel.of(server), model);
  assert.equal(put(model, "feed.1"), undefined);
  model.createStream("A", OPTIONS, "");
  assert.equal(put(model, "feed.1"), 1);
  assert.throws(() => model.createStream("A", OPTIONS, ""), { code: "PARTI_CONFLICT" });
  const inTheWay = { ...OPTIONS, subjects: ["out.>", "*.1"] };
  assert.throws(() => model.createStream("B", inTheWay, ""), { code: "PARTI_REFUSED" });
  model.createStream("B", { ...OPTIONS, subjects: ["out.*"] }, "");
  assert.equal(put(model, "out.1"), 1);
  assert.equal(put(model, "out.1.2"), undefined);
  model.deleteStream("A", "");
  assert.equal(put(model, "feed.1"), undefined);
  assert.throws(() => model.deleteStream("A", ""), { code: "PARTI_NOT_FOUND" });
  assert.throws(() => model.newestOf("B", "out.2", ""), { code: "PARTI_NOT_FOUND" });
});

Deno.test("a crash takes streams in memory and all consumers", () => {
  const server = serverOf();
  const model = StreamsModel.of(server);
  model.createStream("A", OPTIONS, "");
  model.createStream("B", { ...OPTIONS, subjects: ["out.>"], storage: "memory" }, "");
  put(model, "feed.1");
  put(model, "out.1");
  model.createConsumer("A", consumerOf("a", ["feed.1"]), "");
  server.crash();
  server.restart();
  assert.deepEqual(model.stream("A", "").info(), {
    subjects: ["feed.>"],
    mayHoldOthers: false,
    retention: "workqueue",
    messages: 1,
    firstSequence: 1,
    lastSequence: 1,
    metadata: {},
    maxAckPending: undefined,
  });
  assert.throws(() => model.stream("B", ""), { code: "PARTI_NOT_FOUND" });
  assert.equal(put(model, "out.1"), undefined);
  assert.equal(model.consumer("A", "a"), undefined);
  assert.equal(server.kernel.pendingCount, 0, "no timer is left");
});

Deno.test("a listing can be out of date where that is switched on", async () => {
  const server = serverOf();
  const model = StreamsModel.of(server);
  model.createStream("S", OPTIONS, "");
  const list = (ageMs: number) => model.listConsumers("S", ageMs, "").map(({ name }) => name);
  model.createConsumer("S", consumerOf("a", ["feed.1"]), "");
  assert.deepEqual(list(1_000), ["a"], "nothing was kept");
  const feed = { ...NO_FAULTS.feed, listStale: 1, listStaleMs: 2_000 };
  FaultBoard.of(server).set({ ...NO_FAULTS, feed });
  await server.kernel.run(async () => {
    await server.kernel.sleep(100);
    model.createConsumer("S", consumerOf("b", ["feed.2"]), "");
    model.deleteConsumer("S", "a", "");
    await server.kernel.sleep(100);
    model.updateConsumer("S", consumerOf("b", ["feed.3"]), "");
    assert.deepEqual(list(0), ["b"]);
    assert.deepEqual(list(50), ["b"]);
    assert.deepEqual(list(150), ["a"]);
    assert.deepEqual(model.listConsumers("S", 50, "")[0]?.filterSubjects, ["feed.2"]);
  });
  assert.throws(() => model.deleteConsumer("S", "a", ""), { code: "PARTI_NOT_FOUND" });
});
