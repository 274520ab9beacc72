/**
 * Randomness, as the library sees it: jitter and identities, never ownership.
 *
 * @module
 */

/** The only source of randomness in `lib/`. */
export interface Random {
  /** A number in [0, 1). */
  float(): number;
  /** A fresh unique identity, 8 to 36 characters of `[0-9a-z-]`. */
  uuid(): string;
}

/**
 * A delay with full jitter above one half: between `baseMs/2` and `baseMs`.
 *
 * @param random where the jitter comes from
 * @param baseMs the longest delay, in milliseconds
 * @returns the delay, in milliseconds
 */
export function jitter(random: Random, baseMs: number): number {
  return baseMs / 2 + random.float() * (baseMs / 2);
}
