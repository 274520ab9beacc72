/**
 * Exchanges partitions where moving one alone does not help.
 *
 * @module
 */
import type { Board } from "./board.ts";
import { type Holding, Holdings } from "./holdings.ts";
import { overloaded } from "./relieve.ts";
import { WorkerHeap } from "./worker_heap.ts";

/** With how many of the lightest workers an exchange is tried. */
const PARTNERS = 16;
/** An exchange moves two partitions: it must lower the higher of two loads by this part of the fair load at least. */
const WORTHWHILE = 0.01;

interface Exchange {
  readonly given: number;
  readonly taken: number;
  /** The weight moved if both end within their limits, else infinite. */
  readonly cost: number;
  /** The higher of the two loads per capacity afterwards. */
  readonly height: number;
}

/**
 * Lets each worker that is above its limit exchange one partition for a lighter one of a light worker. Each worker takes part
 * once a round.
 *
 * @param board the board, every partition with an owner
 * @param homesOf gives each partition's home; only called if somebody has too much
 * @returns how many partitions moved
 */
export function swap(board: Board, homesOf: () => Int32Array): number {
  const heavy = overloaded(board);
  if (heavy.length === 0) return 0;
  const holdings = new Holdings(board, homesOf());
  const uniform = board.capacity.every((one) => one === board.capacity[0]);
  const partners = lightestWorkers(board, PARTNERS);
  const busy = new Set<number>();
  let moves = 0;
  for (const from of heavy) {
    const holding = holdings.of(from);
    // Whoever takes a worker's only partition ends where that worker was, or higher.
    if (busy.has(from) || uniform && holding.size === 1) continue;
    let best: Exchange | undefined;
    let bestTo = from;
    for (const to of partners) {
      if (to === from || busy.has(to)) continue;
      const found = bestExchange(board, from, to, holding, holdings.of(to));
      if (found && (!best || better(found, best))) [best, bestTo] = [found, to];
    }
    if (!best) continue;
    board.give(best.given, bestTo);
    board.give(best.taken, from);
    busy.add(from).add(bestTo);
    moves += 2;
  }
  return moves;
}

function lightestWorkers(board: Board, count: number): number[] {
  const heap = new WorkerHeap(board, "lightest");
  const found: number[] = [];
  for (let w = heap.best(); w !== undefined && found.length < count; w = heap.best()) {
    found.push(w);
    heap.drop(w);
  }
  return found;
}

function better(a: Exchange, b: Exchange): boolean {
  return a.cost < b.cost || a.cost === b.cost && a.height < b.height;
}

/** The best exchange between two workers: the cheapest that brings both within their limits, else the one that levels best. */
function bestExchange(
  board: Board,
  from: number,
  to: number,
  givers: Holding,
  takers: Holding,
): Exchange | undefined {
  const { load, most, capacity, weight } = board;
  const high = load[from]!, low = load[to]!;
  const need = high - most[from]!, room = most[to]! - low;
  const level = (high * capacity[to]! - low * capacity[from]!) / (capacity[from]! + capacity[to]!);
  const limit = high / capacity[from]! - board.tiny -
    WORTHWHILE * board.fair[from]! / capacity[from]!;
  let best: Exchange | undefined;
  const consider = (given: number, taken: number) => {
    const shift = weight[given]! - weight[taken]!;
    const height = Math.max((high - shift) / capacity[from]!, (low + shift) / capacity[to]!);
    if (shift <= 0 || height > limit) return;
    const clean = shift >= need && shift <= room;
    const cost = clean ? weight[given]! + weight[taken]! : Infinity;
    const exchange = { given, taken, cost, height };
    if (!best || better(exchange, best)) best = exchange;
  };
  for (let place = 1; place <= takers.size; place++) {
    const taken = takers.at(place);
    for (const shift of [need, level]) {
      const above = givers.lightestFrom(weight[taken]! + shift);
      if (above !== 0) consider(givers.at(above), taken);
      const below = givers.heaviestUpTo(weight[taken]! + shift);
      if (below !== 0) consider(givers.at(below), taken);
    }
  }
  return best;
}
