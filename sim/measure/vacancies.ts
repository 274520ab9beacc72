/**
 * How long nobody has a partition when it is moved as planned: from the old owner's release to the new owner's acquisition, as both
 * report them.
 *
 * @module
 */
import { DurationHistogram } from "./histogram.ts";
import { Slowest } from "./slowest.ts";

/** Partitions that came or went. */
export type LaneChange = "acquired" | "released";

/** Something that happened to one partition. */
interface Step {
  /** `broken`: what happens next is no planned move. */
  readonly kind: LaneChange | "broken";
  /** The worker's process and incarnation; empty for `broken`. */
  readonly process: string;
  /** When, in microseconds since 1970. */
  readonly atUs: number;
}

/** One partition. */
interface Page {
  /** What has been reported and not been looked at: reports of different workers come in any order. */
  steps: Step[];
  holder: string | undefined;
  /** Whose release is missing although the next one has the partition: its report of it comes a moment later. */
  former: string | undefined;
  freedUs: number;
}

/** So many steps of one partition wait for those that are late; half of them are then taken as they are. */
const MAX_STEPS = 64;

/** All partitions' vacancies. */
export class Vacancies {
  /** From release to acquisition, for each planned move. */
  readonly durations: DurationHistogram = new DurationHistogram();
  /** The longest ones. */
  readonly slowest: Slowest = new Slowest();
  readonly #pages = new Map<number, Page>();

  /**
   * A worker reports that it has acquired or released partitions.
   *
   * @param kind which of the two
   * @param process the worker's process and incarnation
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  changed(kind: LaneChange, process: string, partitions: readonly number[], atUs: number): void {
    for (const partition of partitions) this.#add(partition, { kind, process, atUs });
  }

  /**
   * A fault hits partitions: whatever is under way with them is no planned move any more.
   *
   * @param partitions which ones; all if left out
   * @param atUs when, in microseconds since 1970
   */
  broken(atUs: number, partitions: Iterable<number> = this.#pages.keys()): void {
    for (const partition of partitions) this.#add(partition, { kind: "broken", process: "", atUs });
  }

  /** Takes all reports as complete. */
  finish(): void {
    for (const [partition, page] of this.#pages) this.#take(partition, page, page.steps.length);
  }

  #add(partition: number, step: Step): void {
    const page = this.#pages.get(partition) ??
      { steps: [], holder: undefined, former: undefined, freedUs: 0 };
    this.#pages.set(partition, page);
    page.steps.push(step);
    if (page.steps.length > MAX_STEPS) this.#take(partition, page, MAX_STEPS / 2);
  }

  #take(partition: number, page: Page, count: number): void {
    page.steps.sort((a, b) => a.atUs - b.atUs);
    for (const step of page.steps.splice(0, count)) {
      if (step.kind === "broken") page.holder = page.former = undefined;
      else if (step.kind === "acquired") this.#acquired(partition, page, step);
      else this.#released(partition, page, step);
    }
  }

  #acquired(partition: number, page: Page, { process, atUs }: Step): void {
    if (page.holder === undefined && page.former !== undefined && page.former !== process) {
      this.#record(partition, page.former, process, page.freedUs, atUs);
    }
    // Whoever holds it still has been told by the server to let go, and hears of it after the next one does.
    page.former = page.holder === process ? undefined : page.holder;
    page.holder = process;
  }

  #released(partition: number, page: Page, { process, atUs }: Step): void {
    // After a fault nobody is known to hold it; who lets it go in order did.
    if (page.holder === process || page.holder === undefined) {
      page.holder = undefined;
      page.former = process;
      page.freedUs = atUs;
    } else if (page.former === process) {
      page.former = undefined;
      this.#record(partition, process, page.holder, atUs, atUs);
    }
  }

  #record(partition: number, from: string, to: string, fromUs: number, toUs: number): void {
    this.durations.record(toUs - fromUs);
    this.slowest.add(toUs - fromUs, toUs, partition, () => `${from} → ${to}`);
  }
}
