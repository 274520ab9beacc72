/**
 * Takes load off workers that have too much.
 *
 * @module
 */
import type { Board } from "./board.ts";
import { type Holding, Holdings } from "./holdings.ts";
import { WorkerHeap } from "./worker_heap.ts";

/**
 * Lets each worker above its limit give partitions to lighter ones until it is within it, or no move makes things better.
 *
 * @param board the board, every partition with an owner
 * @param homesOf gives each partition's home; only called if somebody has too much
 * @returns how many partitions moved
 */
export function relieve(board: Board, homesOf: () => Int32Array): number {
  const heavy = overloaded(board);
  if (heavy.length === 0) return 0;
  const homes = homesOf();
  const holdings = new Holdings(board, homes);
  const lightest = new WorkerHeap(board, "lightest");
  let moves = 0;
  for (const from of heavy) {
    const holding = holdings.of(from);
    while (isOverloaded(board, from)) {
      const place = choose(board, holding, from, lightest);
      if (place === 0) break;
      const p = holding.at(place);
      const home = homes[p]!;
      const atHome = home !== from && board.weight[p]! <= board.room(home);
      holding.take(place);
      board.give(p, atHome ? home : lightest.best(board.weight[p]!)!);
      moves++;
    }
  }
  return moves;
}

/**
 * The workers above their limit, the most loaded first.
 *
 * @param board the board
 * @returns their numbers
 */
export function overloaded(board: Board): number[] {
  const { load, capacity } = board;
  const found: number[] = [];
  for (let w = 0; w < load.length; w++) if (isOverloaded(board, w)) found.push(w);
  return found.sort((a, b) => load[b]! / capacity[b]! - load[a]! / capacity[a]! || a - b);
}

function isOverloaded(board: Board, w: number): boolean {
  return board.load[w]! > board.most[w]! + board.tiny * board.capacity[w]!;
}

/**
 * Which partition an overloaded worker should give: the heaviest that is still needed and fits elsewhere, so that the weight
 * moved is hardly more than the excess; else the lightest that does it at once; else the lightest, if even that helps.
 */
function choose(board: Board, holding: Holding, from: number, lightest: WorkerHeap): number {
  const { weight, load, most, tiny, capacity } = board;
  const excess = load[from]! - most[from]!;
  const room = (p: number) => {
    const to = lightest.best(p)!;
    return most[to]! - load[to]! + tiny * capacity[to]!;
  };
  const improves = (place: number) => {
    if (place === 0) return false;
    const one = weight[holding.at(place)]!;
    return board.improves(one, from, lightest.best(one)!);
  };
  const part = holding.heaviestUpTo(Math.min(excess, room(0)));
  if (improves(part)) return part;
  const whole = holding.lightestFrom(excess);
  if (improves(whole) && weight[holding.at(whole)]! <= room(weight[holding.at(whole)]!)) {
    return whole;
  }
  const least = holding.lightestFrom(0);
  return improves(least) ? least : 0;
}
