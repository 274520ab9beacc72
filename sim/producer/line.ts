/**
 * The partitions of one producer, and how fast their messages come.
 *
 * @module
 */
import {
  addedRate,
  addedWeight,
  partitionRates,
  partitionWeights,
  producerOfAdded,
  producerShares,
} from "../seed/weights.ts";
import type { ChildSpec } from "../wire/wire.ts";

/** One partition of a producer. */
export interface Line {
  /** Its number. */
  readonly partition: number;
  /** Its weight. */
  readonly weight: number;
  /** How many messages it gets in a second. */
  readonly ratePerSecond: number;
  /** The last sequence known to be stored. */
  last: number;
  /** When the next message is due, on the producer's clock. */
  dueMs: number;
  /** The publishing under way, if there is one. */
  underWay: Promise<void> | undefined;
  /** Whether nobody is to send to it any more. */
  retired: boolean;
}

/**
 * The partitions that a producer has at the beginning.
 *
 * @param spec who it is
 * @returns a line for each
 */
export function initialLines({ config, seed, index }: ChildSpec): Line[] {
  const { partitions, producers } = config;
  const weights = partitionWeights(partitions, seed);
  const rates = partitionRates(weights, partitions.message_rate_per_partition);
  return producerShares(weights, producers)[index]!.map((partition) => {
    return lineOf(partition, weights[partition]!, rates[partition]!, 0);
  });
}

/**
 * Those of the partitions that have come that are the producer's.
 *
 * @param spec who it is
 * @param added what has come
 * @param dueMs when the first message is due
 * @returns a line for each that is its
 */
export function addedLines(
  { config: { partitions, producers }, seed, index }: ChildSpec,
  added: readonly number[],
  dueMs: number,
): Line[] {
  const own = added.filter((partition) => producerOfAdded(partition, producers.count) === index);
  return own.map((partition) => {
    const weight = addedWeight(partitions, seed, partition);
    return lineOf(partition, weight, addedRate(partitions, seed, partition), dueMs);
  });
}

function lineOf(partition: number, weight: number, ratePerSecond: number, dueMs: number): Line {
  return { partition, weight, ratePerSecond, last: 0, dueMs, underWay: undefined, retired: false };
}
