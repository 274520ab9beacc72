/**
 * How long a worker's partitions stand still after it is killed, or after it is asked to leave.
 *
 * @module
 */
import type { Effect } from "./effect.ts";
import { DurationHistogram } from "./histogram.ts";
import { Slowest } from "./slowest.ts";

/** How a worker went: killed, paused, or asked to leave. */
export type Departure = "killed" | "paused" | "leaving";

/** One disappearance that is being watched. */
interface Watch {
  readonly victim: string;
  readonly atUs: number;
  readonly how: Departure;
  readonly open: Set<number>;
  readonly onRecovered: (recoveredUs: number) => void;
  worstUs: number;
}

/** Watches the victims' partitions until each has been handled by somebody else. */
export class RecoveryTracker {
  /** From the kill to the first effect by another worker, whatever there was to do. */
  readonly fromKill: DurationHistogram = new DurationHistogram();
  /** The same from the kill or, if that was later, from when the first message was there to be handled. */
  readonly fromWork: DurationHistogram = new DurationHistogram();
  /** The slowest recoveries, from the kill. */
  readonly slowest: Slowest = new Slowest();
  readonly #byPartition = new Map<number, Watch[]>();

  /**
   * A worker is gone.
   *
   * @param victim its process and incarnation
   * @param atUs when, in microseconds since 1970
   * @param partitions what it owned then
   * @param how how it went; only kills go into the histograms
   * @param onRecovered called with the time in microseconds once all its partitions are handled elsewhere
   */
  gone(
    victim: string,
    atUs: number,
    partitions: readonly number[],
    how: Departure,
    onRecovered: (recoveredUs: number) => void,
  ): void {
    if (partitions.length === 0) return onRecovered(0);
    const open = new Set(partitions);
    const watch: Watch = { victim, atUs, how, open, onRecovered, worstUs: 0 };
    for (const partition of partitions) {
      const watches = this.#byPartition.get(partition);
      if (watches === undefined) this.#byPartition.set(partition, [watch]);
      else watches.push(watch);
    }
  }

  /**
   * The next effect in the order of the output stream.
   *
   * @param effect the effect
   * @returns true if it is the first of its partition after a kill or pause: it tells nothing about planned moves
   */
  accept(effect: Effect): boolean {
    const watches = this.#byPartition.get(effect.partition);
    if (watches === undefined) return false;
    let afterFault = false;
    const left = watches.filter((watch) => {
      if (effect.process === watch.victim || effect.storedUs < watch.atUs) return true;
      afterFault ||= watch.how !== "leaving";
      this.#settle(watch, effect);
      return false;
    });
    if (left.length === 0) this.#byPartition.delete(effect.partition);
    else this.#byPartition.set(effect.partition, left);
    return afterFault;
  }

  /** Partitions of a killed worker that nobody else has handled yet. */
  get open(): number[] {
    return [...this.#byPartition].filter(([, watches]) =>
      watches.some(({ how }) => how === "killed")
    )
      .map(([partition]) => partition);
  }

  #settle(watch: Watch, effect: Effect): void {
    const recoveredUs = effect.storedUs - watch.atUs;
    if (watch.how === "killed") {
      this.fromKill.record(recoveredUs);
      this.slowest.add(recoveredUs, effect.storedUs, effect.partition, () => {
        return `${watch.victim} → ${effect.process}`;
      });
      this.fromWork.record(effect.storedUs - Math.max(watch.atUs, effect.availableUs));
    }
    watch.worstUs = Math.max(watch.worstUs, recoveredUs);
    watch.open.delete(effect.partition);
    if (watch.open.size === 0) watch.onRecovered(watch.worstUs);
  }
}
