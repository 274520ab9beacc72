/**
 * Every figure of a run, taken from the effects in their order: they are stamped by one clock, the server's, and they
 * survive whatever happens to the workers.
 *
 * @module
 */
import { OUTAGE_AFTERMATH_US } from "../ledger/impairments.ts";
import type { Effect } from "../streams/effect.ts";
import { DurationHistogram, type Percentiles } from "./histogram.ts";
import { Poisonings } from "./poisonings.ts";
import { type Gone, RecoveryTracker } from "./recovery.ts";
import { Slowest, type SlowItem } from "./slowest.ts";
import { Strikes } from "./strikes.ts";
import { UnmovedLatency } from "./unmoved.ts";
import { type LaneChange, Vacancies } from "./vacancies.ts";

/** The figures as JSON holds them. */
export interface SavedMeasurements {
  /** Histograms, by name. */
  readonly durations: Readonly<Record<string, string>>;
  /** The slowest of each, by name. */
  readonly slowest: Readonly<Record<string, readonly SlowItem[]>>;
  /** Partitions of closed windows. */
  readonly unmovedPartitions: { readonly kept: number; readonly moved: number };
  /** Planned moves in which no message had to wait. */
  readonly idleMoves: number;
}

/** What is measured. */
export class Measurements {
  /** Publish → effect stored. */
  readonly latency: DurationHistogram = new DurationHistogram();
  /**
   * Planned moves in which a message had to wait: from the old owner's last effect or, if that was later, from the arrival of the new
   * owner's first message, to that message's effect. A message had to wait if it was there before the new owner had acquired the
   * partition. Not counted are moves in which none had to ({@linkcode idleMoves}: there was nothing to hold up), moves without a message on
   * both sides (nothing shows), and moves away from a worker that was killed or paused, or while it was cut off and a lease after it (no
   * plan).
   */
  readonly handoff: DurationHistogram = new DurationHistogram();
  /** Planned moves: from the old owner's release to the new owner's acquisition, whether or not there was a message. */
  readonly vacancies: Vacancies = new Vacancies();
  /** Kills: until each partition of the victim is handled elsewhere. */
  readonly recovery: RecoveryTracker = new RecoveryTracker();
  /** Poisoned messages: until the next one of their partition has its effect. */
  readonly poisonings: Poisonings = new Poisonings();
  /** The slowest planned moves. */
  readonly slowHandoffs: Slowest = new Slowest();
  /** When workers were cut off. */
  readonly cutOff: Strikes = new Strikes();
  readonly #recentLatency = new DurationHistogram();
  readonly #unmoved = new UnmovedLatency();
  #outageFromUs = 0;
  #outageUntilUs = 0;
  readonly #last = new Map<number, Effect>();
  readonly #faulty = new Set<string>();
  #idleMoves = 0;

