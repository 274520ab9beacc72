/**
 * What a session needs, and what it tells.
 *
 * @module
 */
import type { AssignmentStrategy } from "../assignment/partition.ts";
import type { Snapshot } from "../assignment/snapshot.ts";
import type { SourceView } from "../assignment/leader/source_view.ts";
import type { GroupConfig } from "../config/config.ts";
import type { WorkerConsumer } from "../consumption/worker_consumer.ts";
import type { Assignment } from "../manager/hooks.ts";
import type { ElectionAgent } from "../leadership/election_agent.ts";
import type { LaneOwner } from "../names.ts";
import type { KvBucket } from "../ports/kv.ts";
import type { World } from "../ports/world.ts";

/** The right of a session to handle messages. */
export interface SessionRight {
  /** Whether the lease is in force at this moment. */
  mayAct(): boolean;
  /**
   * Whether a new message may be begun: undefined if so; otherwise resolves when it may again, or the signal fires.
   *
   * While the connection is away the others may take this worker for dead long before its lease ends. Nothing new is begun then, nor
   * after the reconnect until a renewal has proven that the lease was not taken away.
   */
  mayBegin(signal: () => AbortSignal): Promise<void> | undefined;
  /** Told when partitions have become outranked, or are so no more: it shows in the state. */
  onOutranked(): void;
  /** Told when others hold or have written partitions under a later assignment than the one known here. */
  onBehind(): void;
}

/** What a session needs. */
export interface SessionOptions {
  /** The world. */
  readonly world: World;
  /** The group's configuration. */
  readonly config: GroupConfig;
  /** Which life of the worker this is: never used before. */
  readonly instance: string;
  /** Where it runs, for people. */
  readonly host: string;
  /** The number to claim first. */
  readonly preferredId: number | undefined;
  /** This process's former lives: what they held may be taken over at once. */
  readonly formerInstances: ReadonlySet<string>;
  /**
   * The newest assignment that this worker's former lives have seen. Should the buckets be lost, the group goes on above its epoch:
   * what was written in a higher one would fence everybody off for ever.
   */
  readonly remembered: Snapshot | undefined;
  /** The lease bucket. */
  readonly leases: KvBucket;
  /** The assignment bucket. */
  readonly assignments: KvBucket;
  /** The election. */
  readonly election: ElectionAgent;
  /** Where partitions come from. */
  readonly source: SourceView;
  /** Who gets what. */
  readonly strategy: AssignmentStrategy;
  /** See {@linkcode GroupLeaderOptions.recoveringUntilMs}. */
  readonly recoveringUntilMs: () => number | undefined;
  /** When the connection came back last, on the monotonic clock, in milliseconds; undefined if it has never been away. */
  readonly reconnectedAtMs?: () => number | undefined;
  /** Makes the consumer, if the application consumes through the library. */
  readonly makeConsumer: (owner: LaneOwner, right: SessionRight) => WorkerConsumer | undefined;
  /** Who is told. */
  readonly events: SessionEvents;
}

/** What a session tells. Nothing is told any more once it is over, except that. */
export interface SessionEvents {
  /** The first step of joining is done: it has a stable ID. */
  onClaimed(worker: string, idNumber: number): void;
  /** A newer assignment is in force for this worker. Awaited before the generation is acknowledged. Never rejects. */
  onAssignment(assignment: Assignment): Promise<void>;
  /** Something that shows in the state has changed. */
  onProgress(): void;
  /** Leadership was won, with this epoch, or lost. */
  onLeadership(isLeader: boolean, epoch: number | undefined): void;
  /** A leader's publication, how many partitions change hands by it, and how long it took in milliseconds. */
  onPublished(snapshot: Snapshot, movedCount: number, durationMs: number): void;
  /** A leader's try to rebalance failed. */
  onRebalanceFailed(reason: string, error: unknown): void;
  /** A renewal of the lease. */
  onRenewed(ok: boolean): void;
  /** Nobody answered a probe. */
  onProbeMiss(instance: string, kind: "no-responders" | "timeout"): void;
  /** A leader's copying of a stream into the shards, as it is now: while it leads, and once when it does no more. */
  onCopy(isCopying: boolean, lag: number): void;
  /** A worker was judged dead. */
  onEvicted(worker: string, instance: string, reason: string): void;
  /** Something failed and is tried again. */
  onError(error: unknown): void;
  /** The lease is gone; the session is over. */
  onLost(reason: string): void;
}
