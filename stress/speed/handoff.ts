/**
 * How long partitions are with nobody when they move between two workers that live: from the new assignment to the first message of the
 * last of them at the new owner's, under traffic.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { resolveConfig } from "../../lib/config/config.ts";
import { WorkerConsumer } from "../../lib/consumption/worker_consumer.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { World } from "../../lib/ports/world.ts";
import { until } from "../../tasks/until.ts";
import type { CaseContext, CaseOutcome, StressCase } from "../case.ts";
import { bareAck, barePull } from "./bare_client.ts";
import { BareRequests } from "./bare_requests.ts";
import { FEED, FEED_TEMPLATE, makeBareConsumer, makeStreams, names, PAYLOAD } from "./streams.ts";
import { inTurns, ROUNDS } from "./turns.ts";

const PARTITIONS = names(100);
/** These move. */
const MOVED = PARTITIONS.slice(0, 50);
const STAYING = PARTITIONS.slice(50);
/** Each partition gets a message this often. */
const TICK_MS = 10;
const PATIENCE_MS = 20_000;
/** Twice the highest median of seven runs on a busy machine, which were 2.8 to 5.0: what is finished and confirmed before costs so much. */
const RATIO_MAX = 10;

/** Publishes to all partitions until it is told to stop. */
async function withTraffic<T>(world: World, measure: () => Promise<T>): Promise<T> {
  let failure: unknown;
  const tick = setInterval(() => {
    for (const name of PARTITIONS) {
      world.feed.publish(`feed.${name}`, PAYLOAD).catch((error) => failure ??= error);
    }
  }, TICK_MS);
  try {
    const result = await measure();
    if (failure !== undefined) throw failure;
    return result;
  } finally {
    clearInterval(tick);
  }
}

/** Notes of which partitions something has come. */
class Seen {
  readonly #names = new Set<string>();

  note(name: string): void {
    this.#names.add(name);
  }

  async allOf(partitions: readonly string[]): Promise<void> {
    const have = () => partitions.every((name) => this.#names.has(name));
    await until("something has come of each partition", have, PATIENCE_MS);
  }
}

let instances = 0;

function consumerOf(world: World, seen: Seen): { consumer: WorkerConsumer; instance: string } {
  const { consumer: config } = resolveConfig({
    group: "handoff",
    consumer: { stream: FEED, subjectTemplate: FEED_TEMPLATE },
  });
  const instance = `instance-${instances++}`;
  const consumer = new WorkerConsumer({
    world,
    config: config!,
    owner: { group: "handoff", worker: "w", instance },
    handler: (_message, { partitionId }) => seen.note(partitionId),
    drainTimeoutMs: 1_000,
    operationTimeoutMs: 5_000,
  });
  return { consumer, instance };
}

async function whole(world: World, other: World): Promise<number> {
  await makeStreams(world.feed);
  const seenByA = new Seen(), seenByB = new Seen();
  const a = consumerOf(world, seenByA), b = consumerOf(other, seenByB);
  await using from = a.consumer;
  await using to = b.consumer;
  const part = (partitions: readonly string[], generation: number) => ({
    epoch: 1,
    generation,
    partitions: partitions.map((name) => ({ keys: [name] })),
    isKnown: (instance: string) => instance === a.instance || instance === b.instance,
  });
  from.update(part(PARTITIONS, 1));
  to.update(part([], 1));
  return await withTraffic(world, async () => {
    await seenByA.allOf(PARTITIONS);
    const startedAtMs = performance.now();
    from.update({ ...part(STAYING, 2), successorOf: () => b.instance });
    to.update({ ...part(MOVED, 2), contenderOf: () => a.instance });
    await seenByB.allOf(MOVED);
    return performance.now() - startedAtMs;
  });
}

/**
 * The same without any drain, and without the library: the old consumer is deleted under the feet of whoever reads it, and a new one made.
 *
 * @param nc the connection
 * @param world where the stream is made before, and the traffic comes from
 * @returns how long it took, in milliseconds
 */
export async function bareHandoff(nc: NatsConnection, world: World): Promise<number> {
  await makeStreams(world.feed);
  using requests = new BareRequests(nc);
  const read = (name: string, seen: Seen) =>
    barePull(nc, FEED, name, 256, (message) => {
      bareAck(nc, message);
      seen.note(message.subject.slice("feed.".length));
    });
  const before = new Seen(), after = new Seen();
  await makeBareConsumer(requests, "before", PARTITIONS);
  const first = read("before", before);
  return await withTraffic(world, async () => {
    await before.allOf(PARTITIONS);
    const startedAtMs = performance.now();
    await requests.api(`CONSUMER.DELETE.${FEED}.before`);
    await makeBareConsumer(requests, "after", MOVED);
    const second = read("after", after);
    await after.allOf(MOVED);
    const tookMs = performance.now() - startedAtMs;
    first.close();
    second.close();
    return tookMs;
  });
}

async function run({ url, quick, progress }: CaseContext): Promise<CaseOutcome> {
  const connections = [await connectNats({ servers: url }), await connectNats({ servers: url })];
  try {
    const [nc, other] = connections as [NatsConnection, NatsConnection];
    const turns = await inTurns(
      quick ? 1 : ROUNDS,
      () => whole(natsWorld(nc), natsWorld(other)),
      () => bareHandoff(nc, natsWorld(nc)),
      progress,
    );
    return { samples: turns.map((turn) => ({ metric: "handoff", ...turn })) };
  } finally {
    await Promise.all(connections.map((nc) => nc.close()));
  }
}

/** The case. */
export const HANDOFF_CASE: StressCase = {
  group: "speed",
  name: "handoff",
  title: "50 of 100 partitions move to another worker, under traffic",
  metrics: [{
    name: "handoff",
    unit: "ms",
    kind: "duration",
    better: "lower",
    what:
      "From the new assignment to the first message of the last partition that moves, at its new owner's",
    limit:
      "a consumer deleted and another one made, with nothing finished and nothing confirmed before",
    target: { atMost: RATIO_MAX, full: true },
  }],
  repetitions: 1,
  quick: true,
  server: true,
  timeoutMs: 120_000,
  run,
};
