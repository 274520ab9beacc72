/**
 * What the consumer costs on top of a bare pull loop: the same backlog drained both ways on one server, in turns.
 *
 * `deno run -A lib/consumption/throughput_bench.ts [messages] [partitions] [rounds]`
 *
 * @module
 */
import type { FeedStore, Pull } from "../ports/feed.ts";
import { Rig, until } from "../test_support/rig.ts";
import { names, testConfig } from "./team_test.ts";
import { WorkerConsumer } from "./worker_consumer.ts";

const [messages = 100_000, partitions = 100, rounds = 3] = Deno.args.map(Number);
const payload = new Uint8Array(128);
const ids = names(partitions);

async function fill(feed: FeedStore): Promise<void> {
  const acks: Promise<unknown>[] = [];
  for (let i = 0; i < messages; i++) {
    acks.push(feed.publish(`feed.${ids[i % partitions]}`, payload));
  }
  await Promise.all(acks);
}

/** Takes and acknowledges, nothing else; the same filter and the same prefetch. */
async function bare(feed: FeedStore, prefetch: number): Promise<number> {
  await feed.createConsumer("feed", {
    name: "bare",
    filterSubjects: ids.map((id) => `feed.${id}`),
    ackWaitMs: 30_000,
    maxAckPending: 4_096,
    inactiveThresholdMs: 60_000,
    metadata: {},
  });
  const startedAtMs = performance.now();
  let handled = 0;
  const over = Promise.withResolvers<void>();
  const pull: Pull = feed.pull("feed", "bare", {
    onMessage: (message) => {
      if (++handled === messages) void message.ackConfirmed(5_000).then(over.resolve);
      else message.ack();
      pull.request(prefetch);
    },
    onLost: (reason) => over.reject(new Error(reason)),
    onPermission: () => {},
  });
  pull.request(prefetch);
  await over.promise;
  const durationMs = performance.now() - startedAtMs;
  pull.close();
  await feed.deleteConsumer("feed", "bare");
  return durationMs;
}

async function whole(rig: Rig, prefetch: number): Promise<number> {
  const { world } = await rig.connect();
  let handled = 0;
  const over = Promise.withResolvers<void>();
  await using consumer = new WorkerConsumer({
    world,
    config: testConfig({ prefetch }),
    owner: { group: "bench", worker: "w", instance: world.random.uuid() },
    handler: () => {
      if (++handled === messages) over.resolve();
    },
    drainTimeoutMs: 1_000,
    operationTimeoutMs: 5_000,
  });
  const startedAtMs = performance.now();
  consumer.update({ epoch: 1, generation: 1, partitions: ids.map((id) => ({ keys: [id] })) });
  await over.promise;
  return performance.now() - startedAtMs;
}

for (const storage of ["memory", "file"] as const) {
  await using rig = await Rig.launch();
  const { world } = await rig.connect();
  await world.feed.ensureStream("feed", {
    subjects: ["feed.>"],
    retention: "workqueue",
    storage,
    replicas: 1,
  });
  const empty = async () => (await world.feed.streamInfo("feed")).messages === 0;
  const sums = { bare: 0, whole: 0 };
  for (let round = 0; round < rounds; round++) {
    for (const way of ["bare", "whole"] as const) {
      await fill(world.feed);
      sums[way] += way === "bare" ? await bare(world.feed, 256) : await whole(rig, 256);
      await until("the stream is empty", empty);
    }
  }
  const rate = (durationMs: number) => Math.round(messages * rounds / durationMs);
  // deno-lint-ignore no-console -- this is its result.
  console.log(
    `${storage}: ${messages} messages over ${partitions} partitions: bare ${
      rate(sums.bare)
    } k/s, ` +
      `consumer ${rate(sums.whole)} k/s, ratio ${(sums.bare / sums.whole).toFixed(2)}`,
  );
}
