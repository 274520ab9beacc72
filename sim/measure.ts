/**
 * Every figure of a run, taken from the effects in their order: they are stamped by one clock, the server's, and they
 * survive whatever happens to the workers.
 *
 * @module
 */
import type { Effect } from "./effect.ts";
import { DurationHistogram } from "./histogram.ts";
import { type Departure, RecoveryTracker } from "./recovery.ts";
import { Slowest } from "./slowest.ts";
import { UnmovedLatency } from "./unmoved.ts";

/** How long after an outage of the server moves are its aftermath and not planned. */
const OUTAGE_AFTERMATH_US = 15_000_000;

/** What is measured. */
export class Measurements {
  /** Publish → effect stored. */
  readonly latency: DurationHistogram = new DurationHistogram();
  /**
   * Planned moves: the time during which a partition's work stood still although there was some. It begins when the old
   * owner's last effect was stored or, if later, when the new owner's first message was; it ends when the new owner's
   * handler starts on that message. Never below 0. A move without a message to handle on both sides shows nothing and is not
   * counted; neither is a move away from a worker that was killed or paused.
   */
  readonly handoff: DurationHistogram = new DurationHistogram();
  /** Kills: until each partition of the victim is handled elsewhere. */
  readonly recovery: RecoveryTracker = new RecoveryTracker();
  /** The slowest planned moves. */
  readonly slowHandoffs: Slowest = new Slowest();
  readonly #unmoved = new UnmovedLatency();
  #outageFromUs = 0;
  #outageUntilUs = 0;
  readonly #last = new Map<number, Effect>();
  readonly #faulty = new Set<string>();

  /**
   * A chaos event happens.
   *
   * @param atUs when, in microseconds since 1970
   */
  chaos(atUs: number): void {
    this.#unmoved.event(atUs);
  }

  /**
   * The server is away: moves during that time and shortly after it are not planned.
   *
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs when it was back; infinite while it is away
   */
  outage(fromUs: number, untilUs: number): void {
    this.#outageFromUs = fromUs;
    this.#outageUntilUs = untilUs + OUTAGE_AFTERMATH_US;
  }

  /**
   * A worker was killed, paused, or asked to leave.
   *
   * @param process its process and incarnation
   * @param atUs when, in microseconds since 1970
   * @param partitions what it owned then
   * @param how how it went
   * @param onRecovered called with the time in microseconds once all its partitions are handled elsewhere
   */
  gone(
    process: string,
    atUs: number,
    partitions: readonly number[],
    how: Departure,
    onRecovered: (recoveredUs: number) => void,
  ): void {
    if (how !== "leaving") this.#faulty.add(process);
    this.recovery.gone(process, atUs, partitions, how, onRecovered);
  }

  /**
   * The next effect in the order of the output stream.
   *
   * @param effect the effect
   */
  accept(effect: Effect): void {
    const last = this.#last.get(effect.partition);
    this.latency.record(effect.storedUs - effect.publishedUs);
    this.#unmoved.accept(effect, last?.instance);
    const afterFault = this.recovery.accept(effect);
    if (last !== undefined && !afterFault) this.#measureHandoff(last, effect);
    this.#last.set(effect.partition, effect);
  }

  /** The latencies of unmoved partitions; to be asked once, at the end. */
  finishUnmoved(): DurationHistogram {
    return this.#unmoved.finish();
  }

  /** The slowest messages of unmoved partitions, as far as {@linkcode finishUnmoved} has closed their windows. */
  get slowUnmoved(): Slowest {
    return this.#unmoved.slowest;
  }

  #measureHandoff(last: Effect, effect: Effect): void {
    // The same process under a new instance has lost its lease and come back: a fault, not a plan.
    if (last.process === effect.process || this.#faulty.has(last.process)) return;
    if (effect.storedUs > this.#outageFromUs && last.storedUs < this.#outageUntilUs) return;
    const stoodStillUs = effect.startUs - Math.max(last.storedUs, effect.availableUs);
    this.handoff.record(stoodStillUs);
    this.slowHandoffs.add(stoodStillUs, effect.startUs, effect.partition, () => {
      return `${last.process} → ${effect.process} (generation ${effect.generation})`;
    });
  }
}
