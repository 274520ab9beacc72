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

/** Doubled so often a delay is long enough for any bound, and still a number. */
const DOUBLINGS_MAX = 10;

/**
 * How long to wait at most after something has failed again: twice as long as the last time, up to a bound. {@linkcode jitter} makes a
 * pause of it that not everybody takes alike.
 *
 * @param firstMs after the first failure, in milliseconds
 * @param failures how often it had failed before
 * @param maxMs the bound, in milliseconds
 * @returns the delay, in milliseconds
 */
export function backoffMs(firstMs: number, failures: number, maxMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(failures, DOUBLINGS_MAX), maxMs);
}
