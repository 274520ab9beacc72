/**
 * Where a worker's group has its partitions from.
 *
 * @module
 */
import type { PartitionSource } from "../../lib/assignment/partition.ts";
import { kvSource } from "../../lib/assignment/sources/kv_source.ts";
import { staticSource } from "../../lib/assignment/sources/static_source.ts";
import { isPartiError } from "../../lib/errors.ts";
import { sleep } from "../../lib/ports/clock.ts";
import type { KvBucket } from "../../lib/ports/kv.ts";
import type { World } from "../../lib/ports/world.ts";
import { partitionWeights } from "../seed/weights.ts";
import { replicasOf } from "../config/nats_section.ts";
import { openPartitionBucket } from "../streams/partition_list.ts";
import type { ChildSpec } from "../wire/wire.ts";

const RETRY_DELAY_MS = 200;

/**
 * The source of a worker: the list that the coordinator keeps on the server if partitions come and go, otherwise what the configuration
 * says.
 *
 * @param spec the argument of the child
 * @param world the worker's world
 * @param onError called with what the source gets over by itself
 * @returns the source
 */
export async function partitionSource(
  spec: ChildSpec,
  world: World,
  onError: (error: unknown) => void,
): Promise<PartitionSource> {
  const { config, seed, partitionsChange } = spec;
  if (!partitionsChange) {
    const weights = partitionWeights(config.partitions, seed);
    return staticSource(weights.map((weight, index) => ({ keys: [String(index)], weight })));
  }
  const { clock, random } = world;
  return kvSource({ bucket: await openPatiently(spec, world), clock, random, onError });
}

/** A worker may be started while the server is away; how long that may last is the coordinator's business. */
async function openPatiently({ topology, config }: ChildSpec, world: World): Promise<KvBucket> {
  for (;;) {
    try {
      return await openPartitionBucket(world.kv, topology, replicasOf(config.nats));
    } catch (error) {
      if (!isPartiError(error)) throw error;
      await sleep(world.clock, RETRY_DELAY_MS);
    }
  }
}
