import assert from "node:assert/strict";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { staticSource } from "../assignment/sources/static_source.ts";
import type { MessageHandler } from "../consumption/dispatch/handler.ts";
import type { ConsumerInput } from "../config/config.ts";
import { isPartiError } from "../errors.ts";
import type { World } from "../ports/world.ts";
import { natsTest, until } from "../test_support/rig.ts";
import { Manager } from "./manager.ts";

const STREAM = { storage: "memory", replicas: 1 } as const;

/** A worker with one partition on a fresh stream, what its application is told, and what is logged above `info`. */
async function scene(world: World, handler: MessageHandler, consumer: Partial<ConsumerInput>) {
  const logged: LogRecord[] = [];
  await configure({
    sinks: { memory: (record) => void logged.push(record) },
    loggers: [
      { category: ["parti"], lowestLevel: "warning", sinks: ["memory"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
  const { feed } = world;
  await feed.ensureStream("O", { ...STREAM, subjects: ["o.>"], retention: "workqueue" });
  await feed.ensureStream("D", { ...STREAM, subjects: ["dead.>"], retention: "limits" });
  const errors: unknown[] = [];
  const manager = new Manager({
    world,
    config: {
      group: "g",
      preset: "fast",
      consumer: {
        stream: "O",
        subjectTemplate: "o.{{.PartitionID}}",
        deadLetterSubject: "dead.{{.PartitionID}}",
        retryBase: "10ms",
        retryMax: "20ms",
        ...consumer,
      },
    },
    source: staticSource([{ keys: ["a"] }]),
    handler,
    hooks: { onError: (error) => void errors.push(error) },
  });
  await manager.start();
  await feed.publish("o.a", new Uint8Array());
  return {
    manager,
    errors,
    logs: () => logged.map(({ level, message }) => `${level}: ${message.join("")}`),
    first: () => logged[0]!.properties,
    [Symbol.asyncDispose]: async () => {
      await manager.stop();
      await reset();
    },
  };
}

const fails: MessageHandler = () => Promise.reject(new TypeError("x is undefined"));

natsTest(
  "handler failures: the first of a message is logged, and a dead letter is told",
  async (rig) => {
    const { world } = await rig.connect();
    await using worker = await scene(world, fails, { maxDeliver: 3 });
    await until("it is told", () => worker.errors.length > 0);
    const [error] = worker.errors;
    assert.ok(isPartiError(error, "PARTI_POISON"), `${error}`);
    assert.match(error.message, /dead\.a.*x is undefined/);
    assert.deepEqual(error.value, { partition: "a", sequence: 1 });
    assert.equal((await world.feed.streamInfo("D")).messages, 1);
    const [warning, dead, ...rest] = worker.logs();
    assert.match(warning!, /^warning: .*sequence 1 of a.*x is undefined, attempt 1/);
    assert.match(dead!, /^error: worker-0: PARTI_POISON/);
    assert.deepEqual([rest, worker.errors.length], [[], 1]);
    const { partition, sequence, attempt, cause } = worker.first();
    assert.deepEqual([partition, sequence, attempt], ["a", 1, 1]);
    assert.ok(isPartiError(cause) && cause.cause instanceof TypeError);
  },
);

natsTest("handler failures: a partition that a message stops is told", async (rig) => {
  const { world } = await rig.connect();
  await using worker = await scene(world, fails, { maxDeliver: 1, onPoison: "stop" });
  await until("it is told", () => worker.errors.length > 0);
  const [error] = worker.errors;
  assert.ok(isPartiError(error, "PARTI_POISON"), `${error}`);
  assert.match(error.hint!, /resumePartition/);
  assert.match(worker.logs().join(), /^error: worker-0: PARTI_POISON/);
});

natsTest(
  "handler failures: a partition that fails for long, as while nobody takes its output, shows in the health",
  async (rig) => {
    const { world } = await rig.connect();
    const write: MessageHandler = async () => {
      await world.feed.publish("output", new Uint8Array());
    };
    await using worker = await scene(world, write, { ackWait: "300ms" });
    const health = () => worker.manager.consumerHealth!;
    await until("it shows", () => health().failing.length > 0);
    assert.deepEqual([health().failing, health().healthy], [["a"], true]);
    assert.equal(worker.manager.state, "Stable");
    const logs = worker.logs();
    assert.equal(logs.length, 1, "once, however often it is tried");
    assert.match(logs[0]!, /^warning: .*PARTI_NO_RESPONDERS.*output/);
    await world.feed.ensureStream("OUT", { ...STREAM, subjects: ["output"], retention: "limits" });
    await until("it is over", () => health().failing.length === 0);
    await until("it is handled", async () => (await world.feed.streamInfo("O")).messages === 0);
  },
);
