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

/** Several ways of doing the same thing, and how often each is measured. */
export interface WaysOptions<Name extends string> {
  /** How many rounds count. */
  readonly rounds: number;
  /** How much of the work the round before them does, which counts for nothing. */
  readonly warmUpShare: number;
  /** Does such a share of the work, and resolves to what was measured. */
  readonly ways: Readonly<Record<Name, (share: number) => Promise<number>>>;
  /** Says how far it is. */
  readonly progress: (what: string) => void;
}

/**
 * Measures more than two ways in turns: each round all of them, and each round begins with another one.
 *
 * @param options which ways, and how often
 * @returns what each way has shown, round by round
 */
export async function waysInTurns<Name extends string>(
  { rounds, warmUpShare, ways, progress }: WaysOptions<Name>,
): Promise<Record<Name, number>[]> {
  const all = Object.entries(ways) as [Name, (share: number) => Promise<number>][];
  const turns: Record<Name, number>[] = [];
  for (let round = 0; round <= rounds; round++) {
    const turn = {} as Record<Name, number>;
    for (let n = 0; n < all.length; n++) {
      const [name, way] = all[(round + n) % all.length]!;
      progress(round === 0 ? `warming up: ${name}` : `round ${round} of ${rounds}: ${name}`);
      turn[name] = await way(round === 0 ? warmUpShare : 1);
    }
    if (round > 0) turns.push(turn);
  }
  return turns;
}
