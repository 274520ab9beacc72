/**
 * Who has which partition, as soon as it is said, and what has changed lately.
 *
 * The log for the report waits until nobody can be late any more. A page does not: what comes too late to be put in its place is left out
 * of the picture, and the owner of the moment is right all the same.
 *
 * @module
 */
import { byName, workerName } from "../report_page/page_data.ts";
import type { OwnerWords } from "../series/owner_log.ts";
import type { OwnerChanges } from "../series/series.ts";

/** Nobody, where a worker is told by its number. */
export const NOBODY = -1;
/** When there are so many changes, the older half of them is forgotten. */
const MAX_CHANGES = 60_000;
/** So many words wait until somebody looks. */
const MAX_WAITING = 1_000;

interface Latest {
  readonly atUs: number;
  readonly process: string;
  readonly owner: number;
}

/** The owners. */
export class LiveOwners {
  /** Counts up when changes have been forgotten: places among them mean something else then. */
  generation = 0;
  /** All workers there ever were; an owner is told by its place here. */
  readonly names: string[];
  /** When each change was, in milliseconds since the run began. */
  readonly atMs: number[] = [];
  /** Which partition. */
  readonly partition: number[] = [];
  /** Whose it is from then on. */
  readonly owner: number[] = [];
  readonly #maxChanges: number;
  readonly #latest = new Map<number, Latest>();
  readonly #numbers = new Map<string, number>();
  #waiting: OwnerWords[] = [];
  #startUs = 0;

  /**
   * @param names workers that are known to come, in their order
   * @param maxChanges never more than this, but two for each partition
   */
  constructor(names: readonly string[], maxChanges: number = MAX_CHANGES) {
    this.names = [];
    for (const name of names) this.numberOf(name);
    this.#maxChanges = maxChanges;
  }

  /**
   * Begins, with what has happened so far.
   *
   * @param before the changes until now
   * @param startUs when the run began, in microseconds since 1970
   */
  begin({ processes, atMs, partition, owner }: OwnerChanges, startUs: number): void {
    this.#startUs = startUs;
    this.expect(processes);
    for (const [index, ms] of atMs.entries()) {
      const process = processes[owner[index]!] ?? "";
      this.#change(partition[index]!, startUs + ms * 1_000, process, process !== "");
    }
  }

  /**
   * Takes what was said, in whatever order.
   *
   * @param words what
   */
  take(words: OwnerWords): void {
    if (this.#waiting.push(words) >= MAX_WAITING) this.settle();
  }

  /** Makes changes of all that was said. */
  settle(): void {
    const waiting = this.#waiting.sort((a, b) => a.atUs - b.atUs);
    this.#waiting = [];
    for (const { kind, process, partitions, atUs } of waiting) {
      for (const partition of partitions) {
        const latest = this.#latest.get(partition);
        const isLate = latest !== undefined && atUs < latest.atUs;
        // Who is not the owner any more has nothing to let go.
        if (isLate || (kind === "let go" && latest?.process !== process)) continue;
        this.#change(partition, atUs, process, kind === "acquired");
      }
    }
    if (this.atMs.length > Math.max(this.#maxChanges, 2 * this.#latest.size)) this.#forget();
  }

  /**
   * The number of a worker.
   *
   * @param name its name; it is a new one if nobody has said it yet
   */
  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.names.length);
    return this.names.push(name) - 1;
  }

  /**
   * Numbers workers in the order of their names, whoever of them says something first.
   *
   * @param processes their processes
   */
  expect(processes: readonly string[]): void {
    // In a long run there were thousands of them, and hardly one is new.
    const unknown = processes.map(workerName).filter((name) => !this.#numbers.has(name));
    for (const name of unknown.sort(byName)) this.numberOf(name);
  }

  /** How many partitions each worker has, by its number. */
  get counts(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const { owner } of this.#latest.values()) {
      if (owner !== NOBODY) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    return counts;
  }

  /**
   * Whether somebody has a partition.
   *
   * @param partition its number
   */
  isOwned(partition: number): boolean {
    return (this.#latest.get(partition)?.owner ?? NOBODY) !== NOBODY;
  }

  #change(partition: number, atUs: number, process: string, has: boolean): void {
    const before = this.#latest.get(partition)?.owner ?? NOBODY;
    const owner = has ? this.numberOf(workerName(process)) : NOBODY;
    this.#latest.set(partition, { atUs, process: has ? process : "", owner });
    if (owner === before) return;
    this.#push(partition, atUs, owner);
  }

  #push(partition: number, atUs: number, owner: number): void {
    this.atMs.push(Math.round((atUs - this.#startUs) / 1_000));
    this.partition.push(partition);
    this.owner.push(owner);
  }

  /** Of what is forgotten each partition's last owner is kept, at its time. */
  #forget(): void {
    const cut = this.atMs.length >> 1;
    const last = new Map<number, number>();
    for (let index = 0; index < cut; index++) last.set(this.partition[index]!, index);
    const kept = [...last.values()].sort((a, b) => a - b);
    for (const column of [this.atMs, this.partition, this.owner]) {
      const rest = [...kept.map((index) => column[index]!), ...column.slice(cut)];
      column.length = 0;
      for (const value of rest) column.push(value);
    }
    this.generation++;
  }
}
