/**
 * What a worker is told to hold.
 *
 * @module
 */
import type { Partition, PartitionId } from "../../assignment/partition.ts";

/** The partitions a worker is to hold. */
export interface DesiredPartitions {
  /** The epoch of the assignment; with `generation` it orders them. */
  readonly epoch: number;
  /** The generation of the assignment. */
  readonly generation: number;
  /** The partitions. */
  readonly partitions: readonly Partition[];
  /** Which live instance held a partition before and will announce its release; undefined if nobody does. */
  readonly contenderOf?: (id: PartitionId) => string | undefined;
  /** Which instance is to have a partition that is not wanted here any more; without an answer its release is told to everybody. */
  readonly successorOf?: (id: PartitionId) => string | undefined;
  /** Whether an instance is part of this generation; lanes of others are in nobody's right. Without it none is touched. */
  readonly isKnown?: (instance: string) => boolean;
}
