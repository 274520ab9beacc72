/**
 * What a consumer has handed out and nobody has acknowledged, in the order in which the ack waits end, and what of it is due again.
 *
 * @module
 */

/** An event fires at its instant but for rounding. */
const ROUNDING_MS = 1e-6;

/** Messages in flight, by stream sequence. */
export class Unacked {
  /** Since when each one waits for its ack. All wait equally long, so the order of insertion is that of the ends. */
  readonly #sinceMs = new Map<number, number>();
  /** Those whose wait is over, in the order in which they are handed out again. */
  readonly #due = new Set<number>();
  /** How often each was handed out again. */
  readonly #again = new Map<number, number>();

  /** How many messages are in flight. */
  get size(): number {
    return this.#sinceMs.size;
  }

  /** How many are due again. */
  get dueCount(): number {
    return this.#due.size;
  }

  /** Whether a message is in flight, or counts as such because it was handed out again. */
  has(sequence: number): boolean {
    return this.#sinceMs.has(sequence) || this.#again.has(sequence);
  }

  /**
   * A message was handed out, or somebody works on it: its wait begins anew.
   *
   * @param sequence the message
   * @param nowMs the time, in milliseconds
   */
  wait(sequence: number, nowMs: number): void {
    this.#sinceMs.delete(sequence);
    this.#sinceMs.set(sequence, nowMs);
  }

  /**
   * Somebody works on a message.
   *
   * @param sequence the message; nothing happens if it is not in flight
   * @param nowMs the time, in milliseconds
   */
  renew(sequence: number, nowMs: number): void {
    if (this.#sinceMs.has(sequence)) this.wait(sequence, nowMs);
  }

  /**
   * A message is done with.
   *
   * @param sequence the message
   * @returns false if it was not in flight
   */
  remove(sequence: number): boolean {
    this.#due.delete(sequence);
    this.#again.delete(sequence);
    return this.#sinceMs.delete(sequence);
  }

  /** Drops what lies before the stream's first message: it was handled by somebody else. */
  removeBefore(first: number): void {
    for (const sequence of [...this.#sinceMs.keys()]) if (sequence < first) this.remove(sequence);
  }

  /**
   * Makes due what has waited long enough.
   *
   * @param nowMs the time, in milliseconds
   * @param ackWaitMs how long a message waits, in milliseconds
   * @returns in how many milliseconds the next one has waited long enough; undefined if none is waiting
   */
  expire(nowMs: number, ackWaitMs: number): number | undefined {
    const expired: number[] = [];
    let nextMs: number | undefined;
    let oldestMs = nowMs;
    for (const [sequence, sinceMs] of this.#sinceMs) {
      const leftMs = ackWaitMs - (nowMs - sinceMs);
      if (leftMs > ROUNDING_MS) {
        nextMs = leftMs;
        break;
      }
      if (this.#due.has(sequence)) continue;
      if (expired.length === 0) oldestMs = sinceMs;
      expired.push(sequence);
    }
    const offsetMs = nowMs - oldestMs;
    // The order by sequence is the server's, whatever the order of delivery was.
    const since = new Map(expired.map((sequence) => [sequence, this.#sinceMs.get(sequence)!]));
    for (const sequence of expired) this.wait(sequence, since.get(sequence)! + offsetMs);
    for (const sequence of expired.sort((a, b) => a - b)) this.#due.add(sequence);
    return nextMs;
  }

  /**
   * Makes one message due before its time.
   *
   * @param sequence the message; nothing happens if it is not in flight
   */
  expireNow(sequence: number): void {
    if (this.#sinceMs.has(sequence)) this.#due.add(sequence);
  }

  /** Takes the message that is due first; undefined if none is. */
  takeDue(): number | undefined {
    for (const sequence of this.#due) {
      this.#due.delete(sequence);
      return sequence;
    }
    return undefined;
  }

  /** How often a message was handed out until now. */
  countOf(sequence: number): number {
    return (this.#again.get(sequence) ?? 0) + 1;
  }

  /**
   * A message is handed out again.
   *
   * @param sequence the message
   * @returns how often it was handed out now
   */
  countAgain(sequence: number): number {
    const again = this.countOf(sequence);
    this.#again.set(sequence, again);
    return again + 1;
  }

  /** When the last of all waits ends, in milliseconds; undefined if nothing is in flight. */
  lastEndMs(ackWaitMs: number): number | undefined {
    let last: number | undefined;
    for (const sinceMs of this.#sinceMs.values()) last = Math.max(last ?? -Infinity, sinceMs);
    return last === undefined ? undefined : last + ackWaitMs;
  }
}
