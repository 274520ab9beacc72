/**
 * A worker watches itself: whether it stands still, because it was stopped or gets no processor, or is busy with one thing, and whether
 * its connection is down. Whoever could not act cannot know what others did meanwhile.
 *
 * @module
 */
import type { Clock, Timer } from "../../lib/ports/clock.ts";
import type { Messaging, Subscription } from "../../lib/ports/messaging.ts";
import type { Impairment } from "../ledger/impairments.ts";

/** What watching needs. */
export interface SelfWatchOptions {
  /** The worker's clock. */
  readonly clock: Pick<Clock, "monotonicMs" | "setTimer">;
  /** The worker's connection. */
  readonly messaging: Pick<Messaging, "onStatus">;
  /** How long processors have worked for this process, in milliseconds. */
  readonly cpuMs: () => number;
  /** The time for reports, in microseconds since 1970. */
  readonly nowUs: () => number;
  /** Told of each impairment when it is over. */
  readonly onImpaired: (why: Impairment, fromUs: number, untilUs: number) => void;
}

const LOOK_EVERY_MS = 500;
/** Shorter than any lease of the defaults by far, and longer than a busy machine makes a healthy worker wait. */
const STANDSTILL_MS = 1_000;
/** Whoever has worked for more than this part of the time was not kept from it. */
const BUSY_PART = 0.5;

/** Watches one worker. */
export class SelfWatch implements Disposable {
  readonly #options: SelfWatchOptions;
  readonly #connection: Subscription;
  #timer: Timer;
  #lookedAtMs: number;
  #lookedAtUs: number;
  #workedMs: number;
  #cutSinceUs: number | undefined;

  /** @param options what it needs */
  constructor(options: SelfWatchOptions) {
    this.#options = options;
    this.#lookedAtMs = options.clock.monotonicMs();
    this.#lookedAtUs = options.nowUs();
    this.#workedMs = options.cpuMs();
    this.#timer = options.clock.setTimer(LOOK_EVERY_MS, () => this.#look());
    this.#connection = options.messaging.onStatus((status) => {
      if (status === "disconnected") this.#cutSinceUs ??= options.nowUs();
      else this.#connected();
    });
  }

  /** Ends the watch; an impairment that lasts is told. */
  [Symbol.dispose](): void {
    this.#timer.cancel();
    this.#connection.close();
    this.#connected();
  }

  #connected(): void {
    const fromUs = this.#cutSinceUs;
    this.#cutSinceUs = undefined;
    if (fromUs !== undefined) {
      this.#options.onImpaired("disconnected", fromUs, this.#options.nowUs());
    }
  }

  #look(): void {
    const { clock, nowUs, cpuMs, onImpaired } = this.#options;
    const [nowMs, atUs, workedMs] = [clock.monotonicMs(), nowUs(), cpuMs()];
    const sinceMs = nowMs - this.#lookedAtMs;
    if (sinceMs >= LOOK_EVERY_MS + STANDSTILL_MS) {
      const isBusy = workedMs - this.#workedMs > sinceMs * BUSY_PART;
      onImpaired(isBusy ? "busy" : "starved", this.#lookedAtUs, atUs);
    }
    this.#lookedAtMs = nowMs;
    this.#lookedAtUs = atUs;
    this.#workedMs = workedMs;
    this.#timer = clock.setTimer(LOOK_EVERY_MS, () => this.#look());
  }
}
