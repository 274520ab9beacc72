/**
 * The sweeper sees to it that no lane of a dead instance stays: as soon as somebody has gone, again and again until it has
 * succeeded, and now and then without a reason, since a zombie may have made a lane with its last breath.
 *
 * @module
 */
import type { Clock, Timer } from "../../ports/clock.ts";
import { backoffMs, jitter, type Random } from "../../ports/random.ts";
import type { Reaped } from "./lane_reaper.ts";
import type { PartitionId } from "../partition.ts";

/** What the sweeper needs. */
export interface LaneSweeperOptions {
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: Random;
  /** How often to look without a reason, in milliseconds. */
  readonly everyMs: number;
  /** Deletes the lanes of whoever is not alive, see `LaneReaper.reap`; throws nothing. */
  readonly reap: (
    isAlive: (instance: string) => boolean,
    isOver: (instance: string) => boolean,
  ) => Promise<Reaped>;
  /** Whether an instance is alive at this moment. */
  readonly isAlive: (instance: string) => boolean;
  /** Told of each instance that was reported gone, once its lanes are deleted: what it held is free. Must not throw. */
  readonly onFreed: (instance: string, partitions: readonly PartitionId[]) => void;
}

const RETRY_MS = 100;
const RETRY_MAX_MS = 5_000;

/** Keeps sweeping. */
export class LaneSweeper {
  readonly #options: LaneSweeperOptions;
  readonly #gone = new Map<string, readonly PartitionId[]>();
  /** Who has gone and may not know it yet, with the timer that ends the grace. */
  readonly #spared = new Map<string, Timer>();
  #timer: Timer | undefined;
  #sweeping = false;
  #again = false;
  #failures = 0;
  #closed = false;

  /** @param options what it needs */
  constructor(options: LaneSweeperOptions) {
    this.#options = options;
  }

  /**
   * Somebody has gone. Sweeps in the background.
   *
   * @param instance who
   * @param partitions what it held
   * @param graceMs how long to wait, in milliseconds; 0 for whoever is proven dead. Somebody whose lease merely is not there any
   * more may still be at work and is about to learn of it: deleting its lanes before that would let another start beside it
   */
  bury(instance: string, partitions: readonly PartitionId[], graceMs = 0): void {
    if (this.#closed) return;
    this.#gone.set(instance, partitions);
    if (graceMs === 0) return this.sweep();
    const { clock } = this.#options;
    this.#spared.get(instance)?.cancel();
    this.#spared.set(
      instance,
      clock.setTimer(graceMs, () => {
        this.#spared.delete(instance);
        this.sweep();
      }),
    );
  }

  /** Sweeps at once, in the background. */
  sweep(): void {
    if (this.#closed) return;
    this.#again = true;
    if (!this.#sweeping) void this.#run();
  }

  /** Ends it. Nothing is deleted any more but what is being deleted. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const timer of this.#spared.values()) timer.cancel();
    this.#spared.clear();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#sweeping = true;
    this.#timer?.cancel();
    let complete = true;
    while (this.#again && !this.#closed) {
      this.#again = false;
      complete = await this.#sweepOnce();
      if (!complete) break;
    }
    this.#sweeping = false;
    if (!this.#closed) this.#arm(complete);
  }

  async #sweepOnce(): Promise<boolean> {
    const { reap, isAlive, onFreed } = this.#options;
    const due = [...this.#gone].filter(([instance]) => !this.#spared.has(instance));
    const { complete } = await reap(
      (instance) => this.#closed || this.#spared.has(instance) || isAlive(instance),
      (instance) => this.#gone.has(instance),
    );
    if (!complete || this.#closed) return complete;
    for (const [instance, partitions] of due) {
      this.#gone.delete(instance);
      onFreed(instance, partitions);
    }
    return true;
  }

  #arm(complete: boolean): void {
    const { clock, random, everyMs } = this.#options;
    this.#failures = complete ? 0 : this.#failures + 1;
    const delayMs = complete ? everyMs : backoffMs(RETRY_MS, this.#failures, RETRY_MAX_MS);
    this.#timer = clock.setTimer(jitter(random, delayMs), () => this.sweep());
  }
}
