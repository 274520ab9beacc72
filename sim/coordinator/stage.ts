/**
 * The coordinator's connection to the servers, and the run's streams there. On somebody else's servers what the run has made is removed.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { isPartiError, PartiError } from "../../lib/errors.ts";
import { assignmentBucket, leaseBucket } from "../../lib/names.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { StreamInfo } from "../../lib/ports/feed.ts";
import type { World } from "../../lib/ports/world.ts";
import { changesPartitions } from "../config/config_rules.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import { replicasOf } from "../config/nats_section.ts";
import type { Ground } from "../ground/ground.ts";
import { untilFine } from "../run/wait.ts";
import { fastestRate } from "../seed/weights.ts";
import { isOutage } from "../streams/outage.ts";
import { effectSubjects, feedSubject, type Topology, topologyOf } from "../streams/topology.ts";
import { type Access, connectionOptionsOf } from "../wire/access.ts";

/** The run's streams, and the way to them. */
export interface Stage extends AsyncDisposable {
  /** The coordinator's connection. */
  readonly nc: NatsConnection;
  /** The coordinator's world. */
  readonly world: World;
  /** The names on the server. */
  readonly topology: Topology;
}

/** What a stage is set from. */
export interface StageOptions {
  /** Where the servers are. */
  readonly ground: Pick<Ground, "urls" | "server">;
  /** The configuration. */
  readonly config: SimulationConfig;
  /** The run's seed. */
  readonly seed: number;
  /** The run. */
  readonly runId: string;
  /** Who it is to the server. */
  readonly access: Access;
  /** How many effects were read of the run that goes on; its streams have to be there then. */
  readonly effectsRead?: number | undefined;
  /** Asked in the end: whether somebody may go on with the run. Then it needs its streams, wherever they are. */
  readonly mayGoOn: () => Promise<boolean>;
}

/**
 * Sets the stage.
 *
 * @param options what it is set from
 * @returns the stage
 * @throws {PartiError} if there is no usable server; `PARTI_INVALID_CONFIG` if a run is to go on whose streams are gone
 */
export async function openStage(options: StageOptions): Promise<Stage> {
  const { ground, config, seed, runId, access, effectsRead, mayGoOn } = options;
  await using cleanUp = new AsyncDisposableStack();
  const nc = await connectNats({
    ...connectionOptionsOf(access),
    servers: [...ground.urls],
    name: "coordinator",
  });
  cleanUp.defer(() => nc.close());
  const world = natsWorld(nc);
  const isOurs = ground.server !== undefined;
  const topology = topologyOf(config.simulation.name, isOurs ? undefined : runId);
  if (!isOurs) {
    cleanUp.defer(async () => {
      if (!await mayGoOn()) await removeFromServer(world, topology);
    });
  }
  if (effectsRead !== undefined) {
    // A server of several that comes back may know less for a moment than it is about to.
    const patienceMs = replicasOf(config.nats) > 1 ? CATCH_UP_MS : 0;
    await expectStreams(world, topology, effectsRead, patienceMs);
  }
  await createStreams(world, topology, config, seed);
  const owned = cleanUp.move();
  return {
    nc,
    world,
    topology,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/**
 * Whether the servers answer.
 *
 * @param stage the way to them
 */
export async function isServed({ world, topology }: Pick<Stage, "world" | "topology">): Promise<
  boolean
> {
  try {
    await world.feed.streamInfo(topology.effectStream);
    return true;
  } catch (error) {
    // Whatever else it says, somebody does.
    return !isOutage(error);
  }
}

const CATCH_UP_MS = 10_000;

/**
 * A run goes on with the streams that it had. In new ones its producers would begin at their first message again, and as many effects as
 * were read of the old one would be passed over.
 */
async function expectStreams(
  { feed }: World,
  { feedStream, effectStream }: Topology,
  effectsRead: number,
  patienceMs: number,
): Promise<void> {
  const find = async (stream: string): Promise<StreamInfo | undefined> => {
    try {
      return await feed.streamInfo(stream);
    } catch (error) {
      if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
      return undefined;
    }
  };
  const amiss = async (): Promise<string | undefined> => {
    if (await find(feedStream) === undefined) return `there is no stream ${feedStream}`;
    const effects = await find(effectStream);
    if (effects === undefined) return `there is no stream ${effectStream}`;
    if (effects.lastSequence >= effectsRead) return undefined;
    return `the stream ${effectStream} ends at ${effects.lastSequence}, and the run had read it up to ${effectsRead}`;
  };
  const why = await untilFine(patienceMs, undefined, amiss);
  if (why === undefined) return;
  throw new PartiError("PARTI_INVALID_CONFIG", `the run cannot go on: ${why}`, {
    hint:
      "it goes on only with the streams it has had; if they are gone, remove its folder and run it again",
  });
}

/** Effects are kept this long for the reader; the last one of each partition is what the fence stands on. */
const EFFECTS_KEPT_S = 120;
const EFFECTS_KEPT_MIN = 1_000;
const DUPLICATE_WINDOW_MS = 120_000;

async function createStreams(
  { feed }: World,
  topology: Topology,
  config: SimulationConfig,
  seed: number,
): Promise<void> {
  const { checkpointing } = config;
  const common = { storage: "file", replicas: replicasOf(config.nats) } as const;
  await feed.ensureStream(topology.feedStream, {
    ...common,
    subjects: [feedSubject(topology, 0).replace(/0$/, "*")],
    retention: "workqueue",
    duplicateWindowMs: DUPLICATE_WINDOW_MS,
  });
  const fastest = fastestRate(config, seed, changesPartitions(config));
  // Whoever resumes the run reads again from the last checkpoint on, or, where that one is torn, from the one before it.
  const intervals = checkpointing.enabled ? Math.min(checkpointing.keep, 2) : 0;
  const keptS = EFFECTS_KEPT_S + intervals * checkpointing.interval / 1_000;
  await feed.ensureStream(topology.effectStream, {
    ...common,
    subjects: [effectSubjects(topology)],
    retention: "limits",
    maxMessagesPerSubject: Math.ceil(fastest * keptS) + EFFECTS_KEPT_MIN,
  });
}

async function removeFromServer({ feed, kv }: World, topology: Topology): Promise<void> {
  const { feedStream, effectStream, producerBucket, partitionBucket, group } = topology;
  await Promise.allSettled([
    feed.destroyStream(feedStream),
    feed.destroyStream(effectStream),
    kv.destroy(producerBucket),
    kv.destroy(partitionBucket),
    kv.destroy(leaseBucket(group)),
    kv.destroy(assignmentBucket(group)),
  ]);
}
