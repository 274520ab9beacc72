/**
 * What is under way of events besides their acts, and how long it is waited for when chaos is to end.
 *
 * @module
 */
import type { ChaosRecord } from "../report/report.ts";
import { pauseFor } from "../run/wait.ts";

/** What is under way of an event besides its act. */
export interface Pending {
  /** The event's place in the book. */
  readonly record: ChaosRecord;
  /** Whether the event's fault lasts until then. */
  readonly lasts: boolean;
  /** Resolves when it is done. */
  readonly done: Promise<void>;
}

/** How long it is waited for. */
export interface Patience {
  /** So long at most, in milliseconds. */
  readonly settleMs: number;
  /** So long after the signal, in milliseconds. */
  readonly stopMs: number;
  /** Ends the run early. */
  readonly signal: AbortSignal | undefined;
}

/** All of it. */
export class PuttingBack {
  readonly #open = new Set<Pending>();
  readonly #left = new AbortController();

  /** Whether the run was to end early, and what was not done by then was left to its end. */
  get isLeft(): boolean {
    return this.#left.signal.aborted;
  }

  /**
   * Something is under way.
   *
   * @param pending what it is
   */
  begin(pending: Pending): void {
    this.#open.add(pending);
  }

  /**
   * It is done, or given up.
   *
   * @param pending what it is
   * @returns false if it was given up before
   */
  end(pending: Pending): boolean {
    return this.#open.delete(pending);
  }

  /**
   * Waits until all is done. Where the run is to end early nobody is blamed for what is not: it ends with the servers and processes.
   *
   * @param patience how long
   * @param giveUp called for each that is not done in time; has to end it
   */
  async settle(patience: Patience, giveUp: (pending: Pending) => void): Promise<void> {
    const settled = new AbortController();
    const leaving = this.#leaveWhenStopped(patience, settled.signal);
    // What an event has to bring about is given up by its validation, whose window begins when all is put back.
    await this.#untilDone(patience, giveUp, ({ lasts }) => lasts);
    await this.#untilDone(patience, giveUp, () => true);
    settled.abort();
    await leaving;
  }

  async #leaveWhenStopped({ signal, stopMs }: Patience, settled: AbortSignal): Promise<void> {
    if (signal === undefined) return;
    await pauseFor(Number.POSITIVE_INFINITY, AbortSignal.any([signal, settled]));
    await pauseFor(stopMs, settled);
    if (!settled.aborted) this.#left.abort();
  }

  async #untilDone(
    { settleMs }: Patience,
    giveUp: (pending: Pending) => void,
    isMeant: (pending: Pending) => boolean,
  ): Promise<void> {
    const deadlineMs = performance.now() + settleMs;
    const open = () => [...this.#open].filter(isMeant);
    while (open().length > 0 && !this.isLeft) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) return open().forEach(giveUp);
      const inTime = new AbortController();
      const all = Promise.all(open().map(({ done }) => done));
      const late = AbortSignal.any([inTime.signal, this.#left.signal]);
      await Promise.race([all, pauseFor(leftMs, late)]);
      inTime.abort();
    }
  }
}
