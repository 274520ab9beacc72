/**
 * Who had which partition since when: the changes only, and not too many of them.
 *
 * @module
 */
import type { OwnerChanges } from "./series.ts";

/** Nobody, where a process is named by its number. */
const NOBODY = -1;

/** What was said. `by` lets go; `by` has acquired. */
interface Said {
  readonly atUs: number;
  readonly kind: "acquired" | "let go";
  readonly by: number;
  readonly partitions: readonly number[];
}

/** What a worker has said, or what is said of one that was killed. */
export interface OwnerWords {
  /** Whether it has acquired partitions, or lets go of them. */
  readonly kind: "acquired" | "let go";
  /** Its process and incarnation. */
  readonly process: string;
  /** Their numbers. */
  readonly partitions: readonly number[];
  /** When, in microseconds since 1970. */
  readonly atUs: number;
}

/** One change of an owner. */
interface Change {
  readonly atUs: number;
  readonly partition: number;
  readonly owner: number;
}

/** The log as JSON holds it. */
export interface SavedOwners {
  /** The processes that are named by their place here. */
  readonly processes: readonly string[];
  /** The changes so far: when, which partition, whose. */
  readonly changes: readonly (readonly [atUs: number, partition: number, owner: number])[];
  /** Of changes of one partition within so many microseconds only the last is kept. */
  readonly resolutionUs: number;
  /** How often a partition has come to another owner. */
  readonly moves: number;
}

/** About 2 MB of JSON: for 1,500 partitions more than sixty changes of each one are kept to the millisecond. */
const MAX_CHANGES = 100_000;
/** Reports of different workers come in any order, but none is as late as this. */
const LATE_US = 60_000_000;
/** When so many reports wait, those that are old enough are looked at. */
const MANY_SAID = 10_000;
/** The first step in which changes are put together where there are too many. */
const FIRST_RESOLUTION_US = 100_000;

/** The log. */
export class OwnerLog {
  readonly #maxChanges: number;
  readonly #processes = new Map<string, number>();
  /** Who acquired a partition last, by what has been said so far, in whatever order. */
  readonly #holders = new Map<number, number>();
  /** By the changes that are settled. */
  readonly #owners = new Map<number, number>();
  #said: Said[] = [];
  #manySaid = MANY_SAID;
  #changes: Change[] = [];
  #resolutionUs = 0;
  #moves = 0;
  /** Called with all that is said, in whatever order it comes: for whoever shows it at once. */
  onSaid: (words: OwnerWords) => void = () => {};

  /**
   * @param partitions how many there are
   * @param maxChanges never more than this, but two for each partition
   */
  constructor(partitions: number, maxChanges: number = MAX_CHANGES) {
    this.#maxChanges = Math.max(maxChanges, 2 * partitions);
  }

  /** How often a partition has come to another owner so far. */
  get moves(): number {
    return this.#moves;
  }

  /**
   * A worker has acquired partitions.
   *
   * @param process its process and incarnation
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  acquired(process: string, partitions: readonly number[], atUs: number): void {
    const by = this.#numberOf(process);
    for (const partition of partitions) {
      const holder = this.#holders.get(partition);
      if (holder !== undefined && holder !== by) this.#moves++;
      this.#holders.set(partition, by);
    }
    this.#add({ kind: "acquired", by, partitions, atUs });
    this.onSaid({ kind: "acquired", process, partitions, atUs });
  }

  /**
   * A worker has let go of partitions, or was killed and has none any more.
   *
   * @param process its process and incarnation
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  letGo(process: string, partitions: readonly number[], atUs: number): void {
    this.#add({ kind: "let go", by: this.#numberOf(process), partitions, atUs });
    this.onSaid({ kind: "let go", process, partitions, atUs });
  }

  /**
   * All changes so far, as if no report were missing.
   *
   * @param startUs when the run began, in microseconds since 1970
   */
  changes(startUs: number): OwnerChanges {
    this.#settle(Number.POSITIVE_INFINITY);
    return {
      processes: [...this.#processes.keys()],
      resolutionMs: this.#resolutionUs / 1_000,
      atMs: this.#changes.map(({ atUs }) => Math.round((atUs - startUs) / 1_000)),
      partition: this.#changes.map(({ partition }) => partition),
      owner: this.#changes.map(({ owner }) => owner),
    };
  }

  /** The log as JSON holds it, as if no report were missing. */
  save(): SavedOwners {
    this.#settle(Number.POSITIVE_INFINITY);
    return {
      processes: [...this.#processes.keys()],
      changes: this.#changes.map(({ atUs, partition, owner }) => [atUs, partition, owner] as const),
      resolutionUs: this.#resolutionUs,
      moves: this.#moves,
    };
  }

  /**
   * Goes on from there, for a log in which nothing is written yet.
   *
   * @param saved the log so far
   * @param atUs when all of them are taken to have let go, in microseconds since 1970
   * @param living processes that have what they had
   */
  load(
    { processes, changes, resolutionUs, moves }: SavedOwners,
    atUs: number,
    living: ReadonlySet<string> = new Set(),
  ): void {
    for (const process of processes) this.#numberOf(process);
    for (const [changedUs, partition, owner] of changes) {
      this.#changes.push({ atUs: changedUs, partition, owner });
      this.#owners.set(partition, owner);
    }
    this.#resolutionUs = resolutionUs;
    this.#moves = moves;
    for (const [partition, owner] of this.#owners) {
      if (owner === NOBODY) continue;
      if (living.has(processes[owner]!)) this.#holders.set(partition, owner);
      else this.#add({ kind: "let go", by: owner, partitions: [partition], atUs });
    }
  }

  #numberOf(process: string): number {
    const known = this.#processes.get(process);
    if (known !== undefined) return known;
    this.#processes.set(process, this.#processes.size);
    return this.#processes.size - 1;
  }

  #add(said: Said): void {
    this.#said.push(said);
    if (this.#said.length < this.#manySaid) return;
    this.#settle(said.atUs - LATE_US);
    this.#manySaid = Math.max(MANY_SAID, this.#said.length * 2);
  }

  #settle(beforeUs: number): void {
    const said = this.#said.sort((a, b) => a.atUs - b.atUs);
    const count = said.findIndex(({ atUs }) => atUs >= beforeUs);
    for (const each of said.splice(0, count < 0 ? said.length : count)) this.#take(each);
    while (this.#changes.length > this.#maxChanges) this.#coarsen();
  }

  #take({ kind, by, partitions, atUs }: Said): void {
    const owner = kind === "acquired" ? by : NOBODY;
    for (const partition of partitions) {
      const before = this.#owners.get(partition) ?? NOBODY;
      // Who is not the owner any more has nothing to let go.
      if (before === owner || (kind === "let go" && before !== by)) continue;
      this.#owners.set(partition, owner);
      this.#changes.push({ atUs, partition, owner });
    }
  }

  /** Keeps the last change of each partition in each step of time, and only if it is one from step to step. */
  #coarsen(): void {
    this.#resolutionUs = Math.max(FIRST_RESOLUTION_US, this.#resolutionUs * 2);
    const last = new Map<string, Change>();
    for (const change of this.#changes) {
      last.set(`${Math.floor(change.atUs / this.#resolutionUs)} ${change.partition}`, change);
    }
    const owners = new Map<number, number>();
    this.#changes = [...last.values()].sort((a, b) => a.atUs - b.atUs).filter((change) => {
      const before = owners.get(change.partition) ?? NOBODY;
      owners.set(change.partition, change.owner);
      return before !== change.owner;
    });
  }
}
