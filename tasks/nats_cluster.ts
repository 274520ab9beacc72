/**
 * Starts several nats-servers as one JetStream cluster on this machine: ready when it is whole, each node killed and restarted on its
 * own, and nothing left behind however we end.
 *
 * ```ts
 * import { connect } from "@nats-io/transport-node";
 * import { launchNatsCluster } from "./nats_cluster.ts";
 *
 * await using cluster = await launchNatsCluster({ size: 3 });
 * const connection = await connect({ servers: cluster.urls });
 * await connection.close();
 * ```
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";
import { pickFreePorts } from "./free_port.ts";
import type { NatsLimits } from "./nats_config.ts";
import {
  launchNats,
  type LaunchNatsOptions,
  type NatsServer,
  PortBusyError,
} from "./nats_launcher.ts";
import { ensureNatsServer } from "./nats_server.ts";

/** How to launch a cluster. */
export interface LaunchNatsClusterOptions {
  /** How many nodes. */
  readonly size: number;
  /** The nats-server to run; by default `PARTI_NATS_SERVER`, or whatever can be found or fetched. */
  readonly binary?: string;
  /** Where to keep streams: each node has a folder of its own there, which is kept. By default they are removed in the end. */
  readonly storeDir?: string;
  /** The ports for clients, one for each node; by default free ones. */
  readonly ports?: readonly number[];
  /** JetStream's limits, for each node. */
  readonly jetstream?: NatsLimits;
  /** More lines for each node's configuration file. */
  readonly extraConfig?: string;
}

/** What a node's monitoring says of the group of all nodes; only its leader knows of the others. */
interface MetaGroup {
  readonly leader?: string;
  readonly cluster_size?: number;
  readonly replicas?: readonly { readonly offline?: boolean }[];
}

/** What a node's monitoring says of its streams. */
interface StreamDetails {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly cluster?: { readonly leader?: string };
    }[];
  }[];
}

const CLUSTER_NAME = "parti";
const PORT_TRIES = 10;
const PORTS_PER_NODE = 3;
const POLL_MS = 50;
const ANSWER_TIMEOUT_MS = 2_000;
/** Elections are slow on a busy machine: the first one alone may take 9 s, and a second one may be needed. */
const WHOLE_TIMEOUT_MS = 60_000;

/**
 * Launches a cluster and waits until it is whole.
 *
 * @param options how
 * @returns the running cluster; dispose of it with `await using` or {@linkcode NatsCluster.stop}
 */
export async function launchNatsCluster(options: LaunchNatsClusterOptions): Promise<NatsCluster> {
  const { path: binary } = await ensureNatsServer({ binary: options.binary });
  for (let i = 1;; i++) {
    try {
      return await NatsCluster.start({ ...options, binary });
    } catch (error) {
      // Somebody took a port that we had picked: pick all of them anew, since each node knows the others' ports.
      const picked = options.ports === undefined;
      if (!(error instanceof PortBusyError) || !picked || i === PORT_TRIES) throw error;
    }
  }
}

/** A running cluster of our own. */
export class NatsCluster implements AsyncDisposable {
  /** Its nodes, `n1` first. Each one's store and ports stay the same over its restarts. */
  readonly nodes: readonly NatsServer[];

  private constructor(nodes: readonly NatsServer[]) {
    this.nodes = nodes;
  }

