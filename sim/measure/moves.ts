/**
 * How many partitions changed their owner, and how many of them had to.
 *
 * @module
 */
import type { Impairments } from "../ledger/impairments.ts";
import type { Departure } from "./recovery.ts";
import { STRIKE_AFTERMATH_US, type Strikes } from "./strikes.ts";

/** Partitions that changed their owner. */
export interface MoveCount {
  /** All of them. */
  total: number;
  /** Those whose owner had gone, and those that gave a newcomer its share. */
  needed: number;
}

/** Moves as JSON holds them. */
export interface SavedMoves {
  /** By number. */
  readonly count: MoveCount;
  /** By weight. */
  readonly weight: MoveCount;
}

/** Something that happened. */
type Step =
  & { readonly atUs: number }
  & (
    | { readonly kind: "begin" }
    | { readonly kind: "event"; readonly count: MoveCount }
    | { readonly kind: "gone"; readonly process: string; readonly how: Departure }
    | { readonly kind: "resized"; readonly weight: number; readonly by: number }
    | {
      readonly kind: "acquired";
      readonly process: string;
      readonly partitions: readonly number[];
    }
  );

/** A worker that has come a moment ago. */
interface Newcomer {
  readonly sinceUs: number;
  /** The weight it has been given by those who stay. */
  gained: number;
}

/** So long after its first partition a worker is new: the group may wait before it moves partitions a second time. */
const NEW_US = 30_000_000;
/** Reports of different workers come in any order, but none is as late as this. */
const LATE_US = 60_000_000;
/** When so many wait, those that are old enough are looked at. */
const MANY_STEPS = 10_000;

/**
 * Counts moves by what the workers report to have acquired. Moves that had to be: away from a worker that was killed, paused or asked to
 * leave, or that could not act; around an outage of the server; to a newcomer, up to its share of all weight; and after partitions came or
 * went, up to their weight.
 */
export class Moves {
  /** All moves under load. */
  readonly count: MoveCount = { total: 0, needed: 0 };
  /** The same by weight. */
  readonly weight: MoveCount = { total: 0, needed: 0 };
  /** The weight of all partitions. */
  totalWeight: number;
  readonly #weights: number[];
  /** What may move because partitions came or went, by weight, and since when. */
  #resized = { sinceUs: 0, weight: 0 };
  readonly #impairments: Pick<Impairments, "during">;
  readonly #cutOff: Pick<Strikes, "touch">;
  #steps: Step[] = [];
  #manySteps = MANY_STEPS;
  readonly #holders = new Map<number, string>();
  readonly #gone = new Map<string, Departure>();
  /** Those who have lost something because they were cut off, and have got nothing since. */
  readonly #robbed = new Set<string>();
  readonly #newcomers = new Map<string, Newcomer>();
  readonly #known = new Set<string>();
  #begun = false;
  #event: MoveCount | undefined;

  /**
   * @param weights weights by partition
   * @param impairments what happened to whom
   * @param cutOff when workers were cut off, which they need not have noticed
   */
  constructor(
    weights: readonly number[],
    impairments: Pick<Impairments, "during">,
    cutOff: Pick<Strikes, "touch">,
  ) {
    this.#weights = [...weights];
    this.totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
    this.#impairments = impairments;
    this.#cutOff = cutOff;
  }

  /**
   * The group has settled: from now on moves are counted.
   *
   * @param atUs when, in microseconds since 1970
   */
  begin(atUs: number): void {
    this.#add({ kind: "begin", atUs });
  }

  /**
   * A chaos event happens: the moves that follow are its, until the next one.
   *
   * @param atUs when, in microseconds since 1970
   * @param count takes its moves
   */
  event(atUs: number, count: MoveCount): void {
    this.#add({ kind: "event", atUs, count });
  }

  /**
   * Partitions come. Others may have to move for them: as much as came, by weight.
   *
   * @param weights their weights; they have the next numbers
   * @param atUs when, in microseconds since 1970
   */
  grow(weights: readonly number[], atUs: number): void {
    this.#weights.push(...weights);
    const weight = weights.reduce((sum, one) => sum + one, 0);
    this.#add({ kind: "resized", weight, by: weight, atUs });
  }

  /**
   * Partitions go. Others may have to move into the room they leave: as much as went, by weight.
   *
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  shrink(partitions: readonly number[], atUs: number): void {
    const weight = partitions.reduce((sum, partition) => sum + this.#weights[partition]!, 0);
    this.#add({ kind: "resized", weight, by: -weight, atUs });
  }

  /**
   * A worker is gone, or on its way.
   *
   * @param process its process and incarnation
   * @param how killed, paused, or asked to leave
   * @param atUs when, in microseconds since 1970
   */
  gone(process: string, how: Departure, atUs: number): void {
    this.#add({ kind: "gone", process, how, atUs });
  }

