/**
 * The acks of one consumer on their way through the server. A real one takes them from a queue of their own, beside all other calls: an
 * ack may be taken later than a call that was sent after it, never later than the ack that was sent after it.
 *
 * @module
 */
import type { Timer } from "../../ports/clock.ts";

/** What the queue needs of the server. */
export interface AckQueueHost {
  /** The server's time, in milliseconds. */
  nowMs(): number;
  /** Schedules something at the server. */
  schedule(delayMs: number, label: string, fire: () => void): Timer;
}

/** Acks in the order in which they came. */
export class AckQueue {
  readonly #host: AckQueueHost;
  readonly #waiting: (() => void)[] = [];
  #lastMs = 0;

  /** @param host the server */
  constructor(host: AckQueueHost) {
    this.#host = host;
  }

  /**
   * Takes an ack: at once, unless it or one before it is late.
   *
   * @param lateMs by how much it is late, in milliseconds
   * @param take what the consumer does with it
   */
  take(lateMs: number, take: () => void): void {
    if (lateMs <= 0 && this.#waiting.length === 0) return take();
    const nowMs = this.#host.nowMs();
    this.#lastMs = Math.max(this.#lastMs, nowMs + lateMs);
    this.#waiting.push(take);
    // Whichever of two events of one instant comes first, the ack that came first is taken first.
    this.#host.schedule(this.#lastMs - nowMs, "late ack", () => this.#waiting.shift()?.());
  }
}
