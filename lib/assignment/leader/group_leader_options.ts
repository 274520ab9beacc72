/**
 * What the leader needs, and what it tells.
 *
 * @module
 */
import type { GroupConfig } from "../../config/config.ts";
import type { Term } from "../../leadership/election_agent.ts";
import type { Member } from "../../membership/roster.ts";
import type { KvBucket } from "../../ports/kv.ts";
import type { World } from "../../ports/world.ts";
import type { AssignmentStrategy } from "../partition.ts";
import type { RebalanceReason, Snapshot } from "../snapshot.ts";
import type { SourceView } from "./source_view.ts";

/** What the leader is busy with, as the manager shows it. */
export type LeaderPhase = "idle" | "scaling" | "rebalancing" | "emergency";

/** What the leader needs. Its call-backs must not throw. */
export interface GroupLeaderOptions {
  /** The world. */
  readonly world: World;
  /** The group's configuration. */
  readonly config: GroupConfig;
  /** The leader itself. */
  readonly self: { readonly worker: string; readonly instance: string };
  /** Its term. */
  readonly term: Term;
  /** No verdict by probing for this long at first, in milliseconds. */
  readonly holdForMs?: number;
  /**
   * Until when workers that were cut off together with this one are on their way back, on the monotonic clock in milliseconds;
   * undefined if it was not cut off for long.
   */
  readonly recoveringUntilMs?: () => number | undefined;
  /** The lease bucket. */
  readonly leases: KvBucket;
  /** The assignment bucket. */
  readonly assignments: KvBucket;
  /** Makes the group's buckets anew if they are gone. */
  readonly openBuckets: () => Promise<unknown>;
  /** Where partitions come from. */
  readonly source: SourceView;
  /** Who gets what. */
  readonly strategy: AssignmentStrategy;
  /** The newest snapshot this worker has seen: what the group goes on from should the bucket be lost. */
  readonly remembered?: () => Snapshot | undefined;
  /** Told when the phase changes. */
  readonly onPhase: (phase: LeaderPhase) => void;
  /** Told after each publication, with how many partitions change hands and how long it took in milliseconds. */
  readonly onPublished: (snapshot: Snapshot, movedCount: number, durationMs: number) => void;
  /** Told when a rebalance failed; it is tried again. */
  readonly onRebalanceFailed?: (reason: RebalanceReason, error: unknown) => void;
  /** Told each time a worker did not answer a probe. */
  readonly onProbeMiss?: (instance: string, kind: "no-responders" | "timeout") => void;
  /** Told once when this leader does not go on: its term is over. */
  readonly onStale: (error: unknown) => void;
  /** Told once when this leader does not go on although its term is in force: it has failed for so long that others are to try. */
  readonly onUnable: (error: unknown) => void;
  /** Told when something failed and will be tried again. */
  readonly onError: (error: unknown) => void;
  /** Told of each worker judged dead. */
  readonly onEvicted?: (member: Member, reason: string) => void;
}
