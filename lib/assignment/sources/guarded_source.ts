/**
 * Stands between the leader and a partition source that may fail, hang, or forget everything for a moment.
 *
 * @module
 */
import { describeError, PartiError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { PartitionSource, StrategyPartition } from "../partition.ts";
import { normalizePartitions } from "../validate.ts";
import { withDeadline } from "./deadline.ts";
import { fingerprint } from "./fingerprint.ts";
import { Listeners } from "./listeners.ts";

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30_000;
/** The pause before the source is asked again about news that came while it answered: its answers may be what sets them off. */
const AGAIN_MS = 100;
/** How long the end of a watch on the source is waited for. */
const CLOSE_MS = 1_000;

/** Options of {@linkcode GuardedSource}. */
export interface GuardedSourceOptions {
  /** The user's source. */
  readonly source: PartitionSource;
  /** The clock. */
  readonly clock: Clock;
  /** Takes an empty answer for the truth; false unless given. */
  readonly allowEmpty?: boolean;
  /** An answer that takes longer is a failure, in milliseconds; 5,000 unless given. */
  readonly timeoutMs?: number;
  /** Told of each answer that was not taken. */
  readonly onProblem?: (problem: PartiError) => void;
}

/** What {@linkcode GuardedSource.refresh} returns. */
export interface GuardedAnswer {
  /** The partitions to go by, sorted and unique. */
  readonly partitions: readonly StrategyPartition[];
  /** Whether they differ from those before this call. */
  readonly changed: boolean;
  /** Why the source's latest answer was not taken, if it was not: `PARTI_SOURCE_FAILED`. */
  readonly problem?: PartiError;
}

/**
 * The partitions as far as they are known. An empty or failing answer never replaces them; it is asked for again with growing
 * delays. Once something is known nobody waits for the source, unless a refresh is forced: an emergency must not wait for a
 * database.
 */
export class GuardedSource {
  readonly #options: GuardedSourceOptions;
  readonly #listeners = new Listeners();
  #partitions: readonly StrategyPartition[] = [];
  #print: string | undefined;
  #problem: PartiError | undefined;
  /** Whether the source has news, as far as we know. */
  #dirty = true;
  #asking: Promise<void> | undefined;
  /** Gives up the answer under way. */
  #giveUp = new AbortController();
  /** The last watcher has left, so nobody needs an answer. */
  #closed = false;
  #sourceWatch: { close(): void | Promise<void> } | undefined;
  #retryTimer: Timer | undefined;
  #failures = 0;

  /**
   * Asks nothing yet.
   *
   * @param options the source and how to treat it
   */
  constructor(options: GuardedSourceOptions) {
    this.#options = options;
  }

  /** Whether there is anything to go by: an accepted answer, or an adopted assignment. */
  get known(): boolean {
    return this.#print !== undefined;
  }

  /** The partitions to go by, sorted and unique; empty while nothing is known. */
  get partitions(): readonly StrategyPartition[] {
    return this.#partitions;
  }

  /** Why the latest answer was not taken; undefined if it was. */
  get problem(): PartiError | undefined {
    return this.#problem;
  }

  /**
   * Goes by these partitions until the source answers. A new leader adopts those of the assignment in force: its own source
   * may be down, and work must go on. Does nothing if something is known, or for an empty list.
   *
   * @param partitions sorted and unique
   */
  adopt(partitions: readonly StrategyPartition[]): void {
    if (this.known || partitions.length === 0) return;
    this.#partitions = partitions;
    this.#print = fingerprint(partitions);
  }

  /**
   * Asks the source if there may be news. Never throws.
   *
   * @param force asks in any case, and waits for the answer
   * @returns what is known afterwards; without `force`, an answer that is still under way arrives later, and watchers are told.
   * Once the last watcher has left nothing is asked, and that is the `problem`
   */
  async refresh(force = false): Promise<GuardedAnswer> {
    const before = this.#print;
    // An answer under way may be older than the wish. One that somebody else asked for after it is as good as another.
    if (force) await this.#asking;
    if (force || this.#dirty) this.#ask();
    if (force || !this.known) await this.#asking;
    const answer = { partitions: this.#partitions, changed: this.#print !== before };
    const problem = this.#closed ? closedProblem() : this.#problem;
    return problem ? { ...answer, problem } : answer;
  }

  /**
   * Tells of news: call {@linkcode refresh} then.
   *
   * @param onChange what to call
   * @returns ends it; the last one to leave ends the watch on the source, the answer under way and all retries
   */
  watch(onChange: () => void): { close(): Promise<void> } {
    const remove = this.#listeners.add(onChange);
    if (this.#listeners.size === 1) {
      // Whatever happened while nobody watched was not seen.
      this.#dirty = true;
      this.#closed = false;
      this.#sourceWatch = this.#watchSource();
    }
    return {
      close: async () => {
        remove();
        if (this.#listeners.size > 0 || this.#closed) return;
        this.#closed = true;
        this.#giveUp.abort();
        this.#retryTimer?.cancel();
        await this.#endSourceWatch();
      },
    };
  }

  /** Never rejects, and takes no longer than a moment: a worker that stops waits for this before it gives its lease back. */
  async #endSourceWatch(): Promise<void> {
    const watch = this.#sourceWatch;
    this.#sourceWatch = undefined;
    if (watch === undefined) return;
    const { clock, onProblem } = this.#options;
    try {
      await withDeadline(clock, CLOSE_MS, async () => await watch.close());
    } catch (error) {
      const message = `the watch on the partition source does not end: ${describeError(error)}`;
      onProblem?.(new PartiError("PARTI_SOURCE_FAILED", message, { cause: error }));
    }
  }

  /** A source that cannot be watched is asked when a refresh is forced. */
  #watchSource(): { close(): void | Promise<void> } | undefined {
    try {
      const watch = this.#options.source.watch?.(() => this.#wake());
      if (!(watch instanceof Promise)) return watch;
      // Out of plain JavaScript it may be one. What it rejects with must not end the process, and after it that of the next leader.
      watch.then((late) => late?.close()).catch(() => {});
      throw new TypeError("watch answered with a promise");
    } catch (error) {
      this.#report(`the partition source cannot be watched: ${describeError(error)}`, error);
      return undefined;
    }
  }

  #wake(): void {
    this.#dirty = true;
    this.#listeners.notify();
  }

  #ask(): void {
    if (this.#asking || this.#closed) return;
    this.#dirty = false;
    this.#retryTimer?.cancel();
    this.#giveUp = new AbortController();
    this.#asking = this.#listOnce(this.#giveUp.signal).finally(() => {
      this.#asking = undefined;
      // News came meanwhile: the answer may be older than they are, and whoever was told of them could not ask yet.
      if (this.#dirty) this.#wakeIn(AGAIN_MS);
    });
  }

  async #listOnce(givenUp: AbortSignal): Promise<void> {
    const { source, clock, timeoutMs = 5_000 } = this.#options;
    try {
      const list = await withDeadline(clock, timeoutMs, (signal) => source.list(signal), givenUp);
      this.#take(normalizePartitions(list));
    } catch (error) {
      // What nobody waits for any more has not failed.
      if (!givenUp.aborted) {
        this.#refuse(`the partition source failed: ${describeError(error)}`, error);
      }
    }
  }

  #take(partitions: StrategyPartition[]): void {
    if (partitions.length === 0 && !this.#options.allowEmpty) {
      this.#refuse("the partition source gave no partitions at all", undefined);
      return;
    }
    this.#problem = undefined;
    this.#failures = 0;
    const print = fingerprint(partitions);
    if (print === this.#print) return;
    this.#partitions = partitions;
    this.#print = print;
    this.#listeners.notify();
  }

  /** Keeps what is known and asks again later. */
  #refuse(message: string, cause: unknown): void {
    this.#report(message, cause);
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#failures++);
    if (this.#listeners.size === 0) this.#dirty = true;
    else this.#wakeIn(delayMs);
  }

  #wakeIn(delayMs: number): void {
    this.#retryTimer?.cancel();
    if (this.#listeners.size === 0) return;
    this.#retryTimer = this.#options.clock.setTimer(delayMs, () => this.#wake());
  }

  #report(message: string, cause: unknown): void {
    this.#problem = new PartiError("PARTI_SOURCE_FAILED", message, {
      cause,
      hint: this.known
        ? "the group goes on with the partitions it has; allow empty lists if an empty one was meant"
        : "nothing can be assigned before the source answers",
    });
    this.#options.onProblem?.(this.#problem);
  }
}

function closedProblem(): PartiError {
  return new PartiError("PARTI_SOURCE_FAILED", "the partition source was not asked", {
    hint: "nobody watches it any more: ask whoever leads now",
  });
}
