/**
 * How many bytes the pulls of one connection ask for at one time. A server that has to send more than a connection takes cuts it, and on a
 * slow one everything else waits behind what was asked for.
 *
 * Each pull has a share. A message that is larger than a share is asked for by itself, and of those only a few at a time.
 *
 * @module
 */

/** So much is asked for at one time by all pulls together, in bytes; and so much more by messages that are larger than a share. */
export const CONNECTION_BYTES = 4 * 1024 * 1024;
/** One pull's share, in bytes, however few there are: while the others of a worker come, the first ones have asked already. */
const SHARE_BYTES_MOST = CONNECTION_BYTES / 2;
/** However many there are: a thousand of them are still a quarter of what a server sends before it cuts a connection (64 MiB). */
const SHARE_BYTES_LEAST = 16 * 1024;
/**
 * A message that is asked for by itself is there, as the server has just said. Should it be gone after all, its turn goes to others so soon,
 * in milliseconds.
 */
export const LARGE_EXPIRES_MS = 1_000;
/** The largest message a server takes unless it is told otherwise, in bytes. */
const LARGEST_BYTES = 1024 * 1024;

/** The bytes of one connection. */
export class PullBudget {
  readonly #largestBytes: () => number | undefined;
  readonly #turns = new Set<() => void>();
  readonly #line = new Set<() => void>();
  #pulls = 0;
  #shareBytes = SHARE_BYTES_MOST;

  /** @param largestBytes the largest message that the server takes, in bytes, where that is known */
  constructor(largestBytes: () => number | undefined = () => undefined) {
    this.#largestBytes = largestBytes;
  }

  /** How much one pull may ask for at one time, in bytes. */
  get shareBytes(): number {
    return this.#shareBytes;
  }

  /** There is one pull more. */
  join(): void {
    this.#count(1);
  }

  /**
   * There is one pull less.
   *
   * @param onTurn its call-back
   */
  leave(onTurn: () => void): void {
    this.#count(-1);
    this.giveBack(onTurn);
  }

  /**
   * Takes a turn for one message that is larger than a share, or a place in the line of those who wait for one.
   *
   * @param onTurn called when the turn comes, if it is not there at once; a pull has one and the same
   * @returns whether it is this pull's turn
   */
  takeTurn(onTurn: () => void): boolean {
    if (this.#turns.has(onTurn)) return true;
    if (this.#turns.size >= this.#turnsMost) {
      this.#line.add(onTurn);
      return false;
    }
    this.#turns.add(onTurn);
    return true;
  }

  /**
   * Gives a turn back, or leaves the line; nothing happens to who has neither.
   *
   * @param onTurn the pull's call-back
   */
  giveBack(onTurn: () => void): void {
    this.#line.delete(onTurn);
    if (!this.#turns.delete(onTurn)) return;
    for (const next of this.#line) {
      if (this.#turns.size >= this.#turnsMost) return;
      this.#line.delete(next);
      this.#turns.add(next);
      next();
    }
  }

  #count(more: number): void {
    this.#pulls += more;
    const equal = Math.floor(CONNECTION_BYTES / Math.max(1, this.#pulls));
    this.#shareBytes = Math.min(SHARE_BYTES_MOST, Math.max(SHARE_BYTES_LEAST, equal));
  }

  get #turnsMost(): number {
    return Math.max(1, Math.floor(CONNECTION_BYTES / (this.#largestBytes() ?? LARGEST_BYTES)));
  }
}
