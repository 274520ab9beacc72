/**
 * A list of partitions held in memory.
 *
 * @module
 */
import type { Partition, PartitionSource } from "../partition.ts";
import { normalizePartitions } from "../validate.ts";
import { copyPartitions, fingerprint } from "./fingerprint.ts";
import { Listeners } from "./listeners.ts";

/** A source whose list is given by the program. */
export interface StaticSource extends PartitionSource {
  /**
   * Replaces the list. Watchers are told if it says something new; where this worker leads, the group follows as soon as it has settled and
   * `assignment.minRebalanceInterval` has passed, and `Manager.refreshPartitions` waits for neither. Workers of other processes have
   * sources of their own: give all of them the same list.
   *
   * @param list the partitions from now on; copied
   * @throws {PartiError} `PARTI_INVALID_PARTITION`; the old list then stays
   */
  update(list: readonly Partition[]): void;
  /** Calls `onChange` after each {@linkcode update} that says something new. */
  watch(onChange: () => void): { close(): void };
}

/**
 * Makes a static source. Several workers of one process may share it: it keeps its list once, and an update is one for all of them.
 *
 * @param list the partitions; copied, so changing the list later changes nothing here
 * @returns the source
 * @throws {PartiError} `PARTI_INVALID_PARTITION` for a bad key or weight, or for one partition with two weights
 */
export function staticSource(list: readonly Partition[]): StaticSource {
  // As text: only the leader ever asks for the list, and as objects it takes ten times as much, in every worker of a process.
  let text = encode(copyPartitions(list));
  const listNow = () => decode(text);
  const contentNow = () => fingerprint(normalizePartitions(listNow()));
  const listeners = new Listeners();
  return {
    list: () => Promise.resolve(listNow()),
    watch: (onChange) => ({ close: listeners.add(onChange) }),
    update(next) {
      const copy = copyPartitions(next);
      const before = contentNow();
      text = encode(copy);
      if (contentNow() !== before) listeners.notify();
    },
  };
}

/** As short as it can be: `[keys]`, or `[keys, weight]`. */
function encode(list: readonly Partition[]): string {
  return JSON.stringify(
    list.map(({ keys, weight }) => weight === undefined ? [keys] : [keys, weight]),
  );
}

function decode(text: string): Partition[] {
  const list: readonly (readonly [string[], number?])[] = JSON.parse(text);
  return list.map(([keys, weight]) => weight === undefined ? { keys } : { keys, weight });
}
