/**
 * What a run stands on: a server, a connection, the streams. Ours is started and removed with the run; on somebody else's
 * only what the run has made is removed.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { assignmentBucket, leaseBucket } from "../../lib/names.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { World } from "../../lib/ports/world.ts";
import { launchNatsCluster, type NatsCluster } from "../../tasks/nats_cluster.ts";
import { launchNats, type NatsServer } from "../../tasks/nats_launcher.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import { replicasOf, urlsOf } from "../config/nats_section.ts";
import { partitionRates, partitionWeights } from "../seed/weights.ts";
import { effectSubjects, feedSubject, type Topology, topologyOf } from "../streams/topology.ts";
import { type Access, connectionOptionsOf } from "../wire/access.ts";

/** A server with the run's streams on it. */
export interface Stage extends AsyncDisposable {
  /** The server, if it is ours: one, or a cluster. */
  readonly server: NatsServer | NatsCluster | undefined;
  /** The same, if it is a cluster. */
  readonly cluster: NatsCluster | undefined;
  /** The servers' addresses. */
  readonly urls: readonly string[];
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
 * @param config the configuration
 * @param seed the run's seed
 * @param runId the run
 * @param access who it is to the server
 * @param storeDir where a server of our own keeps its streams, if they are to be there after it
 * @returns the stage
 * @throws {PartiError} if there is no usable server
 */
export async function openStage(
  config: SimulationConfig,
  seed: number,
  runId: string,
  access: Access,
  storeDir?: string,
): Promise<Stage> {
  await using cleanUp = new AsyncDisposableStack();
  const { mode, cluster: size } = config.nats;
  const cluster = mode === "embedded" && size > 1
    ? cleanUp.use(await launchNatsCluster({ size, ...ownOptions(config, storeDir) }))
    : undefined;
  const single = mode === "embedded" && size === 1
    ? cleanUp.use(await launchOne(config, storeDir))
    : undefined;
  const server = cluster ?? single;
  const urls = cluster?.urls ?? urlsOf(single?.url ?? config.nats.url);
  const nc = await connectNats({
    ...connectionOptionsOf(access),
    servers: urls,
    name: "coordinator",
  });
  cleanUp.defer(() => nc.close());
  const world = natsWorld(nc);
  const topology = topologyOf(config.simulation.name, server === undefined ? runId : undefined);
  if (server === undefined) cleanUp.defer(() => removeFromServer(world, topology));
  await createStreams(world, topology, config, seed);
  const owned = cleanUp.move();
  return {
    server,
    cluster,
    urls,
    nc,
    world,
    topology,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Whoever is started by hand has to find the servers: then they are where the configuration says. */
function ownOptions({ nats, simulation }: SimulationConfig, storeDir?: string) {
  const { max_memory: maxMemoryBytes, max_file_storage: maxFileBytes } = nats.jetstream;
  return {
    ...(storeDir === undefined ? {} : { storeDir }),
    ...(simulation.mode === "coordinator" ? { ports: urlsOf(nats.url).map(portOf) } : {}),
    jetstream: {
      ...(maxMemoryBytes === undefined ? {} : { maxMemoryBytes }),
      ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
    },
  };
}

function launchOne(config: SimulationConfig, storeDir?: string): Promise<NatsServer> {
  const { ports, ...options } = ownOptions(config, storeDir);
  return launchNats({ ...options, ...(ports === undefined ? {} : { port: ports[0]! }) });
}

function portOf(url: string): number {
  return Number(new URL(url.replace(/^\w+:/, "http:")).port || 4_222);
}

/** Effects are kept this long for the reader; the last one of each partition is what the fence stands on. */
const EFFECTS_KEPT_S = 120;
const EFFECTS_KEPT_MIN = 1_000;
const DUPLICATE_WINDOW_MS = 120_000;

async function createStreams(
  { feed }: World,
  topology: Topology,
  { partitions, checkpointing, nats }: SimulationConfig,
  seed: number,
): Promise<void> {
  const common = { storage: "file", replicas: replicasOf(nats) } as const;
  await feed.ensureStream(topology.feedStream, {
    ...common,
    subjects: [feedSubject(topology, 0).replace(/0$/, "*")],
    retention: "workqueue",
    duplicateWindowMs: DUPLICATE_WINDOW_MS,
  });
  const weights = partitionWeights(partitions, seed);
  const fastest = Math.max(...partitionRates(weights, partitions.message_rate_per_partition));
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
