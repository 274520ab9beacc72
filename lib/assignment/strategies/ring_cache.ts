/**
 * Keeps the latest ring, since most assignments see the same workers as the one before.
 *
 * @module
 */
import { seedHash } from "./hash.ts";
import type { StrategyWorker } from "../partition.ts";
import { Ring } from "./ring.ts";

/**
 * Makes a function that builds rings and remembers the last one. It stays a pure function of its argument.
 *
 * @param virtualNodes points per worker, ≥ 1
 * @param seed makes another ring of the same workers
 * @returns builds the ring of some workers, sorted by ID
 */
export function ringCache(
  virtualNodes: number,
  seed: number,
): (workers: readonly StrategyWorker[]) => Ring {
  let ids: readonly string[] = [];
  let ring: Ring | undefined;
  return (workers) => {
    const same = ring && ids.length === workers.length &&
      workers.every((worker, i) => worker.id === ids[i]);
    if (same && ring) return ring;
    ids = workers.map((worker) => worker.id);
    ring = new Ring(ids, virtualNodes, seedHash(seed));
    return ring;
  };
}
