/**
 * Drain deadlines: how long handlers may go on when their partitions are to move, or their shard is to have a fresh lane.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Slot } from "../dispatch/slot.ts";

/** The deadlines of one worker. */
export class Drains {
  readonly #clock: Clock;
  readonly #drainTimeoutMs: number;
  readonly #onOver: () => void;
  /** Made with the first: mostly nothing drains. */
  #timers: Map<Slot, Timer> | undefined;

  /**
   * @param clock the clock they run on
   * @param drainTimeoutMs how long a handler may go on, in milliseconds
   * @param onOver told when one was aborted
   */
  constructor(clock: Clock, drainTimeoutMs: number, onOver: () => void) {
    this.#clock = clock;
    this.#drainTimeoutMs = drainTimeoutMs;
    this.#onOver = onOver;
  }

  /**
   * Sets a deadline for what runs in partitions not wanted any more, and for what keeps the other keys of its shard from being handled; lifts
   * it where they are wanted again or nothing runs.
   */
  update(slots: Iterable<Slot>): void {
    for (const [slot, timer] of this.#timers ?? []) {
      if (isDraining(slot)) continue;
      timer.cancel();
      this.#timers?.delete(slot);
    }
    for (const slot of slots) {
      if (isDraining(slot) && !this.#timers?.has(slot)) this.#start(slot);
    }
  }

  /** Lifts all deadlines. */
  close(): void {
    for (const timer of this.#timers?.values() ?? []) timer.cancel();
    this.#timers = undefined;
  }

  #start(slot: Slot): void {
    const timer = this.#clock.setTimer(this.#drainTimeoutMs, () => {
      this.#timers?.delete(slot);
      if (!isDraining(slot)) return;
      const what = slot.wanted ? "needs a fresh lane" : "moves on";
      slot.abort(
        new PartiError("PARTI_ABORTED", `partition ${slot.id} ${what}: drain timeout over`),
      );
      this.#onOver();
    });
    this.#timers ??= new Map();
    this.#timers.set(slot, timer);
  }
}

function isDraining(slot: Slot): boolean {
  return (!slot.wanted || slot.holdsUp) && slot.running !== undefined && !slot.running.aborted;
}
