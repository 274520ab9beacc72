/**
 * Brings load to workers that have too little: those that have just joined, mostly.
 *
 * @module
 */
import type { Board } from "./board.ts";
import { Holdings } from "./holdings.ts";
import { heavyFirst } from "./weight_order.ts";
import { WorkerHeap } from "./worker_heap.ts";

/** How {@linkcode draw} takes partitions for light workers. */
interface Rule {
  /** Whether a light worker wants more. */
  wants(to: number): boolean;
  /** The heaviest partition a worker may lose, whoever gets it. */
  spare(from: number): number;
  /** The heaviest partition a worker may get. */
  room(to: number): number;
}

/**
 * Fills each worker below its limit up to its fair load, first with the partitions whose home it is, then with what others have
 * above their fair load. Where that is not enough to be within limits, others give until they are at the limit themselves, and
 * at last anything that makes things better.
 *
 * @param board the board, every partition with an owner
 * @param homesOf gives each partition's home; only called if somebody has too little
 * @returns how many partitions moved
 */
export function fill(board: Board, homesOf: () => Int32Array): number {
  const light = underloaded(board);
  if (light.length === 0) return 0;
  const { load, fair, least, tiny, capacity } = board;
  const homes = homesOf();
  let moves = bringHome(board, light, homes);
  const holdings = new Holdings(board, homes);
  const belowLimit = (to: number) => isUnderloaded(board, to);
  moves += draw(board, light, holdings, {
    wants: (to) => load[to]! < fair[to]!,
    spare: (from) => board.spare(from),
    room: (to) => board.room(to),
  });
  const room = (to: number) => 2 * (fair[to]! - load[to]!);
  moves += draw(board, light, holdings, {
    wants: belowLimit,
    spare: (from) => load[from]! - least[from]! + tiny * capacity[from]!,
    room,
  });
  return moves + drawAny(board, light, holdings, room);
}

/** The workers below their limit, the least loaded first. */
function underloaded(board: Board): number[] {
  const { load, capacity } = board;
  const found: number[] = [];
  for (let w = 0; w < load.length; w++) if (isUnderloaded(board, w)) found.push(w);
  return found.sort((a, b) => load[a]! / capacity[a]! - load[b]! / capacity[b]! || a - b);
}

function isUnderloaded(board: Board, w: number): boolean {
  return board.load[w]! < board.least[w]! - board.tiny * board.capacity[w]!;
}

/** Moves partitions to their home where that is one of the light workers and the owner can spare them. */
function bringHome(board: Board, light: readonly number[], homes: Int32Array): number {
  const isLight = new Uint8Array(board.load.length);
  for (const w of light) isLight[w] = 1;
  const candidates: number[] = [];
  for (let p = 0; p < homes.length; p++) {
    if (isLight[homes[p]!] && board.owner[p] !== homes[p]) candidates.push(p);
  }
  let moves = 0;
  for (
    const p of heavyFirst(board.weight, Uint32Array.from(candidates)).flatMap((alike) => [...alike])
  ) {
    const weight = board.weight[p]!, from = board.owner[p]!, to = homes[p]!;
    const allowed = Math.min(board.room(to), board.spare(from));
    if (weight <= allowed && board.improves(weight, from, to)) {
      board.give(p, to);
      moves++;
    }
  }
  return moves;
}

/** Takes partitions from the most loaded workers for the light ones, within the limits of a rule. */
function draw(board: Board, light: readonly number[], holdings: Holdings, rule: Rule): number {
  const heaviest = new WorkerHeap(board, "heaviest");
  let moves = 0;
  for (const to of light) {
    const setAside: number[] = [];
    while (rule.wants(to)) {
      const from = heaviest.best();
      if (from === undefined || board.gainLimit(from, to) <= 0) break;
      const holding = holdings.of(from);
      const spare = rule.spare(from);
      const limit = Math.min(spare, rule.room(to), board.gainLimit(from, to));
      const place = holding.heaviestUpTo(limit);
      if (place !== 0 && board.improves(board.weight[holding.at(place)]!, from, to)) {
        holding.take(place);
        board.give(holding.at(place), to);
        moves++;
        continue;
      }
      heaviest.drop(from);
      // It may have something for another light worker, unless all it has is too heavy to be spared.
      if (holding.heaviestUpTo(spare) !== 0) setAside.push(from);
    }
    for (const from of setAside) heaviest.restore(from);
  }
  return moves;
}

/** Gives light workers anything that makes things better until they are within their limits. */
function drawAny(
  board: Board,
  light: readonly number[],
  holdings: Holdings,
  room: (to: number) => number,
): number {
  const { load, weight, capacity } = board;
  const uniform = capacity.every((one) => one === capacity[0]);
  const heaviest = new WorkerHeap(board, "heaviest");
  let moves = 0;
  for (const to of light) {
    const before = load[to]!;
    const setAside: number[] = [];
    while (isUnderloaded(board, to)) {
      const from = heaviest.best();
      if (from === undefined || board.gainLimit(from, to) <= 0) break;
      const holding = holdings.of(from);
      const place = holding.heaviestUpTo(Math.min(room(to), board.gainLimit(from, to))) ||
        holding.lightestFrom(0);
      if (place !== 0 && board.improves(weight[holding.at(place)]!, from, to)) {
        holding.take(place);
        board.give(holding.at(place), to);
        moves++;
        continue;
      }
      heaviest.drop(from);
      // With equal capacities, what does not help this worker as it was does not help one that has more already.
      const least = holding.lightestFrom(0);
      const hopeless = least === 0 ||
        before + weight[holding.at(least)]! + board.tiny >= load[from]!;
      if (!uniform || !hopeless) setAside.push(from);
    }
    for (const from of setAside) heaviest.restore(from);
  }
  return moves;
}
