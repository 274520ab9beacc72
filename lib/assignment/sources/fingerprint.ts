/**
 * Tells whether two lists of partitions say the same.
 *
 * @module
 */
import type { Partition, StrategyPartition } from "../partition.ts";
import { normalizePartitions } from "../validate.ts";

/**
 * A text that is equal for two lists exactly if they name the same partitions with the same weights, in whatever order.
 *
 * @param partitions normalized partitions
 * @returns the text
 */
export function fingerprint(partitions: readonly StrategyPartition[]): string {
  return JSON.stringify(partitions.map(({ id, weight }) => [id, weight]));
}

/**
 * A copy that shares nothing with the original, checked on the way.
 *
 * @param list the partitions
 * @returns the copy, in the same order
 * @throws {PartiError} `PARTI_INVALID_PARTITION` for a bad key or weight, or for one partition with two weights
 */
export function copyPartitions(list: readonly Partition[]): Partition[] {
  normalizePartitions(list);
  return list.map(({ keys, weight }) =>
    weight === undefined ? { keys: [...keys] } : { keys: [...keys], weight }
  );
}
