/**
 * A watch that does not end: where it is lost it is opened again, first soon, then less and less often.
 *
 * @module
 */
import { isPartiError } from "../errors.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { KvBucket, KvEntry, KvWatch } from "../ports/kv.ts";
import { backoffMs, jitter, type Random } from "../ports/random.ts";

const REOPEN_MS = 200;
const REOPEN_MAX_MS = 5_000;

/** What a steady watch needs. Its call-backs must not throw, and none comes after {@linkcode SteadyWatch.close}. */
export interface SteadyWatchOptions {
  /** The bucket. */
  readonly bucket: KvBucket;
  /** The keys, as a NATS subject pattern. */
  readonly pattern: string;
  /** How often the server says that the watch is still there, in milliseconds; as often as the bucket does by itself unless given. */
  readonly heartbeatMs?: number;
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: Random;
  /** A key changed or is being listed. After the watch was opened again the same state may come twice. */
  readonly onEntry: (entry: KvEntry) => void;
  /** All that was there when the watch was opened has been reported; once for each opening. */
  readonly onInitialized: () => void;
  /** The bucket is another one now: its revisions begin anew, and what was remembered of them is void. */
  readonly onAnew: () => void;
  /** It was lost and will be opened again. */
  readonly onError: (error: unknown) => void;
}

/** Keeps a watch open. */
export class SteadyWatch {
  readonly #options: SteadyWatchOptions;
  #watch: KvWatch | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #closed = false;

  /**
   * Begins to watch.
   *
   * @param options what it needs
   */
  constructor(options: SteadyWatchOptions) {
    this.#options = options;
    void this.#open();
  }

  /** Ends the watch. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#watch?.close();
  }

  /** Never rejects. */
  async #open(): Promise<void> {
    const { bucket, pattern, heartbeatMs, onEntry, onInitialized } = this.#options;
    try {
      const watch = await bucket.watch(pattern, {
        onEntry: (entry) => {
          if (!this.#closed) onEntry(entry);
        },
        onInitialized: () => {
          this.#failures = 0;
          if (!this.#closed) onInitialized();
        },
        onLost: (error) => {
          this.#watch = undefined;
          this.#reopen(error);
        },
      }, heartbeatMs === undefined ? {} : { heartbeatMs });
      if (this.#closed) await watch.close();
      else this.#watch = watch;
    } catch (error) {
      this.#reopen(error);
    }
  }

  #reopen(error: unknown): void {
    if (this.#closed) return;
    const { clock, random, onAnew, onError } = this.#options;
    if (isPartiError(error, "PARTI_NOT_FOUND")) onAnew();
    onError(error);
    // Told of it, the owner may have closed this.
    if (this.#closed) return;
    const delayMs = backoffMs(REOPEN_MS, this.#failures++, REOPEN_MAX_MS);
    this.#timer?.cancel();
    this.#timer = clock.setTimer(jitter(random, delayMs), () => void this.#open());
  }
}
