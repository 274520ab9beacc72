/**
 * Plain consistent hashing.
 *
 * @module
 */
import { partitionHash, seedHash } from "./hash.ts";
import { numberOption } from "./options.ts";
import { sortedWorkers } from "./order.ts";
import type { AssignmentStrategy } from "../partition.ts";
import { ringCache } from "./ring_cache.ts";

/** Options of {@linkcode consistentHash}. */
export interface ConsistentHashOptions {
  /** Points per worker on the ring, 1 to 10,000; 150 unless given. More points: more even, slower. */
  readonly virtualNodes?: number;
  /** Makes another placement of the same partitions, a whole number ≥ 0; 0 unless given. */
  readonly seed?: number;
}

/**
 * The consistent-hash strategy: an owner follows from the names of the workers and the partition alone. A worker that comes or
 * goes moves only its own share. Weights, capacities and the previous assignment are ignored and nothing bounds the
 * load: expect a worker with 1.5 times the mean (1.8 times where there are 15 partitions per worker).
 *
 * @param options points per worker and seed
 * @returns the strategy
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for options out of range
 */
export function consistentHash(options: ConsistentHashOptions = {}): AssignmentStrategy {
  const virtualNodes = numberOption("virtualNodes", options.virtualNodes, 150, 1, 10_000, true);
  const seed = numberOption("seed", options.seed, 0, 0, Number.MAX_SAFE_INTEGER, true);
  const ringOf = ringCache(virtualNodes, seed);
  const hashSeed = seedHash(seed);
  return (input) => {
    const workers = sortedWorkers(input);
    const ring = ringOf(workers);
    const owners = new Map<string, string>();
    const hash = { hi: 0, lo: 0 };
    for (const { id } of input.partitions) {
      partitionHash(id, hashSeed, hash);
      owners.set(id, workers[ring.ownerAt(ring.find(hash))]!.id);
    }
    return owners;
  };
}
