/**
 * How long a worker's partitions stand still after it is killed, or after it is asked to leave.
 *
 * @module
 */
import type { Effect } from "../streams/effect.ts";
import { DurationHistogram } from "./histogram.ts";
import { Slowest } from "./slowest.ts";
import { Standstills } from "./standstills.ts";

/** How a worker went: killed, paused, or asked to leave. */
export type Departure = "killed" | "paused" | "leaving";

/** A worker that is gone, or on its way. */
export interface Gone {
  /** Its process and incarnation. */
  readonly process: string;
  /** When it went, in microseconds since 1970. */
  readonly atUs: number;
  /** What it owned then. */
  readonly partitions: readonly number[];
  /** The epoch of the assignment it had applied. */
  readonly epoch: number;
  /** The generation of that assignment. */
  readonly generation: number;
  /** How it went: kills and pauses have histograms of their own. */
  readonly how: Departure;
  /** The number of the chaos event that made it go. */
  readonly event?: number;
}

/** A disappearance that is not recovered yet, as JSON holds it. */
export interface SavedRecovery {
  /** The worker. */
  readonly gone: Gone;
  /** The partitions that nobody else has handled yet. */
  readonly open: readonly number[];
  /** The slowest of the others so far, in microseconds. */
  readonly worstUs: number;
  /** When somebody else had each of the partitions first, in microseconds since 1970. */
  readonly taken: readonly (readonly [partition: number, atUs: number])[];
}

/** One disappearance that is being watched. */
interface Watch {
  readonly gone: Gone;
  readonly open: Set<number>;
  readonly onRecovered: (recoveredUs: number) => void;
  worstUs: number;
  /** When somebody else had each partition first, in microseconds since 1970. */
  readonly taken: Map<number, number>;
}

/** A partition of a killed worker that nobody has handled since. */
export interface OpenRecovery {
  /** The partition. */
  readonly partition: number;
  /** Whose it was: the process and incarnation. */
  readonly victim: string;
  /** Whether somebody else has acquired it, so that only a message is missing. */
  readonly takenOver: boolean;
}

/** Watches the victims' partitions until each has been handled by somebody else. */
export class RecoveryTracker {
  /** From the kill to the first effect by another worker, whatever there was to do. */
  readonly fromKill: DurationHistogram = new DurationHistogram();
  /** From the kill until somebody else has acquired the partition, whatever there was to do, and whatever happens to that one then. */
  readonly untilOwned: DurationHistogram = new DurationHistogram();
  /** From the kill or, if that was later, from when the message was there; only where it was before somebody had the partition. */
  readonly fromWork: DurationHistogram = new DurationHistogram();
  /** From the beginning of a pause to the first effect by another worker. */
  readonly fromPause: DurationHistogram = new DurationHistogram();
  /** The slowest recoveries, from the kill. */
  readonly slowest: Slowest = new Slowest();
  /** The slowest from when there was a message: what held that one up need not be the kill, which may be long ago. */
  readonly slowestFromWork: Slowest = new Slowest();
  readonly #byPartition = new Map<number, Watch[]>();
  readonly #standstills = new Standstills();
  /** Who has acquired each partition last, as the workers report it. */
  readonly #holders = new Map<number, { readonly process: string; readonly atUs: number }>();

  /**
   * A worker is gone.
   *
   * @param gone the worker
   * @param onRecovered called with the time in microseconds once all its partitions are handled elsewhere
   */
  gone(gone: Gone, onRecovered: (recoveredUs: number) => void): void {
    const { partitions } = gone;
    if (gone.how === "paused") this.#standstills.begin(gone.process, partitions, gone.atUs);
    if (partitions.length === 0) return onRecovered(0);
    this.#watch({ gone, open: new Set(partitions), onRecovered, worstUs: 0, taken: new Map() });
  }

