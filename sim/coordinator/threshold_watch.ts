/**
 * Ends a run as soon as a threshold fails that has `abortOnFail`: a night's run that has lost a message in its first hour has said what it
 * had to say.
 *
 * @module
 */
import type { Threshold } from "../config/threshold.ts";
import { checkThresholds, type ThresholdResult } from "../report/thresholds.ts";
import { pauseFor } from "../run/wait.ts";

/** What the watch needs. */
export interface ThresholdWatchOptions {
  /** All thresholds of the configuration. */
  readonly thresholds: readonly Threshold[];
  /** The figures as they are now. */
  readonly figures: (signal: AbortSignal) => Promise<object>;
  /** Called once, when thresholds have failed. */
  readonly onFail: (failed: readonly ThresholdResult[]) => void;
  /** How often it looks, in milliseconds. */
  readonly intervalMs?: number;
}

const INTERVAL_MS = 1_000;

/** The watch. */
export class ThresholdWatch {
  /** What has failed; empty while nothing has. */
  failed: readonly ThresholdResult[] = [];
  readonly #options: ThresholdWatchOptions;
  readonly #watched: readonly Threshold[];
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;

  /** @param options what it needs */
  constructor(options: ThresholdWatchOptions) {
    this.#options = options;
    this.#watched = options.thresholds.filter(({ abortOnFail }) => abortOnFail);
  }

  /**
   * Begins to watch: the load has begun.
   *
   * @param loadMs how long it has lasted already: a coordinator before this one may have begun it, in milliseconds
   */
  start(loadMs: number): void {
    if (this.#watched.length > 0) this.#running ??= this.#run(loadMs);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(loadMs: number): Promise<void> {
    const { figures, onFail, intervalMs = INTERVAL_MS } = this.#options;
    const { signal } = this.#stopped;
    const startMs = performance.now() - loadMs;
    while (!signal.aborted) {
      const elapsedMs = performance.now() - startMs;
      const due = this.#watched.filter(({ delayAbortEvalMs }) => elapsedMs >= delayAbortEvalMs);
      const results = due.length === 0 ? [] : checkThresholds(due, await figures(signal));
      const failed = results.filter(({ holds }) => !holds);
      if (failed.length > 0 && !signal.aborted) {
        this.failed = failed.map((result) => ({ ...result, endedRun: true }));
        return onFail(this.failed);
      }
      await pauseFor(intervalMs, signal);
    }
  }
}
