/**
 * What a run stands on: its servers, its processes and their networks. It is the coordinator's own, or another process's that outlives the
 * coordinator.
 *
 * @module
 */
import type { Host, HostedProcess } from "../host/host.ts";
import type { NetworkState } from "../run/fault_proxy.ts";

/** A server, as far as chaos is concerned. */
export interface KillableServer {
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again with the same store and port. */
  restart(): Promise<void>;
}

/** All servers of a run's own. */
export interface OwnServers extends KillableServer {
  /** The process IDs of those that run. */
  readonly pids: readonly number[];
}

/** A cluster, as far as chaos is concerned. */
export interface KillableCluster {
  /** The nodes' names. */
  readonly names: readonly string[];
  /** A node by its name. */
  node(name: string): KillableServer & { readonly pid: number } | undefined;
  /** Who leads a stream. */
  leaderOf(stream: string): Promise<string | undefined>;
  /** How many clients a node has. */
  clientsAt(name: string): Promise<number>;
  /** Waits until all nodes run and are current. */
  untilWhole(): Promise<void>;
}

/** The network between a process and the servers. */
export interface FailingNetwork {
  /** Whether everything passes as it should. */
  readonly well: boolean;
  /** Changes it from now on; what is left out is well. */
  become(state: NetworkState): void;
  /** Ends all connections there are. */
  cut(): void;
}

/** The networks of the processes, where they can fail. */
export interface FailingNetworks {
  /** The network of a process by its name; undefined if it has none. */
  of(name: string): FailingNetwork | undefined;
}

/** What a run stands on. */
export interface Ground extends AsyncDisposable {
  /** The servers' addresses. */
  readonly urls: readonly string[];
  /** The servers, if they are the run's own. */
  readonly server: OwnServers | undefined;
  /** The same, if they are a cluster. */
  readonly cluster: KillableCluster | undefined;
  /** Resolves with a sentence when one of the run's own servers has ended by itself. */
  readonly serverEnded?: Promise<string> | undefined;
  /** Who starts processes on this machine. */
  readonly host: Host;
  /** Their networks, if these can fail. */
  readonly networks: FailingNetworks | undefined;
  /**
   * Has the coordinator killed with SIGKILL and another one started in its place; undefined where nobody is there who could.
   *
   * @param when how soon, and how long it takes until the other one is started, in milliseconds
   */
  readonly crash?: ((when: CrashTimes) => Promise<void>) | undefined;
  /** What the coordinator before this one has left, if it was killed. */
  readonly left?: Left | undefined;
}

/** When a coordinator is killed, and started again. */
export interface CrashTimes {
  /** How long until it is killed, in milliseconds. */
  readonly afterMs: number;
  /** How long it is away then, in milliseconds. */
  readonly downMs: number;
}

/** What a killed coordinator has left. */
export interface Left {
  /** When it was killed, in microseconds since 1970. */
  readonly killedUs: number;
  /** All processes that were ever started, also those that have ended. */
  readonly processes: ReadonlyMap<string, HostedProcess>;
  /** Those of them that live. */
  readonly living: ReadonlySet<string>;
  /** What was done to processes and servers, and when that was over. */
  readonly faults: readonly PastFault[];
}

/** Something that was done, and is over. */
export interface PastFault {
  /** What: a process stood still, its network failed, or a server was away. */
  readonly kind: "stoodStill" | "network" | "outage";
  /** To which process; empty for a server. */
  readonly process: string;
  /** Since when, in microseconds since 1970. */
  readonly fromUs: number;
  /** Until when. */
  readonly untilUs: number;
}
