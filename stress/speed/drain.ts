/**
 * How fast a deep backlog drains: by a group through shards, by the same group through one stream with a filter for each partition, and by one
 * bare consumer of the NATS client that reads a stream as it comes.
 *
 * @module
 */
import { AckPolicy, type ConsumerMessages, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { describeError } from "../../lib/errors.ts";
import { staticSource } from "../../lib/assignment/sources/static_source.ts";
import type { GroupConfigInput } from "../../lib/config/config.ts";
import type { MessageHandler } from "../../lib/consumption/dispatch/handler.ts";
import { Manager } from "../../lib/manager/manager.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { FeedStore } from "../../lib/ports/feed.ts";
import { makeShards } from "../../lib/sharding/make_shards.ts";
import { type ShardedFeed, shardStream, shardSubject } from "../../lib/sharding/shards.ts";
import { until } from "../../tasks/until.ts";
import type { CaseContext, CaseOutcome, StressCase } from "../case.ts";
import { publishInWindow } from "./bare_client.ts";
import { Backlog, overOfLibrary, toldIfLost } from "./backlog.ts";
import { COMES_AGAIN, plantedCost, plantedLoss } from "./planted.ts";
import {
  BARE,
  BARE_ACK_PENDING,
  BARE_BATCH,
  FEED,
  FEED_TEMPLATE,
  makeStreams,
  names,
  PAYLOAD,
} from "./streams.ts";
import { ROUNDS, waysInTurns } from "./turns.ts";

/** How much is drained, by how many. */
interface Size {
  readonly messages: number;
  readonly keys: number;
  readonly workers: number;
  readonly shards: number;
}

/** Two shards for each worker, by the rule in the README of `lib/sharding`. */
const SIZE: Size = { messages: 200_000, keys: 1_500, workers: 10, shards: 20 };
const QUICK_SIZE: Size = { messages: 4_000, keys: 300, workers: 3, shards: 4 };
/** Code is hot after so small a part of it; what runs once before does not count. */
const WARM_UP_SHARE = 0.1;
/** How many publications of the backlog are under way at once. */
const WINDOW = 2_000;
const SHARDED = "SHARDED";
/** The defaults but for the windows of a start, for which nobody waits here. */
const QUICK_START = { coldStartWindow: "2s", plannedScaleWindow: "1s" } as const;
const READY_MS = 60_000;
const EMPTY_MS = 30_000;

function layoutOf({ shards }: Size): ShardedFeed {
  return { stream: SHARDED, subjectTemplate: `${SHARDED}.{{.Shard}}.{{.PartitionID}}`, shards };
}

async function fill(
  feed: FeedStore,
  subjects: readonly string[],
  count: number,
): Promise<void> {
  const publish = (n: number) => feed.publish(subjects[n % subjects.length]!, PAYLOAD);
  await publishInWindow(publish, { count, window: WINDOW });
}

/** After a drain all streams must be empty, or something was handled and not acknowledged. */
async function untilEmpty(feed: FeedStore, streams: readonly string[]): Promise<void> {
  await until("the streams are empty", async () => {
    const infos = await Promise.all(streams.map((stream) => feed.streamInfo(stream)));
    return infos.every(({ messages }) => messages === 0);
  }, EMPTY_MS);
}

let groups = 0;

/** Where it is measured. */
interface Place extends Pick<CaseContext, "url" | "progress" | "quick" | "fault"> {
  readonly feed: FeedStore;
}

/** What a group consumes, and how its backlog is made. */
interface Layout {
  readonly config: Pick<GroupConfigInput, "consumer">;
  readonly keys?: readonly string[];
  readonly subjects: readonly string[];
  readonly streams: readonly string[];
}

/** A group that holds all it is to hold before there is a backlog, so that nothing but the drain is measured; messages per second. */
async function drainByGroup(
  { url, feed, progress, quick, fault }: Place,
  workers: number,
  count: number,
  layout: Layout,
): Promise<number> {
  const { config, keys, subjects, streams } = layout;
  const group = `drain-${groups++}`;
  const cost = plantedCost(fault), loss = plantedLoss(fault);
  const gate = Promise.withResolvers<Backlog>();
  gate.promise.catch(() => {});
  let open: Backlog | undefined;
  const handler: MessageHandler = async ({ streamSequence }, { partitionId }) => {
    const backlog = open ?? await gate.promise;
    cost();
    const planted = loss();
    if (planted !== "lost") backlog.noteOnce(partitionId, streamSequence);
    if (planted === "again") throw new Error(COMES_AGAIN);
  };
  const connections: NatsConnection[] = [];
  const managers: Manager[] = [];
  try {
    for (let n = 0; n < workers; n++) {
      const nc = await connectNats({ servers: url });
      connections.push(nc);
      managers.push(
        new Manager({
          world: natsWorld(nc),
          config: { ...config, ...QUICK_START, group },
          ...(keys === undefined
            ? {}
            : { source: staticSource(keys.map((key) => ({ keys: [key] }))) }),
          handler,
          // What a worker gets over, such as a server that is busy looking for messages, only takes its time.
          hooks: { onError: (error) => progress(describeError(error)) },
        }),
      );
    }
    await Promise.all(managers.map((manager) => manager.start()));
    await until(
      "every worker holds what is its own",
      () =>
        managers.every(({ assignment, consumerHealth }) =>
          (assignment?.partitions.length ?? 0) > 0 && consumerHealth?.waiting.length === 0
        ),
      READY_MS,
    );
    await fill(feed, subjects, count);
    using backlog = new Backlog(count, quick);
    const startedAtMs = performance.now();
    open = backlog;
    gate.resolve(backlog);
    await overOfLibrary(backlog);
    const rate = count * 1_000 / (performance.now() - startedAtMs);
    await untilEmpty(feed, streams);
    return rate;
  } finally {
    // Who still waits, after an error, is to end.
    gate.reject(new Error("the measuring is over"));
    await Promise.all(managers.map((manager) => manager.stop()));
    await Promise.all(connections.map((nc) => nc.close()));
  }
}

function single(place: Place, { workers, keys }: Size, count: number) {
  const partitions = names(keys);
  return drainByGroup(place, workers, count, {
    config: { consumer: { stream: FEED, subjectTemplate: FEED_TEMPLATE } },
    keys: partitions,
    subjects: partitions.map((name) => `feed.${name}`),
    streams: [FEED],
  });
}

async function sharded(place: Place, size: Size, count: number): Promise<number> {
  const { feed } = place;
  const { workers, keys, shards } = size;
  const layout = layoutOf(size);
  const streams = Array.from({ length: shards }, (_, n) => shardStream(SHARDED, n));
  await makeShards(feed, layout, { storage: "file", replicas: 1 });
  try {
    return await drainByGroup(place, workers, count, {
      config: { consumer: { stream: SHARDED, shards } },
      subjects: names(keys).map((name) => shardSubject(layout, name)),
      streams,
    });
  } finally {
    await Promise.all(streams.map((stream) => feed.destroyStream(stream)));
  }
}

/** The client's own consumer, without any filter: none of the library is in what is measured. */
async function bare(nc: NatsConnection, { feed, quick }: Place, { keys }: Size, count: number) {
  await fill(feed, names(keys).map((name) => `feed.${name}`), count);
  const manager = await jetstreamManager(nc);
  await manager.consumers.add(FEED, {
    ...{ durable_name: BARE, ack_policy: AckPolicy.Explicit, max_ack_pending: BARE_ACK_PENDING },
    mem_storage: true,
  });
  const consumer = await jetstream(nc).consumers.get(FEED, BARE);
  using backlog = new Backlog(count, quick);
  const startedAtMs = performance.now();
  const messages: ConsumerMessages = await consumer.consume({
    max_messages: BARE_BATCH,
    callback: (message) => {
      message.ack();
      backlog.note();
    },
  });
  await backlog.over;
  const rate = count * 1_000 / (performance.now() - startedAtMs);
  await messages.close();
  await untilEmpty(feed, [FEED]);
  return rate;
}

async function run({ url, quick, progress, fault }: CaseContext): Promise<CaseOutcome> {
  const size = quick ? QUICK_SIZE : SIZE;
  const nc = await connectNats({ servers: url });
  try {
    const { feed } = natsWorld(nc);
    const place = { url, feed, progress, quick, fault };
    const anew = (drain: (count: number) => Promise<number>) => async (share: number) => {
      await makeStreams(feed);
      return await drain(Math.round(size.messages * share));
    };
    const turns = await waysInTurns({
      rounds: quick ? 1 : ROUNDS,
      warmUpShare: WARM_UP_SHARE,
      ways: {
        sharded: anew((count) => sharded(place, size, count)),
        single: anew((count) => single(place, size, count)),
        bare: anew((count) => bare(nc, place, size, count)),
      },
      progress,
    });
    return {
      samples: turns.flatMap(({ sharded, single, bare }) => [
        { metric: "drain", value: sharded, limit: bare },
        { metric: "overSingle", value: sharded, limit: single },
        { metric: "single", value: single, limit: bare },
      ]),
    };
  } finally {
    await nc.close();
  }
}

/** The case. */
export const DRAIN_CASE: StressCase = {
  ...{ group: "speed", name: "drain", quick: true, server: true, faults: ["slow", "loss"] },
  title:
    "Draining 200,000 messages of 1,500 keys on disk by 10 workers, through 20 shards (a sanity check: 4,000 of 300 by 3, through 4)",
  metrics: [
    {
      ...{ name: "drain", unit: "msg/s", kind: "rate", better: "higher" },
      what: "Messages handled and acknowledged through shards, in order within each key",
      limit: "one bare consumer of the NATS client on one stream, without a filter",
      target: { atLeast: 0.5, full: true },
    },
    {
      ...{ name: "overSingle", unit: "msg/s", kind: "rate", better: "higher" },
      what: "The same, beside the other layout",
      limit: "the same group on one stream, with a filter for each key",
      target: { atLeast: 10, full: true },
    },
    {
      ...{ name: "single", unit: "msg/s", kind: "count", better: "higher" },
      what: "Messages handled and acknowledged through one stream, with a filter for each key",
      limit: "one bare consumer of the NATS client on one stream, without a filter",
    },
  ],
  ...{ repetitions: 1, timeoutMs: 3_600_000 },
  run: (context) => toldIfLost(() => run(context)),
};
