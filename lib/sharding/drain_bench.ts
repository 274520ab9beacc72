/**
 * How fast a backlog drains: through one stream by its partitions, through shards, and by one bare consumer that reads a stream as it comes.
 *
 * `deno run -A lib/sharding/drain_bench.ts [messages] [keys] [workers] [shards] [rounds]`
 *
 * @module
 */
import { staticSource } from "../assignment/sources/static_source.ts";
import { Manager } from "../manager/manager.ts";
import type { FeedStore } from "../ports/feed.ts";
import type { World } from "../ports/world.ts";
import { Rig, until } from "../test_support/rig.ts";
import { makeShards } from "./make_shards.ts";
import { shardSubject } from "./shards.ts";

const [messages = 200_000, keys = 1_500, workers = 10, shards = 16, rounds = 3] = Deno.args.map(
  Number,
);
const payload = new Uint8Array(150);
const ids = Array.from({ length: keys }, (_, i) => `p${i}`);
const layout = {
  stream: "SHARDED",
  subjectTemplate: "SHARDED.{{.Shard}}.{{.PartitionID}}",
  shards,
};
const FILE = { storage: "file", replicas: 1 } as const;

async function fill(feed: FeedStore, subjectOf: (id: string) => string): Promise<void> {
  const subjects = ids.map(subjectOf);
  let acks: Promise<unknown>[] = [];
  for (let i = 0; i < messages; i++) {
    acks.push(feed.publish(subjects[i % keys]!, payload));
    if (acks.length === 10_000) {
      await Promise.all(acks);
      acks = [];
    }
  }
  await Promise.all(acks);
}

/** A group that is Stable first, so that only the drain is measured; it may begin when `go` does. */
async function group(rig: Rig, sharded: boolean): Promise<number> {
  const { world } = await rig.connect();
  let handled = 0;
  let startedAtMs = 0;
  const over = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const managers: Manager[] = [];
  const worlds: World[] = [];
  for (let i = 0; i < workers; i++) worlds.push((await rig.connect()).world);
  for (const own of worlds) {
    managers.push(
      new Manager({
        world: own,
        config: {
          group: sharded ? "sharded" : "single",
          coldStartWindow: "2s",
          plannedScaleWindow: "1s",
          consumer: sharded
            ? { stream: layout.stream, shards }
            : { stream: "SINGLE", subjectTemplate: "SINGLE.{{.PartitionID}}" },
        },
        ...(sharded ? {} : { source: staticSource(ids.map((id) => ({ keys: [id] }))) }),
        handler: async () => {
          if (startedAtMs === 0) await gate.promise;
          if (++handled === messages) over.resolve();
        },
      }),
    );
  }
  await Promise.all(managers.map((manager) => manager.start()));
  await until(
    "all have some",
    () => managers.every((m) => (m.assignment?.partitions.length ?? 0) > 0),
    30_000,
  );
  await until(
    "all is held",
    () => managers.every((m) => m.consumerHealth?.waiting.length === 0),
    30_000,
  );
  await fill(world.feed, (id) => sharded ? shardSubject(layout, id) : `SINGLE.${id}`);
  startedAtMs = performance.now();
  gate.resolve();
  await over.promise;
  const durationMs = performance.now() - startedAtMs;
  await Promise.all(managers.map((manager) => manager.stop()));
  return durationMs;
}

async function bare(feed: FeedStore): Promise<number> {
  await fill(feed, (id) => `BARE.${id}`);
  await feed.createConsumer("BARE", {
    ...{ name: "bare", filterSubjects: [], ackWaitMs: 30_000, maxAckPending: 4_096 },
    ...{ inactiveThresholdMs: 60_000, metadata: {} },
  });
  let handled = 0;
  const over = Promise.withResolvers<void>();
  const startedAtMs = performance.now();
  const pull = feed.pull("BARE", "bare", {
    onMessage: (message) => {
      if (++handled === messages) void message.ackConfirmed(5_000).then(over.resolve);
      else message.ack();
      pull.request(1_024);
    },
    onLost: (reason) => over.reject(new Error(reason)),
    onPermission: () => {},
  });
  pull.request(1_024);
  await over.promise;
  const durationMs = performance.now() - startedAtMs;
  pull.close();
  await feed.deleteConsumer("BARE", "bare");
  return durationMs;
}

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!;

await using rig = await Rig.launch();
const { world } = await rig.connect();
const common = { ...FILE, retention: "workqueue" } as const;
await world.feed.ensureStream("SINGLE", { ...common, subjects: ["SINGLE.>"] });
await world.feed.ensureStream("BARE", { ...common, subjects: ["BARE.>"] });
await makeShards(world.feed, layout, FILE);
const rates: { [way: string]: number[] } = { bare: [], sharded: [], single: [] };
for (let round = 0; round < rounds; round++) {
  const ways = {
    bare: () => bare(world.feed),
    sharded: () => group(rig, true),
    single: () => group(rig, false),
  };
  for (const [way, drain] of Object.entries(ways)) {
    if (way === "single" && Deno.env.get("WITHOUT_SINGLE") !== undefined) continue;
    const durationMs = await drain();
    rates[way]!.push(messages / durationMs);
    // deno-lint-ignore no-console -- this is its result.
    console.log(`${way}: ${(messages / durationMs).toFixed(1)} k/s`);
  }
}
const [bareRate, shardedRate, singleRate] = ["bare", "sharded", "single"].map((way) =>
  median(rates[way]!)
);
// deno-lint-ignore no-console -- this is its result.
console.log(
  `${messages} messages over ${keys} keys, ${workers} workers, ${shards} shards, medians of ${rounds}: ` +
    `bare ${bareRate!.toFixed(1)} k/s, sharded ${shardedRate!.toFixed(1)} k/s (${
      (shardedRate! / bareRate!).toFixed(2)
    } of bare` +
    `${
      singleRate === undefined
        ? ""
        : `, ${(shardedRate! / singleRate).toFixed(1)} × single, which has ${
          singleRate.toFixed(1)
        } k/s`
    })`,
);
