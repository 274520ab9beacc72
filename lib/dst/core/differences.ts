/**
 * Since when something may have differed from the assignment, as far as that can be told from outside: whoever leads may have seen it at
 * once, or may not have seen it yet.
 *
 * @module
 */
import { partitionsOf, type Snapshot, weightTable } from "../../assignment/snapshot.ts";

/** What differs, and since when. */
export class Differences {
  readonly #slackMs: number;
  #sinceMs: number | undefined;
  /** The partitions of the source with their weights, as one text. */
  #source = "";
  /** Since when no assignment was written that is as the source says. */
  #sourceSinceMs: number | undefined;

  /** @param slackMs how long a leader may take to see something, in milliseconds */
  constructor(slackMs: number) {
    this.#slackMs = slackMs;
  }

  /** The earliest moment from which on something may have differed, as far as it may differ still; undefined if nothing does. */
  get sinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** Something differs from now on: somebody came or went. */
  begin(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  /**
   * The source says something else from now on.
   *
   * @param ids the partitions
   * @param weights those weights that are not 1
   * @param nowMs when
   */
  sourceSays(ids: readonly string[], weights: Snapshot["weights"], nowMs: number): void {
    this.#source = textOf(ids, weights);
    this.#sourceSinceMs ??= nowMs;
    this.begin(nowMs);
  }

  /**
   * An assignment was written. What is recent its leader may not have seen before, and what it has not dealt with differs still.
   *
   * @param snapshot the assignment
   * @param pending since when each thing differs that it does not deal with
   * @param nowMs when
   */
  published(snapshot: Snapshot, pending: Iterable<number>, nowMs: number): void {
    const partitions = partitionsOf(snapshot);
    const weights = weightTable(partitions.map(({ id, weight }) => [id, weight]));
    // Whatever the source has said in between, and whether or not anybody has seen it: now they agree.
    if (textOf(partitions.map(({ id }) => id), weights) === this.#source) {
      this.#sourceSinceMs = undefined;
    }
    if (this.#sinceMs === undefined || nowMs - this.#sinceMs <= this.#slackMs) return;
    const left = [...pending];
    // A source that fails or hangs is seen late.
    if (this.#sourceSinceMs !== undefined) left.push(this.#sourceSinceMs);
    this.#sinceMs = left.length > 0 ? Math.min(...left) : undefined;
  }
}

function textOf(ids: readonly string[], weights: Snapshot["weights"]): string {
  return [...ids].sort().map((id) => `${id} ${weights[id] ?? 1}`).join();
}
