/**
 * Follows the assignment in force: one watch, read again after reconnects and on a slow period. Older snapshots than the last one
 * are ignored, whoever wrote them.
 *
 * @module
 */
import { sameBytes } from "../codec.ts";
import { isPartiError } from "../errors.ts";
import { SteadyWatch } from "../membership/steady_watch.ts";
import { CURRENT_KEY } from "../names.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { backoffMs, jitter, type Random } from "../ports/random.ts";
import { compareSnapshots, type Snapshot } from "./snapshot.ts";
import { partsOf } from "./snapshot_parts.ts";
import { readSnapshot, sharedEntry } from "./snapshot_store.ts";

/** What following needs. */
export interface AssignmentFollowerOptions {
  /** The assignment bucket. */
  readonly bucket: KvBucket;
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: Random;
  /** How often `current` is read although the watch says nothing, in milliseconds. */
  readonly rereadEveryMs: number;
  /** Told of each newer snapshot, in order. `before` is the one it replaces. */
  readonly onSnapshot: (snapshot: Snapshot, before: Snapshot | undefined) => void;
  /** Told when something failed and is tried again. */
  readonly onError: (error: unknown) => void;
}

/** Every worker has such a watch, and at rest this is all that it costs: a message for each worker. */
const WATCH_HEARTBEAT_MS = 2_000;
const RETRY_MS = 100;
const RETRY_MAX_MS = 5_000;

/** Follows `current`. */
export class AssignmentFollower {
  readonly #options: AssignmentFollowerOptions;
  readonly #watch: SteadyWatch;
  #latest: Snapshot | undefined;
  #rereadTimer: Timer | undefined;
  #retryTimer: Timer | undefined;
  #pending: KvEntry | undefined;
  /** What was read last, and understood. */
  #known: KvEntry | undefined;
  #failures = 0;
  #closed = false;

  /** @param options what it needs */
  constructor(options: AssignmentFollowerOptions) {
    this.#options = options;
    const { bucket, clock, random, onError } = options;
    this.#watch = new SteadyWatch({
      bucket,
      pattern: CURRENT_KEY,
      heartbeatMs: WATCH_HEARTBEAT_MS,
      clock,
      random,
      onEntry: (entry) => this.#take(entry),
      onInitialized: () => {},
      // Revisions decide nothing here for longer than a moment; epochs and generations go on in a new bucket.
      onAnew: () => {},
      onError,
    });
    this.#armReread();
  }

  /** The newest snapshot seen. */
  get latest(): Snapshot | undefined {
    return this.#latest;
  }

  /** Reads `current` now, as after a reconnect. Never rejects. */
  async reread(): Promise<void> {
    try {
      const entry = await this.#options.bucket.get(CURRENT_KEY);
      if (entry !== undefined) this.#take(entry);
    } catch (error) {
      this.#retry(error);
    }
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#rereadTimer?.cancel();
    this.#retryTimer?.cancel();
    await this.#watch.close();
  }

  #armReread(): void {
    if (this.#closed) return;
    const { clock, random, rereadEveryMs } = this.#options;
    this.#rereadTimer = clock.setTimer(jitter(random, rereadEveryMs), async () => {
      await this.reread();
      this.#armReread();
    });
  }

  #take(entry: KvEntry): void {
    if (this.#closed || entry.operation === "removed") return;
    // What is being read is not read once more.
    if (this.#pending !== undefined && entry.revision <= this.#pending.revision) return;
    // Most of what is read again is what is known.
    if (this.#known !== undefined && isSame(entry, this.#known)) {
      this.#failures = 0;
      return;
    }
    this.#pending = entry;
    void this.#read(entry);
  }

  /**
   * Reads what an entry says. Never rejects. Nothing newer waits for it: a request that is lost would keep all of that back until its
   * timeout, and what the worker does meanwhile it would do by an old right.
   */
  async #read(entry: KvEntry): Promise<void> {
    let failure: unknown;
    try {
      await this.#readOne(entry);
    } catch (error) {
      failure = error;
    }
    // Something newer has come meanwhile: that one counts.
    if (this.#closed || this.#pending !== entry) return;
    this.#pending = undefined;
    if (failure === undefined) {
      this.#failures = 0;
      this.#known = sharedEntry(entry);
    } else this.#retry(failure);
  }

  async #readOne(entry: KvEntry): Promise<void> {
    const newest = partsOf(entry).at(-1);
    const known = this.#latest;
    // What is known already need not be put together again.
    const isNews = newest === undefined || known === undefined ||
      compareSnapshots(newest, known) > 0;
    if (isNews) this.#accept(await readSnapshot(this.#options.bucket, entry, known));
  }

  #accept(snapshot: Snapshot): void {
    const before = this.#latest;
    if (this.#closed || (before !== undefined && compareSnapshots(snapshot, before) <= 0)) return;
    this.#latest = snapshot;
    this.#options.onSnapshot(snapshot, before);
  }

  /** What could not be read is read again soon: the watch has said all it knows. */
  #retry(error: unknown): void {
    if (this.#closed) return;
    const { clock, random, onError } = this.#options;
    // A missing chunk usually means that a newer pointer is on its way.
    if (!isPartiError(error, "PARTI_NOT_FOUND") || this.#failures > 0) onError(error);
    // What cannot be understood will not be understood any better in a moment; a newer one is reported by the watch.
    if (isPartiError(error, "PARTI_INVALID_ASSIGNMENT") || this.#closed) return;
    const delayMs = backoffMs(RETRY_MS, this.#failures++, RETRY_MAX_MS);
    this.#retryTimer?.cancel();
    this.#retryTimer = clock.setTimer(jitter(random, delayMs), () => void this.reread());
  }
}

/** Compared by the bytes as well: a bucket made anew counts from the beginning. */
function isSame(one: KvEntry, other: KvEntry): boolean {
  return one.revision === other.revision && sameBytes(one.value, other.value);
}

/**
 * How often a follower reads its assignment again although nothing was heard: with jitter, between half of this and all of it.
 *
 * @param config of the group
 * @returns the longest time between two readings, in milliseconds
 */
export function rereadEveryMs({ heartbeatTtlMs }: { readonly heartbeatTtlMs: number }): number {
  return heartbeatTtlMs * 2;
}
