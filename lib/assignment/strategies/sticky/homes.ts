/**
 * Where each partition would live if nobody had owned anything before.
 *
 * @module
 */
import { partitionHash, seedHash } from "../hash.ts";
import type { Ring } from "../ring.ts";
import type { Board } from "./board.ts";
import { NOBODY } from "./board.ts";
import { heavyFirst, upTo } from "./weight_order.ts";
import { WorkerHeap } from "./worker_heap.ts";

/** How many ring points are tried before the lightest worker takes a partition. */
const WALK_POINTS = 24;
const SEED = seedHash(0);

/**
 * Places all partitions on an empty board: heavy ones first, each at the first worker on the ring after its hash that has room,
 * else at the lightest. Since it follows from names, weights and capacities alone, a worker that comes back finds the same
 * partitions marked as its own, and a change elsewhere alters little.
 *
 * Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018, with the fair load as bound.
 *
 * @param board an empty board; its owners are filled in
 * @param ring the ring of the board's workers
 */
export function placeByHash(board: Board, ring: Ring): void {
  const lightest = new WorkerHeap(board, "lightest");
  const largest = board.capacity.reduce((most, one) => Math.max(most, one), 0);
  for (const alike of heavyFirst(board.weight, upTo(board.weight.length))) {
    for (const p of alike) {
      const home = walk(board, ring, p, largest);
      board.give(p, home === NOBODY ? lightest.best(board.weight[p]!)! : home);
    }
  }
}

const hash = { hi: 0, lo: 0 };

/** The first worker on the ring with room for a partition, if there is one close by. */
function walk(board: Board, ring: Ring, p: number, largestCapacity: number): number {
  const weight = board.weight[p]!;
  partitionHash(board.partitions[p]!.id, SEED, hash);
  const place = ring.find(hash);
  for (let step = 0; step < WALK_POINTS; step++) {
    const w = ring.ownerAt(place + step);
    // Too heavy for any fair load: it needs a whole worker, and one of the largest.
    const alone = board.load[w] === 0 && board.capacity[w] === largestCapacity &&
      weight > board.fair[w]!;
    if (alone || weight <= board.room(w)) return w;
  }
  return NOBODY;
}

/**
 * Places the partitions that have no owner: at home where there is room, else at the lightest worker. Where that would push even
 * the lightest above its limit, it goes to the one with the least weight in partitions as heavy as this or heavier: what
 * that one has of lighter ones can make way, and so it ends lowest.
 *
 * @param board the board
 * @param homes each partition's home
 */
export function placeOrphans(board: Board, homes: Int32Array): void {
  const { weight, owner, load, fair, most, tiny, capacity } = board;
  const heavyLoad = new Float64Array(load.length);
  const lightest = new WorkerHeap(board, "lightest");
  const lightestInHeavy = new WorkerHeap(board, "lightest", heavyLoad);
  for (const alike of heavyFirst(weight, upTo(weight.length))) {
    for (const p of alike) if (owner[p] !== NOBODY) heavyLoad[owner[p]!]! += weight[p]!;
    for (const p of alike) {
      if (owner[p] !== NOBODY) continue;
      const one = weight[p]!;
      let to = homes[p]!;
      // Not a bit above its fair load: somebody else might end too low, and one more would have to move.
      if (load[to]! + one > fair[to]! + tiny * capacity[to]!) to = lightest.best(one)!;
      if (load[to]! + one > most[to]!) to = lightestInHeavy.best(one)!;
      board.give(p, to);
      heavyLoad[to]! += one;
    }
  }
}
