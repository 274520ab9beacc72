/**
 * The list of partitions that the group shares, as it lies on the server: the coordinator writes it, and every worker's source watches it.
 *
 * @module
 */
import { encodePartitions } from "../../lib/assignment/sources/kv_source.ts";
import type { KvBucket, KvStore } from "../../lib/ports/kv.ts";
import type { Topology } from "./topology.ts";

/**
 * Opens the bucket of the list.
 *
 * @param kv the server's buckets
 * @param topology its name
 * @param replicas on how many servers it lies
 * @returns the bucket, made if it was not there
 */
export function openPartitionBucket(
  kv: KvStore,
  topology: Topology,
  replicas: number,
): Promise<KvBucket> {
  const options = { ttlMs: 0, replicas, storage: "file" } as const;
  return kv.open(topology.partitionBucket, options);
}

/**
 * Writes the list.
 *
 * @param bucket its bucket
 * @param weights weights by partition; partition n has the key `String(n)`
 * @param current the numbers of those that the group is to share
 */
export async function writePartitionList(
  bucket: KvBucket,
  weights: readonly number[],
  current: readonly number[],
): Promise<void> {
  const list = current.map((partition) => ({
    keys: [String(partition)],
    weight: weights[partition]!,
  }));
  await bucket.put("partitions", encodePartitions(list));
}
