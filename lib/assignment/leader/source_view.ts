/**
 * The worker's partition source as each of its terms as a leader sees it. Every term begins anew: what an earlier one knew may have
 * been overtaken by another leader long since.
 *
 * @module
 */
import type { Clock } from "../../ports/clock.ts";
import { compareText } from "../strategies/order.ts";
import type { PartitionSource } from "../partition.ts";
import { partitionsOf, type Snapshot } from "../snapshot.ts";
import { GuardedSource } from "../sources/guarded_source.ts";

/** What a view needs. */
export interface SourceViewOptions {
  /** The source. */
  readonly source: PartitionSource;
  /** Time. */
  readonly clock: Clock;
  /** A reading that takes longer is given up, in milliseconds. */
  readonly timeoutMs: number;
  /** An empty answer is taken as truth even where there were partitions before. */
  readonly allowEmpty: boolean;
  /** Told of each reading that could not be used. */
  readonly onProblem: (error: unknown) => void;
}

/** Opens a source for one term after another. */
export class SourceView {
  readonly #options: SourceViewOptions;
  #latest: GuardedSource | undefined;

  /** @param options what it needs */
  constructor(options: SourceViewOptions) {
    this.#options = options;
  }

  /** Whether the latest term had partitions to go by, whatever the source says now. */
  get known(): boolean {
    return this.#latest?.known ?? false;
  }

  /**
   * Opens the source for a term. Nothing is asked yet.
   *
   * @param snapshot the assignment in force: its partitions are what the leader goes by until the source has answered, so that a
   * source that is down keeps nobody from taking over a dead worker's
   * @returns the source, guarded against empty and failing answers
   */
  open(snapshot: Snapshot): GuardedSource {
    const guarded = new GuardedSource(this.#options);
    guarded.adopt(partitionsOf(snapshot).sort((a, b) => compareText(a.id, b.id)));
    this.#latest = guarded;
    return guarded;
  }
}
