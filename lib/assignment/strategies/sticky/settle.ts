/**
 * Moves partitions until everybody is within limits, or nothing makes things better.
 *
 * @module
 */
import type { Board } from "./board.ts";
import { fill } from "./fill.ts";
import { relieve } from "./relieve.ts";
import { swap } from "./swap.ts";

/**
 * Every move makes things better, so it ends without this, too. In 20,000 random cases 7 rounds were seen; with hundreds of workers that each
 * have a capacity of their own, more than a hundred of 30 ms each, in which hardly anything moves.
 */
const MAX_ROUNDS = 64;

/**
 * Settles a board. It ends with a round that, judging by freshly counted loads, moves nothing: so settling the result once
 * more moves nothing either, unless there were too many rounds.
 *
 * @param board the board, every partition with an owner
 * @param homesOf gives each partition's home; only called if something has to move
 */
export function settle(board: Board, homesOf: () => Int32Array): void {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let moves = 0;
    for (const step of [fill, relieve]) {
      board.recount();
      moves += step(board, homesOf);
    }
    // Exchanges cost twice: only when nothing simpler is left.
    if (moves === 0) moves = swap(board, homesOf);
    if (moves === 0) return;
  }
}