  /**
   * A worker has acquired partitions.
   *
   * @param process its process and incarnation
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  acquired(process: string, partitions: readonly number[], atUs: number): void {
    this.#add({ kind: "acquired", process, partitions, atUs });
  }

  /**
   * The moves so far, as JSON holds them: those of the last minute are not, since reports of it may still come.
   *
   * @param atUs when that is, in microseconds since 1970
   */
  save(atUs: number): SavedMoves {
    this.#settle(atUs - LATE_US);
    return { count: { ...this.count }, weight: { ...this.weight } };
  }

  /**
   * Goes on from there. Who has what is not known then: the group settles anew.
   *
   * @param saved the moves so far
   * @param weights weights by partition, as they are now
   */
  load(
    saved: SavedMoves,
    weights: readonly number[],
  ): void {
    this.#weights.splice(0, this.#weights.length, ...weights);
    this.totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
    Object.assign(this.count, saved.count);
    Object.assign(this.weight, saved.weight);
  }

  /** Takes all reports as complete. */
  finish(): void {
    this.#settle(Number.POSITIVE_INFINITY);
  }

  #add(step: Step): void {
    this.#steps.push(step);
    if (this.#steps.length < this.#manySteps) return;
    this.#settle(step.atUs - LATE_US);
    this.#manySteps = Math.max(MANY_STEPS, this.#steps.length * 2);
  }

  #settle(beforeUs: number): void {
    const steps = this.#steps.sort((a, b) => a.atUs - b.atUs);
    const count = steps.findIndex(({ atUs }) => atUs >= beforeUs);
    for (const step of steps.splice(0, count < 0 ? steps.length : count)) this.#take(step);
  }

  #take(step: Step): void {
    switch (step.kind) {
      case "begin":
        this.#begun = true;
        this.#newcomers.clear();
        return;
      case "event":
        this.#event = step.count;
        return;
      case "gone":
        this.#gone.set(step.process, step.how);
        return;
      case "resized":
        this.totalWeight += step.by;
        if (step.atUs - this.#resized.sinceUs > NEW_US) this.#resized.weight = 0;
        this.#resized = { sinceUs: step.atUs, weight: this.#resized.weight + step.weight };
        return;
      case "acquired":
        this.#welcome(step.process, step.atUs);
        for (const partition of step.partitions) this.#move(partition, step.process, step.atUs);
    }
  }

  /** Whoever acquires for the first time is new, and so is one that was paused or cut off and is back. */
  #welcome(process: string, atUs: number): void {
    const paused = this.#gone.get(process) === "paused";
    if (paused) this.#gone.delete(process);
    const back = this.#robbed.delete(process) || paused;
    if (this.#known.has(process) && !back) return;
    this.#known.add(process);
    this.#newcomers.set(process, { sinceUs: atUs, gained: 0 });
  }

  #move(partition: number, to: string, atUs: number): void {
    const from = this.#holders.get(partition);
    this.#holders.set(partition, to);
    if (from === undefined || from === to || !this.#begun) return;
    const weight = this.#weights[partition]!;
    const why = this.#impairments.during(from, atUs - STRIKE_AFTERMATH_US, atUs);
    const robbed = this.#cutOff.touch(from, atUs, atUs);
    if (robbed && !this.#gone.has(from)) this.#robbed.add(from);
    const hadTo = this.#gone.has(from) || robbed || why !== undefined ||
      this.#fillsShare(to, weight, atUs) || this.#makesRoom(weight, atUs);
    for (const count of [this.count, ...(this.#event === undefined ? [] : [this.#event])]) {
      count.total++;
      if (hadTo) count.needed++;
    }
    this.weight.total += weight;
    if (hadTo) this.weight.needed += weight;
  }

  #makesRoom(weight: number, atUs: number): boolean {
    if (atUs - this.#resized.sinceUs > NEW_US || this.#resized.weight <= 0) return false;
    this.#resized.weight -= weight;
    return true;
  }

  #fillsShare(process: string, weight: number, atUs: number): boolean {
    const newcomer = this.#newcomers.get(process);
    if (newcomer === undefined || atUs - newcomer.sinceUs > NEW_US) return false;
    const share = this.totalWeight / this.#known.difference(this.#gone).size;
    if (newcomer.gained >= share) return false;
    newcomer.gained += weight;
    return true;
  }
}
