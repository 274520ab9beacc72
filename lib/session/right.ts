/**
 * A session's right to handle messages: a lease in force, and after the connection was away the proof, over the new one, that nothing was
 * taken away meanwhile.
 *
 * @module
 */
import { ConnectionGate } from "./connection_gate.ts";
import type { WorkerConsumer } from "../consumption/worker_consumer.ts";
import type { Lease } from "../membership/lease.ts";
import type { World } from "../ports/world.ts";
import type { SessionEvents, SessionRight } from "./session_options.ts";

/** What the right rests on. */
export interface RightOptions {
  /** The world. */
  readonly world: Pick<World, "clock" | "messaging" | "buggify">;
  /** How long the connection may be away before others may take over, in milliseconds. */
  readonly graceMs: number;
  /** The lease; undefined before it is claimed. */
  readonly lease: () => Pick<Lease, "valid" | "confirm"> | undefined;
  /** The consumer; undefined before it is made, and where the application consumes by itself. */
  readonly consumer: () => Pick<WorkerConsumer, "reconnected" | "interrupt"> | undefined;
  /** Who is told. */
  readonly events: Pick<SessionEvents, "onProgress">;
  /** Reads the assignment in force, although nothing was heard of a new one. */
  readonly reread: () => void;
  /** Fires when the session is over, and the right with it. */
  readonly signal: AbortSignal;
}

/** The right of one session. */
export class Right implements SessionRight {
  readonly #options: RightOptions;
  readonly #gate: ConnectionGate;

  /** @param options what it rests on */
  constructor(options: RightOptions) {
    this.#options = options;
    const { world: { clock, messaging }, graceMs, consumer, signal } = options;
    this.#gate = new ConnectionGate({
      clock,
      messaging,
      confirm: () => this.#prove(),
      graceMs,
      onAway: () => consumer()?.interrupt("the connection is away, others may take over"),
      signal,
    });
  }

  /** See {@linkcode SessionRight.mayAct}. */
  mayAct(): boolean {
    const { lease, signal } = this.#options;
    return !signal.aborted && (lease()?.valid ?? false);
  }

  /** See {@linkcode SessionRight.mayBegin}. */
  mayBegin(signal: () => AbortSignal): Promise<void> | undefined {
    return this.#gate.pass(signal);
  }

  /** See {@linkcode SessionRight.onOutranked}. */
  onOutranked(): void {
    this.#options.events.onProgress();
    this.onBehind();
  }

  /** See {@linkcode SessionRight.onBehind}. */
  onBehind(): void {
    this.#options.reread();
  }

  /** The connection is gone: nothing is begun until {@linkcode reconnected} has found proof, and what runs ends after a grace. */
  disconnected(): void {
    this.#gate.shut();
  }

  /**
   * The connection is back.
   *
   * @returns when it is proven that nothing was taken away, the connection gone again or the session over
   */
  reconnected(): Promise<void> {
    return this.#gate.reopen();
  }

  /**
   * Whether what was held before the connection went is still held: the lease by a renewal that succeeds now, each lane by being there. A
   * server that was restarted has forgotten its lanes, and others may have taken over what an assignment has moved meanwhile.
   */
  async #prove(): Promise<boolean> {
    const { world: { buggify }, lease, consumer } = this.#options;
    if (buggify("proof-lost") || !await lease()?.confirm()) return false;
    await consumer()?.reconnected();
    return this.mayAct();
  }
}
