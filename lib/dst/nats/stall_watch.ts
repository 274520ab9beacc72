/**
 * Notices that a pull hears nothing any more, as the real one does by counting ticks without a sign of life. The server gives one per tick
 * while a request is open, so ticks are only counted while it cannot, or while what it says does not arrive.
 *
 * @module
 */
import type { Clock, Timer } from "../../ports/clock.ts";

/** What is watched. */
export interface StallWatchOptions {
  /** The client's clock. */
  readonly clock: Clock;
  /** How often the server gives a sign of life while a request is open, and how often one is looked for, in milliseconds. */
  readonly heartbeatMs: number;
  /** Whether something was asked for on a connection that is up. */
  readonly isExpecting: () => boolean;
  /** Whether the server has an open request and what it says arrives. */
  readonly isBeating: () => boolean;
  /** Nothing was heard for too long. */
  readonly onStalled: () => void;
}

/** Ticks without any sign of life before a pull is given up. */
export const MISSED_HEARTBEATS = 2;

/** Watches one pull. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  readonly #startedMs: number;
  #heardMs: number;
  #missed = 0;
  #tick: Timer | undefined;

  /** @param options what is watched */
  constructor(options: StallWatchOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonicMs();
    this.#heardMs = this.#startedMs;
  }

  /** Something arrived. */
  onHeard(): void {
    this.#missed = 0;
    this.#heardMs = this.#options.clock.monotonicMs();
  }

  /** The server may have fallen silent. */
  look(): void {
    if (this.#tick !== undefined || !this.#isSilent()) return;
    const nowMs = this.#options.clock.monotonicMs();
    const { heartbeatMs } = this.#options;
    // Until now there was a heartbeat per period, and maybe a tick since the last one.
    const sinceMs = (nowMs - this.#heardMs) % heartbeatMs;
    this.#missed = this.#ticksUntil(nowMs) - this.#ticksUntil(nowMs - sinceMs);
    this.#await();
  }

  /** Ends the watch. */
  close(): void {
    this.#tick?.cancel();
    this.#tick = undefined;
  }

  #isSilent(): boolean {
    return this.#options.isExpecting() && !this.#options.isBeating();
  }

  #ticksUntil(atMs: number): number {
    return Math.floor((atMs - this.#startedMs) / this.#options.heartbeatMs);
  }

  #await(): void {
    const { clock, heartbeatMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const nextMs = this.#startedMs + (this.#ticksUntil(nowMs) + 1) * heartbeatMs;
    this.#tick = clock.setTimer(nextMs - nowMs, () => this.#onTick());
  }

  #onTick(): void {
    this.#tick = undefined;
    if (!this.#isSilent()) this.onHeard();
    else if (++this.#missed > MISSED_HEARTBEATS) this.#options.onStalled();
    else this.#await();
  }
}
