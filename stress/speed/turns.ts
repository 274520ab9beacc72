/**
 * Two ways of doing the same thing, measured in turns: on a machine that does other things as well only what was measured side by side can
 * be compared.
 *
 * @module
 */

/** What one turn has found. */
export interface Turn {
  /** The one that is judged. */
  readonly value: number;
  /** The one it is judged by. */
  readonly limit: number;
}

/** How often each way is measured. */
export const ROUNDS = 5;

/**
 * Measures two ways in turns: each round both, and the first of a round is the second of the next. A round before counts for nothing, since
 * code that runs for the first time is slow.
 *
 * @param rounds how many rounds count
 * @param measure measures the one that is judged
 * @param limit measures the one it is judged by
 * @param progress says how far it is
 * @returns the rounds
 */
export async function inTurns(
  rounds: number,
  measure: () => Promise<number>,
  limit: () => Promise<number>,
  progress: (what: string) => void,
): Promise<Turn[]> {
  const turns: Turn[] = [];
  for (let round = 0; round <= rounds; round++) {
    progress(round === 0 ? "warming up" : `round ${round} of ${rounds}`);
    const isFirst = round % 2 === 0;
    const early = isFirst ? await measure() : await limit();
    const late = isFirst ? await limit() : await measure();
    if (round > 0) {
      turns.push(isFirst ? { value: early, limit: late } : { value: late, limit: early });
    }
  }
  return turns;
}
