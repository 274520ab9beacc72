/**
 * Follows the assignment in force: one watch, read again after reconnects and on a slow period. Older snapshots than the last one
 * are ignored, whoever wrote them.
 *
 * @module
 */
import { isPartiError } from "../errors.ts";
import { CURRENT_KEY } from "../names.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { KvBucket, KvEntry, KvWatch } from "../ports/kv.ts";
import { jitter, type Random } from "../ports/random.ts";
import { readSnapshot } from "./publication.ts";
import { compareSnapshots, type Snapshot } from "./snapshot.ts";

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

const RETRY_MS = 200;

/** Follows `current`. */
export class AssignmentFollower {
  readonly #options: AssignmentFollowerOptions;
  #latest: Snapshot | undefined;
  #watch: KvWatch | undefined;
  #rereadTimer: Timer | undefined;
  #reopenTimer: Timer | undefined;
  #pending: KvEntry | undefined;
  #reading = false;
  #closed = false;

  /** @param options what it needs */
  constructor(options: AssignmentFollowerOptions) {
    this.#options = options;
    void this.#open();
    this.#armReread();
  }

  /** The newest snapshot seen. */
  get latest(): Snapshot | undefined {
    return this.#latest;
  }

  /** Reads `current` now, as after a reconnect. */
  async reread(): Promise<void> {
    try {
      const entry = await this.#options.bucket.get(CURRENT_KEY);
      if (entry !== undefined) this.#take(entry);
    } catch (error) {
      if (!this.#closed) this.#options.onError(error);
    }
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#rereadTimer?.cancel();
    this.#reopenTimer?.cancel();
    await this.#watch?.close();
  }

  async #open(): Promise<void> {
    try {
      const watch = await this.#options.bucket.watch(CURRENT_KEY, {
        onEntry: (entry) => this.#take(entry),
        onLost: (error) => this.#reopen(error),
      });
      if (this.#closed) await watch.close();
      else this.#watch = watch;
    } catch (error) {
      this.#reopen(error);
    }
  }

  #reopen(error: unknown): void {
    if (this.#closed) return;
    this.#watch = undefined;
    this.#options.onError(error);
    this.#reopenTimer?.cancel();
    this.#reopenTimer = this.#options.clock.setTimer(
      jitter(this.#options.random, RETRY_MS),
      () => void this.#open(),
    );
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
    if (entry.operation === "removed") return;
    if (this.#pending !== undefined && entry.revision <= this.#pending.revision) return;
    this.#pending = entry;
    if (!this.#reading) void this.#read();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    while (this.#pending !== undefined && !this.#closed) {
      const entry = this.#pending;
      try {
        const snapshot = await readSnapshot(this.#options.bucket, entry);
        this.#accept(snapshot);
      } catch (error) {
        // A missing chunk means that a newer pointer is on its way; the next read finds it.
        if (!this.#closed && !isPartiError(error, "PARTI_NOT_FOUND")) this.#options.onError(error);
      }
      if (this.#pending === entry) this.#pending = undefined;
    }
    this.#reading = false;
  }

  #accept(snapshot: Snapshot): void {
    const before = this.#latest;
    if (this.#closed || (before !== undefined && compareSnapshots(snapshot, before) <= 0)) return;
    this.#latest = snapshot;
    this.#options.onSnapshot(snapshot, before);
  }
}
