/**
 * Watches the leader's lease: whoever has just renewed it keeps it. Taking it away by mistake breaks no other promise, since the next leader
 * writes under an epoch of its own; but a group whose leaders depose each other gets nothing done.
 *
 * @module
 */
import type { Assertions } from "../assertions/assertions.ts";
import type { CoreCatalog } from "./catalog.ts";
import { type Excuses, SURELY_ALIVE } from "./excuses.ts";

/** What the watch needs. */
export interface LeaderWatchOptions {
  /** Where it tells what it finds. */
  readonly assertions: Assertions<CoreCatalog>;
  /** Whom the others may take for dead. */
  readonly excuses: Excuses;
  /** How long the leader's lease lasts, in milliseconds. */
  readonly ttlMs: number;
}

/** Sees who leads, as the bucket of leases says. */
export class LeaderWatch {
  readonly #options: LeaderWatchOptions;
  #holder: { readonly instance: string; readonly renewedMs: number } | undefined;

  /** @param options what it needs */
  constructor(options: LeaderWatchOptions) {
    this.#options = options;
  }

  /**
   * The leader's lease was written.
   *
   * @param instance who leads, as it says
   * @param nowMs when, in true virtual milliseconds
   * @param isLeading whether an instance takes itself for the leader
   */
  leased(instance: string, nowMs: number, isLeading: (instance: string) => boolean): void {
    const before = this.#holder;
    this.#holder = { instance, renewedMs: nowMs };
    if (before === undefined || before.instance === instance) return;
    const { assertions, excuses, ttlMs } = this.#options;
    const silentMs = nowMs - before.renewedMs;
    const isOver = silentMs > SURELY_ALIVE * ttlMs || excuses.has(before.instance);
    assertions.always(
      "whoever leads is not deposed",
      isOver || !isLeading(before.instance),
      () =>
        `${instance} has taken the lead from ${before.instance}, ${silentMs} ms after it renewed its lease`,
    );
  }

  /** The leader's lease was given back, or is over. */
  unleased(): void {
    this.#holder = undefined;
  }
}
