/**
 * The partitions of a case: what its load publishes to, and its workers read.
 *
 * @module
 */

/** How many partitions, and what they are called. */
export interface PartitionSpec {
  /** How many partitions: `0`, `1`, … */
  readonly partitions: number;
  /** How long their names are at least, with zeros in front, in characters. The names decide how long an assignment is. */
  readonly nameLength?: number;
}

/**
 * Names them.
 *
 * @param spec how many, and how long
 * @returns the names, each of which as a number is its place
 */
export function partitionNames({ partitions, nameLength = 1 }: PartitionSpec): string[] {
  return Array.from({ length: partitions }, (_, n) => String(n).padStart(nameLength, "0"));
}
