/**
 * The gate before the handlers: it shuts when the connection goes, and opens once a renewal after the reconnect has proven that
 * the lease was not taken away meanwhile.
 *
 * @module
 */
import { settled } from "./abort.ts";
import { type Clock, sleep } from "./ports/clock.ts";
import type { Messaging } from "./ports/messaging.ts";

/** What the gate needs. */
export interface ConnectionGateOptions {
  /** Time. */
  readonly clock: Clock;
  /** Whether the connection is up. */
  readonly messaging: Pick<Messaging, "connected">;
  /** Renews the lease and tells whether that succeeded: `Lease.confirm`; undefined while there is no lease. */
  readonly confirm: () => Promise<boolean> | undefined;
  /** Fires when the session is over: the gate then stays as it is. */
  readonly signal: AbortSignal;
}

/** How long after a renewal that proved nothing the next one is tried, in milliseconds. */
const CONFIRM_AGAIN_MS = 100;

/** Open at first. */
export class ConnectionGate {
  readonly #options: ConnectionGateOptions;
  #shut: PromiseWithResolvers<void> | undefined;

  /** @param options what it needs */
  constructor(options: ConnectionGateOptions) {
    this.#options = options;
  }

  /** The connection is gone: nobody gets through until {@linkcode ConnectionGate.reopen} has found proof. */
  shut(): void {
    this.#shut ??= Promise.withResolvers<void>();
  }

  /**
   * Whether one may go through.
   *
   * @param signal gives up waiting
   * @returns undefined if so; otherwise resolves when one may, or the signal has fired. Never rejects
   */
  pass(signal: AbortSignal): Promise<void> | undefined {
    return this.#shut && settled(this.#shut.promise, signal);
  }

  /**
   * The connection is back. A renewal that succeeds now proves that nobody has taken the lease meanwhile, and opens the gate. One
   * that is refused ends the session.
   *
   * @returns when the gate is open, the connection gone again or the session over
   * @throws what `confirm` throws
   */
  async reopen(): Promise<void> {
    const { clock, messaging, confirm, signal } = this.#options;
    while (!signal.aborted && messaging.connected) {
      if (await confirm()) {
        this.#shut?.resolve();
        this.#shut = undefined;
        return;
      }
      await sleep(clock, CONFIRM_AGAIN_MS, signal);
    }
  }
}
