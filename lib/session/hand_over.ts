/**
 * Handing over before leaving: others get the partitions first, then what runs is finished, then the application is told that
 * nothing is left.
 *
 * @module
 */
import { unlessAborted } from "../abort.ts";
import type { AssignmentApplier } from "./assignment_applier.ts";
import type { WorkerConsumer } from "../consumption/worker_consumer.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { decodeWorkerRecord } from "../membership/worker_lease.ts";
import { WORKER_KEYS } from "../names.ts";
import { emptied } from "./own_assignment.ts";
import { type Clock, sleep } from "../ports/clock.ts";
import type { KvBucket } from "../ports/kv.ts";
import type { SessionEvents } from "./session_options.ts";

/** What handing over needs. */
export interface HandOverOptions {
  /** Time. */
  readonly clock: Clock;
  /** The lease bucket, in which the heirs are. */
  readonly leases: Pick<KvBucket, "list">;
  /** Who leaves. */
  readonly instance: string;
  /** What is handed over. */
  readonly applier: Pick<AssignmentApplier, "assignment" | "letGo">;
  /** The consumer; undefined before it is made, and where the application consumes by itself. */
  readonly consumer: () => Pick<WorkerConsumer, "health"> | undefined;
  /** Tells the group that this worker leaves. */
  readonly announce: () => Promise<void> | undefined;
  /** Who is told. */
  readonly events: Pick<SessionEvents, "onAssignment" | "onError">;
  /** Fires when the session is over. */
  readonly signal: AbortSignal;
}

/** How often a leaver looks whether there is still an heir, in milliseconds. */
const LOOK_MS = 250;

/** Hands over, once. */
export class HandOver {
  readonly #options: HandOverOptions;
  #onEmpty: () => void = () => {};

  /** @param options what it needs */
  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  /** The assignment gives this worker nothing any more: who waits for that goes on at once. */
  emptied(): void {
    this.#onEmpty();
  }

  /**
   * Hands over. Never throws; why it could not is told.
   *
   * @param deadline fires when waiting for others and for running handlers must end
   * @returns true if nothing is held any more
   */
  async run(deadline: AbortSignal): Promise<boolean> {
    try {
      await unlessAborted(this.#handOver(deadline), deadline);
      return true;
    } catch (error) {
      this.#options.events.onError(
        isPartiError(error, "PARTI_ABORTED")
          ? new PartiError("PARTI_SHUTDOWN_TIMEOUT", "not everything was handed over in time", {
            hint: "raise shutdownTimeout, or let handlers heed their abort signal",
          })
          : error,
      );
      return this.#holdsNothing();
    }
  }

  #holdsNothing(): boolean {
    const { consumer, applier } = this.#options;
    const health = consumer()?.health();
    if (health === undefined) return (applier.assignment?.partitions.length ?? 0) === 0;
    return health.lanes === 0 && health.running === 0 && health.waiting.length === 0;
  }

  /** Everything a leaver waits for. */
  async #handOver(deadline: AbortSignal): Promise<void> {
    const { applier, announce, events, signal } = this.#options;
    await announce();
    await this.#untilOthersHaveIt(deadline);
    await applier.letGo();
    // Nobody was there to take them, or not in time: the application is told before the lease goes.
    const last = applier.assignment;
    if (last === undefined || signal.aborted) return;
    await events.onAssignment(emptied(last));
  }

  /** Waits until the assignment gives this worker nothing any more, or nobody is left to give it to. */
  async #untilOthersHaveIt(deadline: AbortSignal): Promise<void> {
    const { clock, leases, instance, applier, events, signal } = this.#options;
    const empty = new AbortController();
    this.#onEmpty = () => empty.abort();
    const either = AbortSignal.any([deadline, empty.signal]);
    while (!deadline.aborted && !signal.aborted) {
      if ((applier.assignment?.partitions.length ?? 0) === 0) return;
      try {
        const entries = await leases.list(WORKER_KEYS);
        const heirs = entries.map(decodeWorkerRecord).filter((record) =>
          record !== undefined && !record.leaving && record.instance !== instance
        );
        if (heirs.length === 0) return;
      } catch (error) {
        events.onError(error);
        if (isPartiError(error, "PARTI_DISCONNECTED")) return;
      }
      await sleep(clock, LOOK_MS, either);
    }
  }
}
