/**
 * The gate before the handlers: it shuts when the connection goes, and opens once it is proven after the reconnect that neither lease
 * nor lanes were taken away meanwhile. Handlers that are through already go on for a grace: no longer, since that is how long
 * others wait before they take a worker without a connection for dead.
 *
 * @module
 */
import { settled } from "../abort.ts";
import { type Clock, sleep, type Timer } from "../ports/clock.ts";
import type { Messaging } from "../ports/messaging.ts";

/** What the gate needs. */
export interface ConnectionGateOptions {
  /** Time. */
  readonly clock: Clock;
  /** Whether the connection is up. */
  readonly messaging: Pick<Messaging, "connected">;
  /** Proves that lease and lanes are still held, and tells whether they are. */
  readonly confirm: () => Promise<boolean>;
  /** How long the connection may be away before the others may take over, in milliseconds. */
  readonly graceMs: number;
  /** Told when it has been away for so long; once for each time it goes. Must not throw. */
  readonly onAway: () => void;
  /** Fires when the session is over: the gate then stays as it is. */
  readonly signal: AbortSignal;
}

/** How long after a renewal that proved nothing the next one is tried, in milliseconds. */
const CONFIRM_AGAIN_MS = 100;

/** Open at first. */
export class ConnectionGate {
  readonly #options: ConnectionGateOptions;
  #shut: PromiseWithResolvers<void> | undefined;
  /** Counts how often the connection went: a proof is worth something only on the connection it came over. */
  #cuts = 0;
  #grace: Timer | undefined;
  readonly #endGrace = (): void => this.#grace?.cancel();

  /** @param options what it needs */
  constructor(options: ConnectionGateOptions) {
    this.#options = options;
  }

  /** The connection is gone: nobody gets through until {@linkcode ConnectionGate.reopen} has found proof. */
  shut(): void {
    const { clock, graceMs, onAway, signal } = this.#options;
    this.#cuts++;
    this.#shut ??= Promise.withResolvers<void>();
    if (!signal.aborted) this.#grace ??= clock.setTimer(graceMs, onAway);
    // Not before, since most connections never go; and not twice, as it is the same function.
    signal.addEventListener("abort", this.#endGrace);
  }

  /**
   * Whether one may go through.
   *
   * @param signal gives up waiting; asked for only if there is something to wait for
   * @returns undefined if so; otherwise resolves when one may, or the signal has fired. Never rejects
   */
  pass(signal: () => AbortSignal): Promise<void> | undefined {
    return this.#shut && settled(this.#shut.promise, signal());
  }

  /**
   * The connection is back. A renewal that succeeds now proves that nobody has taken the lease meanwhile, and opens the gate. One
   * that is refused ends the session. Should the connection go again before the proof has come, the next reconnect needs another.
   *
   * @returns when the gate is open, the connection gone again or the session over
   * @throws what `confirm` throws
   */
  async reopen(): Promise<void> {
    const { clock, messaging, confirm, signal } = this.#options;
    const cuts = this.#cuts;
    const isMoot = () => signal.aborted || !messaging.connected || cuts !== this.#cuts;
    while (!isMoot()) {
      const isProven = await confirm();
      if (isMoot()) return;
      if (isProven) {
        // Not before: to the others, a connection that comes for moments only is away.
        this.#grace?.cancel();
        this.#grace = undefined;
        this.#shut?.resolve();
        this.#shut = undefined;
        return;
      }
      await sleep(clock, CONFIRM_AGAIN_MS, signal);
    }
  }
}
