/**
 * The orders in which strategies look at workers and partitions, so that no answer depends on the order of its input.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { StrategyInput, StrategyPartition, StrategyWorker } from "../partition.ts";

/**
 * Compares texts by UTF-16 code units: the same on every machine, unlike `localeCompare`.
 *
 * @param a one text
 * @param b the other
 * @returns below 0, 0 or above 0
 */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where the number at the end of a stable ID begins. */
function numberStart(id: string): number {
  let at = id.length;
  while (at > 0 && id.charCodeAt(at - 1) >= 48 && id.charCodeAt(at - 1) <= 57) at--;
  return at;
}

/**
 * Compares stable IDs by prefix, then by number: `worker-2` comes before `worker-10`.
 *
 * @param a one stable ID
 * @param b the other
 * @returns below 0, 0 (only if they are equal) or above 0
 */
export function compareWorkerIds(a: string, b: string): number {
  const aAt = numberStart(a), bAt = numberStart(b);
  const byPrefix = compareText(a.slice(0, aAt), b.slice(0, bAt));
  if (byPrefix !== 0) return byPrefix;
  const byNumber = Number(a.slice(aAt)) - Number(b.slice(bAt));
  // Equal numbers can still be different IDs: worker-1 and worker-01.
  return byNumber || compareText(a, b);
}

/**
 * The workers of an input in their own order.
 *
 * @param input what the strategy was given
 * @returns the workers, sorted; the given array itself if it is sorted
 * @throws {PartiError} `PARTI_INVALID_ASSIGNMENT` if there are none, one occurs twice, or a capacity is not a finite number > 0
 */
export function sortedWorkers(input: StrategyInput): readonly StrategyWorker[] {
  if (input.workers.length === 0) {
    throw new PartiError("PARTI_INVALID_ASSIGNMENT", "there is no worker to assign partitions to", {
      hint: "call the strategy with at least one worker",
    });
  }
  const workers = sorted(input.workers, (a, b) => compareWorkerIds(a.id, b.id));
  for (let i = 0; i < workers.length; i++) {
    const worker = workers[i]!;
    if (worker.id === workers[i - 1]?.id) {
      throw new PartiError("PARTI_INVALID_ASSIGNMENT", `worker ${worker.id} is given twice`, {
        value: worker,
      });
    }
    if (!Number.isFinite(worker.capacity) || worker.capacity <= 0) {
      throw new PartiError(
        "PARTI_INVALID_ASSIGNMENT",
        `the capacity of ${worker.id} is ${worker.capacity}, not a finite number above 0`,
        { value: worker },
      );
    }
  }
  return workers;
}

/**
 * The partitions of an input in their own order.
 *
 * @param input what the strategy was given
 * @returns the partitions, sorted by identity; the given array itself if it is sorted
 */
export function sortedPartitions(input: StrategyInput): readonly StrategyPartition[] {
  return sorted(input.partitions, (a, b) => compareText(a.id, b.id));
}

function sorted<T>(items: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  for (let i = 1; i < items.length; i++) {
    if (compare(items[i - 1]!, items[i]!) > 0) return [...items].sort(compare);
  }
  return items;
}
