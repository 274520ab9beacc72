/**
 * Watches by what right handlers start.
 *
 * @module
 */
import type { Assertions } from "../assertions/assertions.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { Excuses } from "./excuses.ts";
import { describeStart, type HandlerStart, type WorkerView } from "./handler_start.ts";

/** What the watch needs. */
export interface RightWatchOptions {
  /** Where it tells what it finds. */
  readonly assertions: Assertions<CoreCatalog>;
  /** Whom the others may take for dead. */
  readonly excuses: Excuses;
  /** Who holds a stable ID, as the bucket of leases says. */
  readonly holderOf: (worker: string) => string | undefined;
}

/** Sees the beginning of each handler. */
export class RightWatch {
  readonly #options: RightWatchOptions;

  /** @param options what it needs */
  constructor(options: RightWatchOptions) {
    this.#options = options;
  }

  /**
   * A handler starts.
   *
   * @param start the handler
   * @param view what its worker knows
   */
  begin(start: HandlerStart, { isConnected, connectedAtMs, following }: WorkerView): void {
    const { assertions, excuses, holderOf } = this.#options;
    const { instance, worker, epoch, generation } = start.right;
    assertions.always(
      "only under a valid lease",
      holderOf(worker) === instance || excuses.has(instance),
      () => `${describeStart(start)} started; ${holderOf(worker)} holds it`,
    );
    assertions.always(
      "nothing begins without a connection",
      isConnected,
      () => `${describeStart(start)} started while the connection is away`,
    );
    const renewedMs = excuses.renewedMs(instance);
    assertions.always(
      "nothing begins unproven",
      renewedMs >= connectedAtMs,
      () =>
        `${
          describeStart(start)
        } started; connected since ${connectedAtMs}, renewed at ${renewedMs}`,
    );
    if (following === undefined) return;
    assertions.always(
      "a handler has the newest right",
      epoch === following.epoch && generation === following.generation,
      () =>
        `${describeStart(start)} started; it follows ${following.epoch}.${following.generation}`,
    );
  }
}
