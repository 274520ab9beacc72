/**
 * How many messages a worker holds in advance. As many as it is configured to, and more where its handlers are so quick that they would have
 * to wait for the server in between: what they handle in a moment, within bounds. Where they are slow, what is held in advance would only have
 * to come again elsewhere when its partitions move. However many they are, they are no more bytes than a worker has room for.
 *
 * @module
 */

/** So much work is held in advance. Moves are as quick as before: what waits is dropped, and only what runs is waited for. */
const AHEAD_MS = 500;
/** The most messages, unless more are configured. */
export const PREFETCH_MOST = 4_096;
/** The most bytes that wait, over all lanes. Where one has nothing else, one message waits in it, however large. */
export const WAITING_BYTES_MOST = 16 * 1024 * 1024;
/** Less than this is no measure. */
const MEASURE_MS = 50;
/** When so many times the room has come it is worth a look: until then it cannot have been too small by much. */
const TURNS = 2;
/** It grows when it would by a fourth, and shrinks by half: every change is one of all pulls. */
const GROWS_BY = 1.25;
const SHRINKS_BY = 0.5;

/** A worker's prefetch. */
export class Prefetch {
  readonly #least: number;
  #room: number;
  #sinceMs: number;
  #count = 0;

  /**
   * @param least how many messages are configured
   * @param nowMs the time on the monotonic clock, in milliseconds
   */
  constructor(least: number, nowMs: number) {
    this.#least = least;
    this.#room = least;
    this.#sinceMs = nowMs;
  }

  /** How many messages may be held in advance now, over all partitions. */
  get room(): number {
    return this.#room;
  }

  /**
   * Notes a message that has come.
   *
   * @returns true when it is worth a look
   */
  took(): boolean {
    return ++this.#count % (TURNS * this.#room) === 0;
  }

  /**
   * Looks how many have come since the last look. In the long run as many come as are handled.
   *
   * @param nowMs the time on the monotonic clock, in milliseconds
   * @returns true if the room is another one now
   */
  adapt(nowMs: number): boolean {
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs < MEASURE_MS) return false;
    const wanted = this.#wanted(passedMs);
    this.#sinceMs = nowMs;
    this.#count = 0;
    if (wanted < this.#room * GROWS_BY && wanted > this.#room * SHRINKS_BY) return false;
    const before = this.#room;
    this.#room = wanted;
    return wanted !== before;
  }

  #wanted(passedMs: number): number {
    const ahead = Math.ceil(this.#count * AHEAD_MS / passedMs);
    return Math.max(this.#least, Math.min(ahead, PREFETCH_MOST));
  }
}
