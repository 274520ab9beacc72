/**
 * The leader's view of the partition source: read when it says that it changed, when somebody asks, and when the last reading failed. What
 * is known is kept until there is something better: neither an error nor an empty answer wipes a running group.
 *
 * @module
 */
import { PartiError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { PartitionSource, StrategyPartition } from "./partition.ts";
import { normalizePartitions } from "./validate.ts";

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

const RETRY_MS = 1_000;

/** A guarded, cached reading of a source. */
export class SourceView {
  readonly #options: SourceViewOptions;
  #partitions: readonly StrategyPartition[] | undefined;
  #dirty = true;
  #retryAtMs = 0;

  /** @param options what it needs */
  constructor(options: SourceViewOptions) {
    this.#options = options;
  }

  /** Whether there has been a usable answer yet. */
  get known(): boolean {
    return this.#partitions !== undefined;
  }

  /** The partitions, sorted, as last known. */
  get partitions(): readonly StrategyPartition[] {
    return this.#partitions ?? [];
  }

  /** When a failed reading is to be tried again, on the monotonic clock; undefined if none is. */
  get retryAtMs(): number | undefined {
    return this.#dirty ? this.#retryAtMs : undefined;
  }

  /** Calls `onChange` when the source has something new. */
  watch(onChange: () => void): { close(): void | Promise<void> } | undefined {
    return this.#options.source.watch?.(() => {
      this.#dirty = true;
      this.#retryAtMs = 0;
      onChange();
    });
  }

  /**
   * Reads the source if there is reason to.
   *
   * @param force read it in any case
   * @throws {PartiError} `PARTI_SOURCE_FAILED` only if `force` is set; otherwise `onProblem` is told
   */
  async refresh(force: boolean): Promise<void> {
    const { clock, onProblem } = this.#options;
    if (!force && (!this.#dirty || clock.monotonicMs() < this.#retryAtMs)) return;
    this.#dirty = false;
    try {
      const partitions = await this.#read();
      if (partitions.length === 0 && this.partitions.length > 0 && !this.#options.allowEmpty) {
        throw new PartiError("PARTI_SOURCE_FAILED", "the partition source answered with nothing", {
          hint: "the group goes on with what it has; an empty group must be allowed explicitly",
        });
      }
      this.#partitions = partitions;
    } catch (error) {
      this.#dirty = true;
      this.#retryAtMs = clock.monotonicMs() + RETRY_MS;
      onProblem(error);
      if (force) throw error;
    }
  }

  async #read(): Promise<readonly StrategyPartition[]> {
    const { source, clock, timeoutMs } = this.#options;
    const abort = new AbortController();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = clock.setTimer(timeoutMs, () => {
      abort.abort();
      reject(new PartiError("PARTI_SOURCE_FAILED", `no answer within ${timeoutMs} ms`));
    });
    try {
      return normalizePartitions(await Promise.race([source.list(abort.signal), late]));
    } catch (error) {
      throw new PartiError("PARTI_SOURCE_FAILED", "the partition source could not be read", {
        cause: error,
      });
    } finally {
      timer.cancel();
    }
  }
}
