/**
 * Keeps ack waits from ending while messages wait or run here, and acks from staying unconfirmed for long.
 *
 * @module
 */
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Lane } from "../lanes/lane.ts";
import type { Slot } from "./slot.ts";

/** What is needed. */
export interface AckWaitKeeperOptions {
  /** The clock. */
  readonly clock: Clock;
  /** How long the server waits for an ack, in milliseconds. */
  readonly ackWaitMs: number;
  /** All that is handled in order, each by itself. */
  readonly parts: () => Iterable<Slot>;
  /** The lanes there are. */
  readonly lanes: () => readonly Lane[];
  /** Whether this worker may act at this moment. */
  readonly mayAct: () => boolean;
}

/** Two tries may be late or lost before the server gives up waiting. */
const SHARE_OF_ACK_WAIT = 1 / 3;

/** Tells the server now and then that work goes on. */
export class AckWaitKeeper {
  readonly #options: AckWaitKeeperOptions;
  #timer: Timer | undefined;

  /** @param options what it needs */
  constructor(options: AckWaitKeeperOptions) {
    this.#options = options;
    this.#arm();
  }

  /** Ends it. */
  close(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const { clock, ackWaitMs, mayAct } = this.#options;
    this.#timer = clock.setTimer(ackWaitMs * SHARE_OF_ACK_WAIT, () => {
      this.#arm();
      if (mayAct()) this.#extend();
    });
  }

  #extend(): void {
    for (const slot of this.#options.parts()) {
      if (slot.running?.aborted === false) slot.running.message.working();
      for (const message of slot.queue) message.working();
    }
    for (const lane of this.#options.lanes()) {
      // Whatever is wrong, the next release or reconnect finds it too; acks that are refused the log tells by itself.
      lane.acks.confirm().catch(() => {});
    }
  }
}