  #watch(watch: Watch): void {
    for (const partition of watch.open) {
      const watches = this.#byPartition.get(partition);
      if (watches === undefined) this.#byPartition.set(partition, [watch]);
      else watches.push(watch);
    }
  }

  /** What is not recovered yet, as JSON holds it. */
  save(): SavedRecovery[] {
    const watches = new Set([...this.#byPartition.values()].flat());
    return [...watches].map(({ gone, open, worstUs, taken }) => {
      return { gone, open: [...open], worstUs, taken: [...taken] };
    });
  }

  /**
   * Goes on with one of before.
   *
   * @param saved what was not recovered
   * @param onRecovered as for {@linkcode gone}
   */
  load(
    { gone, open, worstUs, taken }: SavedRecovery,
    onRecovered: (recoveredUs: number) => void,
  ): void {
    this.#watch({ gone, open: new Set(open), onRecovered, worstUs, taken: new Map(taken) });
  }

  /**
   * A worker has acquired partitions.
   *
   * @param process its process and incarnation
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  acquired(process: string, partitions: readonly number[], atUs: number): void {
    for (const partition of partitions) {
      const known = this.#holders.get(partition);
      // Reports of different workers come in any order.
      if (known === undefined || known.atUs < atUs) this.#holders.set(partition, { process, atUs });
      for (const watch of this.#byPartition.get(partition) ?? []) {
        this.#takenOver(watch, process, partition, atUs);
      }
    }
    this.#standstills.acquired(process, partitions, atUs);
  }

  #takenOver({ gone, taken }: Watch, process: string, partition: number, atUs: number): void {
    if (process === gone.process || atUs < gone.atUs || taken.has(partition)) return;
    taken.set(partition, atUs);
    if (gone.how === "killed") this.untilOwned.record(atUs - gone.atUs);
  }

  /**
   * Who has acquired a partition last.
   *
   * @param partition its number
   * @returns the process and incarnation; undefined if nobody ever has
   */
  holder(partition: number): string | undefined {
    return this.#holders.get(partition)?.process;
  }

  /**
   * Partitions are gone for good: nobody is waited for to take them over.
   *
   * @param partitions their numbers
   */
  removed(partitions: readonly number[]): void {
    this.#standstills.removed(partitions);
    for (const partition of partitions) {
      for (const watch of this.#byPartition.get(partition) ?? []) this.#close(watch, partition);
      this.#byPartition.delete(partition);
    }
  }

  /**
   * A worker that was paused went on a moment ago. What it still has is no longer waited for: who gets that later gets it as planned.
   *
   * @param process its process and incarnation
   * @param untilUs when it went on, in microseconds since 1970
   * @returns the partitions that it owned and that nobody else had acquired by then
   */
  resumed(process: string, untilUs: number): number[] {
    const untaken = this.#standstills.end(process, untilUs).filter((partition) => {
      // It had been given away just before the pause.
      return (this.#holders.get(partition)?.process ?? process) === process ||
        this.#holders.get(partition)!.atUs > untilUs;
    });
    for (const partition of untaken) {
      const left = this.#byPartition.get(partition)?.filter(({ gone }) => {
        return gone.process !== process || gone.how !== "paused";
      });
      if (left === undefined || left.length === 0) this.#byPartition.delete(partition);
      else this.#byPartition.set(partition, left);
    }
    return untaken;
  }

  /**
   * The next effect in the order of the output stream. A partition is recovered only under an ownership newer than what the victim
   * knew: an owner before the victim may still be at its last message.
   *
   * @param effect the effect
   * @returns true if it is the first of its partition after a kill or pause: it tells nothing about planned moves
   */
  accept(effect: Effect): boolean {
    const watches = this.#byPartition.get(effect.partition);
    if (watches === undefined) return false;
    let afterFault = false;
    const left = watches.filter((watch) => {
      if (!recovers(effect, watch.gone)) return true;
      afterFault ||= watch.gone.how !== "leaving";
      this.#settle(watch, effect);
      return false;
    });
    if (left.length === 0) this.#byPartition.delete(effect.partition);
    else this.#byPartition.set(effect.partition, left);
    return afterFault;
  }

  /** Partitions of killed workers that nobody else has handled yet. */
  get open(): OpenRecovery[] {
    return [...this.#byPartition].flatMap(([partition, watches]) => {
      return watches.filter(({ gone }) => gone.how === "killed").map(({ gone }) => {
        const holder = this.#holders.get(partition)?.process ?? gone.process;
        return { partition, victim: gone.process, takenOver: holder !== gone.process };
      });
    });
  }

  #settle(watch: Watch, effect: Effect): void {
    const { process: victim, atUs, how } = watch.gone;
    const recoveredUs = effect.storedUs - atUs;
    // The report of the acquisition may come after its first effect.
    if (effect.acquiredUs > 0) {
      this.#takenOver(watch, effect.process, effect.partition, effect.acquiredUs);
    }
    if (how === "killed") {
      this.fromKill.record(recoveredUs);
      const who = (): string => `${victim} → ${effect.process}`;
      this.slowest.add(recoveredUs, effect.storedUs, effect.partition, who);
      this.#settleWaiting(effect, watch, who);
    }
    if (how === "paused") this.fromPause.record(recoveredUs);
    watch.worstUs = Math.max(watch.worstUs, recoveredUs);
    this.#close(watch, effect.partition);
  }

  /** What came when somebody had the partition already did not wait for the recovery: it would only make the figure better. */
  #settleWaiting(effect: Effect, { gone, taken }: Watch, who: () => string): void {
    const { availableUs, storedUs, partition } = effect;
    // Who has it now may have got it later, from one that was hit in its turn. Where nobody is known the message is taken to have waited.
    if (availableUs > (taken.get(partition) ?? Number.POSITIVE_INFINITY)) return;
    const fromWorkUs = storedUs - Math.max(gone.atUs, availableUs);
    this.fromWork.record(fromWorkUs);
    this.slowestFromWork.add(fromWorkUs, storedUs, partition, who);
  }

  #close(watch: Watch, partition: number): void {
    watch.open.delete(partition);
    if (watch.open.size === 0) watch.onRecovered(watch.worstUs);
  }
}

function recovers(effect: Effect, { process, atUs, epoch, generation }: Gone): boolean {
  const newer = effect.epoch - epoch || effect.generation - generation;
  return effect.process !== process && effect.storedUs >= atUs && newer > 0;
}
