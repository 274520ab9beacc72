/**
 * Whether partitions that need not move go on undisturbed while others do: the latency in the seconds after a chaos event
 * of partitions that keep their owner.
 *
 * @module
 */
import type { Effect } from "../streams/effect.ts";
import { DurationHistogram } from "./histogram.ts";
import { Slowest } from "./slowest.ts";
import { Strikes } from "./strikes.ts";

/** How long after an event partitions are watched. */
const WINDOW_US = 5_000_000;
/** A message of the window may be this late before the window is closed; whoever is later is seen by the ledger. */
const LATECOMER_US = 60_000_000;

/** So long after a worker is well again it may still be at what has piled up. */
const CATCH_UP_US = 5_000_000;

/** A partition after one event. */
interface Seen {
  readonly owner: string;
  /** Another owner has been seen. */
  moved: boolean;
  latencies: { durationUs: number; atUs: number; process: string }[];
}

/** The time after one event. */
interface Window {
  readonly fromUs: number;
  readonly partitions: Map<number, Seen>;
}

/** Collects the latencies. */
export class UnmovedLatency {
  /** The slowest messages of closed windows. */
  readonly slowest: Slowest = new Slowest();
  /** Partitions that had a message in a window, over all closed windows: those that kept their owner, and the others. */
  readonly partitions: { kept: number; moved: number } = { kept: 0, moved: 0 };
  readonly #histogram = new DurationHistogram();
  readonly #strikes = new Strikes();
  #windows: Window[] = [];

  /**
   * A chaos event happens.
   *
   * @param atUs when, in microseconds since 1970
   */
  event(atUs: number): void {
    this.#windows.push({ fromUs: atUs, partitions: new Map() });
  }

  /**
   * An event has hit this worker, though it kept its partitions: what they had to wait meanwhile and a moment after it tells nothing of those
   * that the event had nothing to do with.
   *
   * @param process the worker's process and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @returns tells that it is over: until when it was
   */
  struck(process: string, fromUs: number): (untilUs: number) => void {
    return this.#strikes.begin(process, fromUs);
  }

  /**
   * A partition is held up on purpose, whoever has it.
   *
   * @param partition the partition
   * @param fromUs since when, in microseconds since 1970
   * @returns tells that it is over: until when it was
   */
  heldUp(partition: number, fromUs: number): (untilUs: number) => void {
    return this.#strikes.begin(nameOf(partition), fromUs);
  }

  /**
   * The next effect in the order of the output stream.
   *
   * @param effect the effect
   * @param previousOwner the owner of the partition's last effect, if there was one
   */
  accept(effect: Effect, previousOwner: string | undefined): void {
    for (const window of this.#windows) {
      const untilUs = window.fromUs + WINDOW_US;
      // A message belongs to the window in which it was published: one that was held up for longer still counts.
      const before = effect.storedUs < window.fromUs;
      if (before || effect.publishedUs > untilUs) continue;
      const known = window.partitions.get(effect.partition);
      const seen: Seen = known ??
        { owner: previousOwner ?? effect.instance, moved: false, latencies: [] };
      if (known === undefined) window.partitions.set(effect.partition, seen);
      seen.moved ||= seen.owner !== effect.instance;
      const durationUs = effect.storedUs - effect.publishedUs;
      const { process, storedUs: atUs } = effect;
      if (seen.moved) seen.latencies = [];
      else seen.latencies.push({ durationUs, atUs, process });
    }
    if (this.#windows.length > 0) this.#close(effect.storedUs - WINDOW_US - LATECOMER_US);
  }

  /** The latencies of closed windows. */
  get closed(): DurationHistogram {
    return this.#histogram;
  }

  /** Closes all windows and gives the latencies. */
  finish(): DurationHistogram {
    this.#close(Number.POSITIVE_INFINITY);
    return this.#histogram;
  }

  #close(startedBeforeUs: number): void {
    const [oldest] = this.#windows;
    if (oldest === undefined || oldest.fromUs >= startedBeforeUs) return;
    for (const window of this.#windows.filter(({ fromUs }) => fromUs < startedBeforeUs)) {
      for (const [partition, { moved, latencies }] of window.partitions) {
        this.partitions[moved ? "moved" : "kept"]++;
        if (moved) continue;
        for (const { durationUs, atUs, process } of latencies) {
          const isStruck = [process, nameOf(partition)].some((victim) =>
            this.#strikes.touch(victim, atUs - durationUs, atUs, CATCH_UP_US)
          );
          if (isStruck) continue;
          this.#histogram.record(durationUs);
          this.slowest.add(durationUs, atUs, partition, () => process);
        }
      }
    }
    this.#windows = this.#windows.filter(({ fromUs }) => fromUs >= startedBeforeUs);
  }
}

/** A partition among those that are struck; no process has such a name. */
function nameOf(partition: number): string {
  return `partition ${partition}`;
}
