/**
 * How the consumers of a stream were a while ago: for listings that are out of date. Nothing is kept unless somebody wants it.
 *
 * @module
 */
import type { ConsumerInfo } from "../../ports/feed.ts";

interface Change {
  readonly atMs: number;
  readonly name: string;
  readonly before: ConsumerInfo | undefined;
}

/** What was changed lately. */
export class ListHistory {
  #changes: Change[] = [];

  /** How many changes are kept. */
  get size(): number {
    return this.#changes.length;
  }

  /**
   * Notes that a consumer is about to be made, changed or deleted.
   *
   * @param nowMs the time, in milliseconds
   * @param keepMs for how long it is kept, in milliseconds; with 0 nothing is
   * @param name the consumer's name
   * @param before how it is; undefined if it is not there
   */
  note(nowMs: number, keepMs: number, name: string, before: ConsumerInfo | undefined): void {
    const first = this.#changes.findIndex(({ atMs }) => atMs >= nowMs - keepMs);
    this.#changes = first < 0 ? [] : this.#changes.slice(first);
    if (keepMs > 0) this.#changes.push({ atMs: nowMs, name, before });
  }

  /**
   * Makes a listing older.
   *
   * @param list how the consumers are now
   * @param atMs the time it is wanted for, in milliseconds
   * @returns how they were then, as far as changes were noted
   */
  asOf(list: readonly ConsumerInfo[], atMs: number): ConsumerInfo[] {
    const byName = new Map(list.map((info) => [info.name, info]));
    for (const { atMs: changedMs, name, before } of this.#changes.toReversed()) {
      if (changedMs < atMs) break;
      if (before === undefined) byName.delete(name);
      else byName.set(name, before);
    }
    return [...byName.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }
}