  /** @internal Use {@linkcode launchNatsCluster}. */
  static async start(options: LaunchNatsClusterOptions): Promise<NatsCluster> {
    const started = await Promise.allSettled(nodeOptions(options).map(launchNats));
    const nodes = started.flatMap((node) => node.status === "fulfilled" ? [node.value] : []);
    const cluster = new NatsCluster(nodes);
    try {
      for (const node of started) if (node.status === "rejected") throw node.reason;
      await cluster.untilWhole();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The nodes' names, as servers tell leaders and replicas. */
  get names(): string[] {
    return this.nodes.map((_, index) => nodeName(index));
  }

  /** The process IDs of the nodes that run. */
  get pids(): number[] {
    return this.nodes.flatMap(({ pids }) => pids);
  }

  /** The addresses for clients. */
  get urls(): string[] {
    return this.nodes.map(({ url }) => url);
  }

  /** The version of all nodes, such as `2.15.1`. */
  get version(): string {
    return this.nodes[0]!.version;
  }

  /**
   * The node of a name.
   *
   * @param name such as `n1`
   * @returns undefined if there is none
   */
  node(name: string): NatsServer | undefined {
    return this.nodes.find((_, index) => nodeName(index) === name);
  }

  /**
   * Waits until all nodes run, have a leader and are as far as it is, with all streams and consumers that they hold.
   *
   * @param timeoutMs how long it may take
   * @throws {PartiError} `PARTI_TIMEOUT` with what is amiss
   */
  async untilWhole(timeoutMs: number = WHOLE_TIMEOUT_MS): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const amiss = await this.#amiss();
      if (amiss === undefined) return;
      if (performance.now() > deadlineMs) {
        throw new PartiError(
          "PARTI_TIMEOUT",
          `the cluster is not whole after ${timeoutMs} ms: ${amiss}`,
          { value: this.nodes.map((node) => node.logTail(2_048)).join("\n") },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Kills all nodes at once with SIGKILL. Stores and ports are kept for {@linkcode restart}. */
  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }

  /** Starts all nodes again with the same stores and ports, and waits until the cluster is whole. */
  async restart(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.restart()));
    await this.untilWhole();
  }

  /**
   * Who leads the cluster: the node that decides where streams and consumers lie.
   *
   * @returns the node's name; undefined if there is none
   */
  async metaLeader(): Promise<string | undefined> {
    const groups = await Promise.all(this.nodes.map(metaGroup));
    return groups.map((group) => group?.leader).find((leader) => (leader ?? "") !== "");
  }

  /**
   * Who leads a stream.
   *
   * @param stream the stream
   * @returns the node's name; undefined if nobody does, or nobody knows
   */
  async leaderOf(stream: string): Promise<string | undefined> {
    for (const node of this.nodes) {
      const answer = await ask<StreamDetails>(node, "jsz?accounts=true&streams=true");
      const streams = answer?.account_details?.flatMap(({ stream_detail = [] }) => stream_detail);
      const leader = streams?.find(({ name }) => name === stream)?.cluster?.leader;
      if (leader !== undefined && leader !== "") return leader;
    }
    return undefined;
  }

  /**
   * How many clients are connected to a node.
   *
   * @param name such as `n1`
   * @returns the number; 0 for a node that does not answer
   */
  async clientsAt(name: string): Promise<number> {
    const node = this.node(name);
    if (node === undefined) return 0;
    return (await ask<{ connections?: number }>(node, "varz"))?.connections ?? 0;
  }

  /** Shuts all nodes down for good and removes everything that is theirs. Safe to call twice. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** Same as {@linkcode stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #amiss(): Promise<string | undefined> {
    const unwell = await Promise.all(this.nodes.map(async (node, index) => {
      const amiss = await unhealthy(node);
      return amiss === undefined ? [] : [`${nodeName(index)}: ${amiss}`];
    }));
    if (unwell.flat().length > 0) return unwell.flat().join("; ");
    return await this.#metaAmiss();
  }

  async #metaAmiss(): Promise<string | undefined> {
    const size = this.nodes.length;
    const groups = await Promise.all(this.nodes.map(metaGroup));
    const leaders = new Set(groups.map((group) => group?.leader ?? ""));
    const [name, ...others] = leaders;
    if (name === undefined || name === "") return "there is no leader";
    if (others.length > 0) return `nodes disagree on who leads: ${[...leaders].join(", ")}`;
    const group = groups[this.nodes.indexOf(this.node(name)!)];
    // Whether it is as far as the leader each node has said itself. What the leader thinks of that (`current`) can stay wrong for
    // as long as the cluster has nothing to do: then nothing is sent that would be answered with how far a node is.
    const there = group?.replicas?.filter(({ offline }) => offline !== true) ?? [];
    if (group?.cluster_size === size && there.length === size - 1) return undefined;
    return `${name} leads, and knows of ${1 + there.length} of ${size} nodes that are there`;
  }
}

function nodeName(index: number): string {
  return `n${index + 1}`;
}

function nodeOptions({ size, ...options }: LaunchNatsClusterOptions): LaunchNatsOptions[] {
  // All at once: a port picked later could be one that a node which has not started yet has been promised.
  const ports = pickFreePorts(PORTS_PER_NODE * size);
  const routePorts = ports.slice(0, size);
  const routes = routePorts.map((port) => JSON.stringify(`nats://127.0.0.1:${port}`));
  return routePorts.map((routePort, index) => ({
    ...(options.binary === undefined ? {} : { binary: options.binary }),
    ...(options.jetstream === undefined ? {} : { jetstream: options.jetstream }),
    port: options.ports?.[index] ?? ports[size + index]!,
    ...(options.storeDir === undefined
      ? {}
      : { storeDir: `${options.storeDir}/${nodeName(index)}` }),
    monitorPort: ports[2 * size + index]!,
    serverName: nodeName(index),
    extraConfig: [
      "cluster {",
      `  name: ${CLUSTER_NAME}`,
      `  listen: "127.0.0.1:${routePort}"`,
      `  routes: [${routes.join(", ")}]`,
      "}",
      options.extraConfig ?? "",
    ].join("\n"),
  }));
}

/** What a node says is wrong with it or with the streams and consumers it holds. */
async function unhealthy(node: NatsServer): Promise<string | undefined> {
  if (!node.running) return "it does not run";
  const answer = await ask<{ status?: string; error?: string }>(node, "healthz");
  if (answer?.status === "ok") return undefined;
  return answer?.error ?? answer?.status ?? "it does not answer";
}

async function metaGroup(node: NatsServer): Promise<MetaGroup | undefined> {
  return (await ask<{ meta_cluster?: MetaGroup }>(node, "jsz"))?.meta_cluster;
}

async function ask<T>({ monitorPort }: NatsServer, what: string): Promise<T | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${monitorPort}/${what}`, {
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    return await response.json();
  } catch {
    // It is starting, or has just been killed.
    return undefined;
  }
}
