/**
 * The default strategy: even loads, and as few moves as they take.
 *
 * @module
 */
import { numberOption } from "./options.ts";
import type { AssignmentStrategy, StrategyInput } from "../partition.ts";
import type { Ring } from "./ring.ts";
import { ringCache } from "./ring_cache.ts";
import { Board, NOBODY } from "./sticky/board.ts";
import { placeByHash, placeOrphans } from "./sticky/homes.ts";
import { settle } from "./sticky/settle.ts";

/** Points per worker: the ring only proposes, loads are evened out afterwards. */
const VIRTUAL_NODES = 32;

/** Options of {@linkcode stickyBalanced}. */
export interface StickyBalancedOptions {
  /**
   * How far a worker's load may be from its fair one before partitions move, as a part of it: 0 to 1; 0.05 unless given. A
   * worker that carries 4 % too much keeps what it has.
   */
  readonly tolerance?: number;
}

/**
 * The sticky bounded-load strategy, the default. A partition stays where it is as long as its worker is there and within
 * `tolerance` of its fair load, which is its capacity's share of all weight. What has to move goes to its *home*
 * (where a bounded-load hash would put it) if there is room, else to the lightest worker, so that a worker that comes back tends
 * to get its former partitions.
 *
 * - Loads end within the tolerance, or where no single move or exchange helps any more (the integral optimum for equal weights).
 * - Assigning its own result again moves nothing (hundreds of workers that each have a capacity of their own may take a second assignment to
 *   come to that); so does a change that leaves everybody within the tolerance.
 * - A partition too heavy to share takes a worker for itself.
 *
 * @param options the tolerance
 * @returns the strategy
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for options out of range
 */
export function stickyBalanced(options: StickyBalancedOptions = {}): AssignmentStrategy {
  const tolerance = numberOption("tolerance", options.tolerance, 0.05, 0, 1, false);
  const ringOf = ringCache(VIRTUAL_NODES, 0);
  return (input) => {
    const board = Board.of(input, tolerance);
    assign(board, input, tolerance, () => ringOf(board.workers));
    const owners = new Map<string, string>();
    for (let p = 0; p < board.owner.length; p++) {
      owners.set(board.partitions[p]!.id, board.workers[board.owner[p]!]!.id);
    }
    return owners;
  };
}

function assign(board: Board, input: StrategyInput, tolerance: number, ringOf: () => Ring): void {
  let homes: Int32Array | undefined;
  const homesOf = () => homes ??= findHomes(board, tolerance, ringOf());
  const owned = board.owner.reduce((count, w) => w === NOBODY ? count : count + 1, 0);
  if (owned === 0 && input.partitions.length > 0) {
    board.owner.set(homesOf());
    return;
  }
  if (owned < board.owner.length) placeOrphans(board, homesOf());
  settle(board, homesOf);
}

/** Places everything as if nobody had owned anything; used as it is when that is so. */
function findHomes(board: Board, tolerance: number, ring: Ring): Int32Array {
  const empty = new Board(board.workers, board.partitions, tolerance);
  placeByHash(empty, ring);
  const proposed = empty.owner.slice();
  settle(empty, () => proposed);
  return empty.owner;
}
