/**
 * When a consumer nobody pulls from is removed. There is one look at it per threshold, however much happens in between.
 *
 * @module
 */
import type { Timer } from "../../ports/clock.ts";
import type { VersionTraits } from "./version_traits.ts";

/** What the watch needs of the server. */
export interface IdleHost {
  /** How the server behaves. */
  readonly traits: VersionTraits;
  /** The server's time, in milliseconds. */
  nowMs(): number;
  /** Schedules something at the server. */
  schedule(delayMs: number, label: string, fire: () => void): Timer;
  /** By how much longer than asked the server waits, in milliseconds. Drawn once per threshold. */
  idleJitterMs(): number;
}

/** What is watched. */
export interface Watched {
  /** When somebody last asked for messages, in milliseconds. */
  lastAskedMs(): number;
  /** Whether somebody waits for messages now. */
  isAwaited(): boolean;
  /** When the last of all ack waits ends, in milliseconds; undefined if nothing is in flight. */
  ackWaitsEndMs(): number | undefined;
  /** Nobody has pulled for too long. */
  onIdle(): void;
}

/** Watches one consumer. */
export class IdleWatch {
  readonly #host: IdleHost;
  readonly #watched: Watched;
  #thresholdMs = 0;
  #withJitterMs = Infinity;
  #activeMs = -Infinity;
  #timer: Timer | undefined;
  #timerMs = 0;

  /**
   * @param host the server
   * @param watched what is watched
   */
  constructor(host: IdleHost, watched: Watched) {
    this.#host = host;
    this.#watched = watched;
  }

  /**
   * Begins, or begins anew.
   *
   * @param thresholdMs after how long it is removed, in milliseconds; 0 for never
   */
  start(thresholdMs: number): void {
    this.stop();
    this.#thresholdMs = thresholdMs;
    this.#withJitterMs = thresholdMs > 0 ? thresholdMs + this.#host.idleJitterMs() : Infinity;
    if (thresholdMs > 0) this.#lookIn(this.#withJitterMs);
  }

  /** Ends. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Messages were handed out. */
  onDelivery(): void {
    this.#activeMs = this.#host.nowMs();
  }

  /** An ack came, or word that work goes on. */
  onAck(): void {
    this.#activeMs = this.#host.nowMs();
    // While acks were waited for, the next look was put off for long; now it is not.
    if (this.#timer !== undefined && this.#timerMs > this.#activeMs + this.#withJitterMs) {
      this.#lookIn(this.#withJitterMs);
    }
  }

  #lookIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timerMs = this.#host.nowMs() + delayMs;
    this.#timer = this.#host.schedule(delayMs, "idle consumer", () => this.#look());
  }

  #look(): void {
    const waitsForAcks = this.#host.traits.idleWaitsForAcks;
    const nowMs = this.#host.nowMs();
    const idleMs = nowMs - Math.max(this.#activeMs, this.#watched.lastAskedMs());
    if (idleMs < (waitsForAcks ? this.#withJitterMs : this.#thresholdMs)) {
      return this.#lookIn(Math.max(1, this.#withJitterMs - idleMs));
    }
    if (this.#watched.isAwaited()) return this.#lookIn(this.#withJitterMs);
    const endMs = waitsForAcks ? this.#watched.ackWaitsEndMs() : undefined;
    const graceMs = endMs === undefined ? 0 : endMs + this.#withJitterMs - nowMs;
    if (graceMs > 0) return this.#lookIn(graceMs);
    this.stop();
    this.#watched.onIdle();
  }
}