  /** Planned moves in which no message had to wait. */
  get idleMoves(): number {
    return this.#idleMoves;
  }

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
    this.vacancies.broken(fromUs);
    if (Number.isFinite(untilUs)) this.vacancies.broken(untilUs);
  }

  /**
   * Something keeps a worker from its work, though it lives and the others hear of it: it may lose nothing by it.
   *
   * @param process its name and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @returns tells that it is over: until when it was
   */
  struck(process: string, fromUs: number): (untilUs: number) => void {
    return this.#unmoved.struck(process, fromUs);
  }

  /**
   * A message that no handler can handle is about to be sent to a partition.
   *
   * @param partition the partition
   * @param fromUs when, in microseconds since 1970
   * @param onRecovered called with the time in microseconds from its first delivery until the next message has its effect
   */
  poisoned(partition: number, fromUs: number, onRecovered: (recoveredUs: number) => void): void {
    const over = this.#unmoved.heldUp(partition, fromUs);
    this.poisonings.watch(partition, (recoveredUs, untilUs) => {
      over(untilUs);
      onRecovered(recoveredUs);
    });
  }

  /**
   * A worker is cut off from the others: what it loses meanwhile and shortly after it is no planned move.
   *
   * @param process its name and incarnation
   * @param partitions what it owns
   * @param fromUs since when, in microseconds since 1970
   * @returns tells that it is over: until when it was
   */
  cut(
    process: string,
    partitions: readonly number[],
    fromUs: number,
  ): (untilUs: number) => void {
    const ends = [this.cutOff.begin(process, fromUs), this.struck(process, fromUs)];
    this.vacancies.broken(fromUs, partitions);
    return (untilUs) => {
      for (const end of ends) end(untilUs);
      this.vacancies.broken(untilUs, partitions);
    };
  }

  /**
   * A worker was killed, paused, or asked to leave.
   *
   * @param gone the worker
   * @param onRecovered called with the time in microseconds once all its partitions are handled elsewhere
   */
  gone(gone: Gone, onRecovered: (recoveredUs: number) => void): void {
    if (gone.how !== "leaving") {
      this.#faulty.add(gone.process);
      this.vacancies.broken(gone.atUs, gone.partitions);
    }
    this.recovery.gone(gone, onRecovered);
  }

  /**
   * A worker reports that it has acquired or released partitions.
   *
   * @param change which of the two
   * @param process the worker's process and incarnation
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  lanes(change: LaneChange, process: string, partitions: readonly number[], atUs: number): void {
    this.vacancies.changed(change, process, partitions, atUs);
    if (change === "acquired") this.recovery.acquired(process, partitions, atUs);
  }

  /**
   * The next effect in the order of the output stream.
   *
   * @param effect the effect
   */
  accept(effect: Effect): void {
    const last = this.#last.get(effect.partition);
    this.latency.record(effect.storedUs - effect.publishedUs);
    this.poisonings.effective(effect.partition, effect.sequence, effect.storedUs);
    this.#recentLatency.record(effect.storedUs - effect.publishedUs);
    this.#unmoved.accept(effect, last?.instance);
    const afterFault = this.recovery.accept(effect);
    if (last !== undefined && !afterFault) this.#measureHandoff(last, effect);
    this.#last.set(effect.partition, effect);
  }

  /**
   * Takes the latencies of the effects since the last time.
   *
   * @returns their percentiles
   */
  takeRecentLatency(): Percentiles {
    const percentiles = this.#recentLatency.percentiles();
    this.#recentLatency.reset();
    return percentiles;
  }

  /** The latencies of unmoved partitions; to be asked once, at the end. */
  finishUnmoved(): DurationHistogram {
    return this.#unmoved.finish();
  }

  /** The same, as far as it is known by now: of events that are a minute old. */
  get unmovedSoFar(): DurationHistogram {
    return this.#unmoved.closed;
  }

  /** How many partitions these latencies are of, and how many are left out, over all events. */
  get unmovedPartitions(): { readonly kept: number; readonly moved: number } {
    return this.#unmoved.partitions;
  }

  /** The slowest messages of unmoved partitions, as far as {@linkcode finishUnmoved} has closed their windows. */
  get slowUnmoved(): Slowest {
    return this.#unmoved.slowest;
  }

  /** The figures as JSON holds them: those that are closed. What is under way is not in it. */
  save(): SavedMeasurements {
    const { durations, slowest } = this.#kept;
    return {
      durations: mapValues(durations, (histogram) => histogram.save()),
      slowest: mapValues(slowest, ({ items }) => items),
      unmovedPartitions: this.#unmoved.partitions,
      idleMoves: this.#idleMoves,
    };
  }

  /**
   * Goes on from there.
   *
   * @param saved the figures as they were
   */
  load(saved: SavedMeasurements): void {
    const { durations, slowest } = this.#kept;
    for (const [name, histogram] of Object.entries(durations)) {
      histogram.load(saved.durations[name]!);
    }
    for (const [name, kept] of Object.entries(slowest)) kept.load(saved.slowest[name] ?? []);
    Object.assign(this.#unmoved.partitions, saved.unmovedPartitions);
    this.#idleMoves = saved.idleMoves;
  }

  get #kept(): {
    readonly durations: Readonly<Record<string, DurationHistogram>>;
    readonly slowest: Readonly<Record<string, Slowest>>;
  } {
    const { latency, handoff, vacancies, recovery, slowHandoffs } = this;
    const { fromKill, untilOwned, fromWork, fromPause } = recovery;
    return {
      durations: {
        ...{ latency, handoff, vacancies: vacancies.durations, unmoved: this.#unmoved.closed },
        ...{ fromKill, untilOwned, fromWork, fromPause },
      },
      slowest: {
        ...{ handoff: slowHandoffs, vacancies: vacancies.slowest },
        ...{ recovery: recovery.slowest, recoveryFromWork: recovery.slowestFromWork },
        unmoved: this.#unmoved.slowest,
      },
    };
  }

  #measureHandoff(last: Effect, effect: Effect): void {
    // The same process under a new instance has lost its lease and come back: a fault, not a plan.
    if (last.process === effect.process || this.#faulty.has(last.process)) return;
    if (this.cutOff.touch(last.process, last.storedUs, effect.storedUs)) return;
    if (effect.storedUs > this.#outageFromUs && last.storedUs < this.#outageUntilUs) return;
    const { acquiredUs, availableUs, storedUs } = effect;
    // Where the acquisition is not known the message is taken to have waited: no figure gets better by it.
    if (acquiredUs > 0 && availableUs > acquiredUs) return void this.#idleMoves++;
    const waitedUs = storedUs - Math.max(last.storedUs, availableUs);
    this.handoff.record(waitedUs);
    this.slowHandoffs.add(waitedUs, storedUs, effect.partition, () => {
      return `${last.process} → ${effect.process} (generation ${effect.generation})`;
    });
  }
}

function mapValues<V, W>(
  record: Readonly<Record<string, V>>,
  change: (value: V) => W,
): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
