/**
 * The coordinator's connection to the servers, and the run's streams there. On somebody else's servers what the run has made is removed.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { assignmentBucket, leaseBucket } from "../../lib/names.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { World } from "../../lib/ports/world.ts";
import { changesPartitions } from "../config/config_rules.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import { replicasOf } from "../config/nats_section.ts";
import type { Ground } from "../ground/ground.ts";
import { fastestRate } from "../seed/weights.ts";
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

/**
 * Sets the stage.
 *
 * @param ground where the servers are
 * @param config the configuration
 * @param seed the run's seed
 * @param runId the run
 * @param access who it is to the server
 * @returns the stage
 * @throws {PartiError} if there is no usable server
 */
export async function openStage(
  ground: Pick<Ground, "urls" | "server">,
  config: SimulationConfig,
  seed: number,
  runId: string,
  access: Access,
): Promise<Stage> {
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
  if (!isOurs) cleanUp.defer(() => removeFromServer(world, topology));
  await createStreams(world, topology, config, seed);
  const owned = cleanUp.move();
  return {
    nc,
    world,
    topology,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
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
  // Whoever resumes the run reads again from the last checkpoint on.
  const keptS = EFFECTS_KEPT_S + (checkpointing.enabled ? checkpointing.interval / 1_000 : 0);
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
