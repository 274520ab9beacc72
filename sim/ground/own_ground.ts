/**
 * A run's ground as this process has it: the servers that it has started, and children of its own. All of it ends with this process.
 *
 * @module
 */
import { launchNatsCluster } from "../../tasks/nats_cluster.ts";
import { launchNats, type NatsServer } from "../../tasks/nats_launcher.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import { urlsOf } from "../config/nats_section.ts";
import { lastWords } from "../host/host.ts";
import { LocalHost } from "../host/local_host.ts";
import type { RunLogs } from "../logs/run_logs.ts";
import { Networks } from "../run/networks.ts";
import type { RunAccess } from "../wire/access.ts";
import type { Ground } from "./ground.ts";
import { keepServerLog } from "./server_log.ts";

const LAST_WORDS_BYTES = 2_048;

/** What a ground is made from. */
export interface GroundOptions {
  /** The configuration. */
  readonly config: SimulationConfig;
  /** Who the processes are to the servers. */
  readonly access: RunAccess;
  /** Where what processes and servers write goes. */
  readonly logs: RunLogs;
  /** Whether networks are to fail. Where none is, nothing lies between a process and the server. */
  readonly networksFail: boolean;
  /** Where servers of our own keep their streams, if they are to be there after them. */
  readonly storeDir?: string | undefined;
}

/**
 * Starts the servers, if they are to be ours.
 *
 * @param options what it is made from
 * @returns the ground
 * @throws {PartiError} if no server can be started
 */
export async function openGround(options: GroundOptions): Promise<Ground> {
  const { config, access, logs, networksFail, storeDir } = options;
  await using cleanUp = new AsyncDisposableStack();
  const { mode, cluster: size, url } = config.nats;
  const isOurs = mode === "embedded";
  const cluster = isOurs && size > 1
    ? cleanUp.use(await launchNatsCluster({ size, ...ownOptions(config, storeDir) }))
    : undefined;
  const single = isOurs && size === 1 ? cleanUp.use(await launchOne(config, storeDir)) : undefined;
  const server = cluster ?? single;
  if (server !== undefined) cleanUp.defer(() => keepServerLog(server, logs));
  const nodes = cluster?.nodes ?? (single === undefined ? [] : [single]);
  const urls = cluster?.urls ?? urlsOf(single?.url ?? url);
  const isAllHere = config.simulation.mode !== "coordinator";
  const networks = networksFail && isOurs && isAllHere
    ? cleanUp.use(new Networks(urls))
    : undefined;
  const local = new LocalHost(access, logs);
  const owned = cleanUp.move();
  return {
    ...{ urls, server, cluster, networks, serverEnded: firstToEnd(nodes) },
    host: {
      spawn: (role, spec) => {
        const natsUrl = networks?.urlOf(spec.name) ?? spec.natsUrl;
        return local.spawn(role, { ...spec, natsUrl });
      },
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Whichever ends first though nobody has ended it, in a sentence, with its last words. */
function firstToEnd(nodes: readonly NatsServer[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const node of nodes) {
    node.onEnded = (code) => {
      const words = lastWords(node.logTail(LAST_WORDS_BYTES).trimEnd().split("\n"));
      resolve(`nats-server at ${node.url} ended by itself with code ${code}: ${words}`);
    };
  }
  return promise;
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
