/**
 * Pauses between tries: longer each time, with jitter, and none once it is all over.
 *
 * @module
 */
import { sleep } from "../../ports/clock.ts";
import { backoffMs, jitter } from "../../ports/random.ts";
import type { World } from "../../ports/world.ts";

/** The first pause, in milliseconds; it doubles. */
const FIRST_MS = 50;
/** The longest one, in milliseconds. */
const LONGEST_MS = 5_000;

/** Pauses of one copier. */
export class Pauses {
  /** Ends all of them. */
  readonly signal: AbortSignal;
  readonly #world: Pick<World, "clock" | "random">;

  /**
   * @param world time and jitter
   * @param signal ends all of them
   */
  constructor(world: Pick<World, "clock" | "random">, signal: AbortSignal) {
    this.#world = world;
    this.signal = signal;
  }

  /**
   * Waits before the next try.
   *
   * @param error why the last one failed
   * @param tried how many have failed in a row
   * @throws that error, if it is all over
   */
  async afterFailure(error: unknown, tried: number): Promise<void> {
    const pauseMs = backoffMs(FIRST_MS, tried - 1, LONGEST_MS);
    if (!this.signal.aborted) await this.about(pauseMs);
    if (this.signal.aborted) throw error;
  }

  /**
   * Waits, or until it is all over.
   *
   * @param longestMs how long at most, in milliseconds; it is at least half of it
   */
  about(longestMs: number): Promise<void> {
    const { clock, random } = this.#world;
    return sleep(clock, jitter(random, longestMs), this.signal);
  }
}
