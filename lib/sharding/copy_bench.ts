/**
 * How fast a stream is copied into shards, beside publishing as many messages to shards without anything else.
 *
 * `deno run -A lib/sharding/copy_bench.ts [messages] [keys] [shards] [rounds]`
 *
 * @module
 */
import type { FeedStore } from "../ports/feed.ts";
import { Rig } from "../test_support/rig.ts";
import { copyToShards, forgetCopy } from "./copying/copy_to_shards.ts";
import { makeShards } from "./make_shards.ts";
import { feedStreams, type ShardedFeed, shardSubject } from "./shards.ts";

const [messages = 200_000, keys = 1_500, shards = 16, rounds = 3] = Deno.args.map(Number);
const payload = new Uint8Array(150);
const ids = Array.from({ length: keys }, (_, i) => `p${i}`);
const layout: ShardedFeed = {
  ...{ stream: "SHARDED", subjectTemplate: "SHARDED.{{.Shard}}.{{.PartitionID}}", shards },
};
const from = { stream: "SOURCE", subjectTemplate: "SOURCE.{{.PartitionID}}" };
const FILE = { storage: "file", replicas: 1 } as const;

async function publishAll(feed: FeedStore, subjectOf: (id: string) => string): Promise<void> {
  const subjects = ids.map(subjectOf);
  const acks: Promise<unknown>[] = [];
  for (let i = 0; i < messages; i++) {
    const room = feed.room();
    if (room !== undefined) await room;
    acks.push(feed.publish(subjects[i % keys]!, payload));
  }
  await Promise.all(acks);
}

async function fresh(feed: FeedStore): Promise<void> {
  for (const stream of feedStreams(layout.stream, shards)) await feed.destroyStream(stream);
  await makeShards(feed, layout, FILE);
}

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!;

await using rig = await Rig.launch();
const { world } = await rig.connect();
const { feed } = world;
await feed.ensureStream(from.stream, {
  ...{ ...FILE, retention: "limits", subjects: ["SOURCE.>"] },
});
await publishAll(feed, (id) => `SOURCE.${id}`);
const rates: { [way: string]: number[] } = { bare: [], copy: [] };
for (let round = 0; round < rounds; round++) {
  await fresh(feed);
  let startedAtMs = performance.now();
  await publishAll(feed, (id) => shardSubject(layout, id));
  rates["bare"]!.push(messages / (performance.now() - startedAtMs));
  await fresh(feed);
  startedAtMs = performance.now();
  const copier = await copyToShards({ world: (await rig.connect()).world, from, into: layout });
  while (copier.copied < messages) await new Promise((resolve) => setTimeout(resolve, 5));
  rates["copy"]!.push(messages / (performance.now() - startedAtMs));
  await copier.close();
  await forgetCopy({ world, from, into: layout });
}
const [bare, copy] = [median(rates["bare"]!), median(rates["copy"]!)];
// deno-lint-ignore no-console -- this is its result.
console.log(
  `${messages} messages over ${keys} keys into ${shards} shards, medians of ${rounds}: ` +
    `bare ${bare.toFixed(1)} k/s, copy ${copy.toFixed(1)} k/s (${
      (copy / bare).toFixed(2)
    } of bare)`,
);
