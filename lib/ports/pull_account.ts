/**
 * The account of one pull: what is wanted, what was asked for and has not come, in messages and in bytes.
 *
 * The server counts a message's subject, ack subject, headers and payload against `max_bytes`. It ends a request whose next message does not
 * fit, and says what is left of it; one that is fulfilled it ends with a word as well, unless not a single byte is left (seen on 2.10.27 and
 * 2.15.1). So here, too, bytes that have come to nothing mean that all requests are over.
 *
 * @module
 */

/** A request to be sent. */
export interface PullAsked {
  /** How many messages. */
  readonly batch: number;
  /** How many bytes at most; undefined for one message of any size. */
  readonly bytes: number | undefined;
}

interface OpenRequest extends PullAsked {
  readonly sentMs: number;
  /** Nothing else was under way when it was sent: it asked for all that the pull may have. */
  readonly isWhole: boolean;
}

/** A message's size changes what is usual by a sixteenth; whole bytes are exact enough. */
const CHANGE = 16;
/** What is usual fits with some to spare, since no two messages are of one size. */
const SPARE = 2;

/** What a pull has asked for. */
export class PullAccount {
  readonly #requests = new Map<number, OpenRequest>();
  #nextToken = 0;
  #wanted = 0;
  #wantedBytes = 0;
  #most = Infinity;
  #outstanding = 0;
  #outstandingBytes = 0;
  /** The usual size; 0 until a message has come. */
  #usualBytes = 0;
  /** The next message is larger than all that may be asked for. */
  #isLarge = false;

  /** How many messages have been asked for and not arrived. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /**
   * So much is wanted from now on.
   *
   * @param count how many messages
   * @param bytes how large they may be together; the last one may be beyond it
   */
  want(count: number, bytes: number): void {
    this.#wanted = count;
    this.#wantedBytes = bytes;
  }

  /**
   * The server takes no larger requests.
   *
   * @param count of how many messages one may be
   */
  bound(count: number): void {
    this.#most = Math.min(this.#most, count);
  }

  /**
   * What is to be asked for now. Not one message at a time: only when half of what is wanted, and may be asked for, or less is under way.
   *
   * @param shareBytes how much the pull may ask for at one time
   * @returns the request; undefined if there is nothing to ask for
   */
  next(shareBytes: number): PullAsked | undefined {
    return this.#next(shareBytes, this.#outstanding, this.#outstandingBytes);
  }

  /**
   * A request was sent.
   *
   * @param asked what it asks for
   * @param nowMs the time, in milliseconds
   * @returns its token
   */
  sent(asked: PullAsked, nowMs: number): number {
    const token = this.#nextToken++;
    this.#requests.set(token, { ...asked, sentMs: nowMs, isWhole: this.#outstanding === 0 });
    this.#outstanding += asked.batch;
    this.#outstandingBytes += asked.bytes ?? Infinity;
    return token;
  }

  /**
   * A message has come.
   *
   * @param sizeBytes its size as the server counts it
   */
  arrived(sizeBytes: number): void {
    this.#outstanding--;
    this.#outstandingBytes -= sizeBytes;
    this.#wanted = Math.max(0, this.#wanted - 1);
    this.#wantedBytes -= sizeBytes;
    this.#isLarge = false;
    if (this.#usualBytes === 0) this.#usualBytes = sizeBytes;
    else this.#usualBytes += Math.trunc((sizeBytes - this.#usualBytes) / CHANGE);
    this.#settle();
  }

  /**
   * A request is over.
   *
   * @param token which
   * @param left how many of its messages will not come; undefined for all
   * @param leftBytes how many of its bytes will not come; undefined for all
   * @param isTooLarge whether the next message did not fit
   * @returns false if it was written off already
   */
  ended(token: number, left?: number, leftBytes?: number, isTooLarge = false): boolean {
    const request = this.#requests.get(token);
    if (request === undefined) return false;
    this.#requests.delete(token);
    this.#outstanding -= left ?? request.batch;
    if (request.bytes !== undefined) this.#outstandingBytes -= leftBytes ?? request.bytes;
    const isUntouched = leftBytes === undefined || leftBytes === request.bytes;
    if (request.bytes === undefined) this.#isLarge = false;
    else if (isTooLarge && request.isWhole && isUntouched) this.#isLarge = true;
    this.#settle();
    return true;
  }

  /**
   * Whether, if a request ended now, the same would be asked for at once.
   *
   * @param token which
   * @param left how many of its messages have not come
   * @param leftBytes how many of its bytes have not come; undefined if it asked for one message of any size
   * @param shareBytes how much the pull may ask for at one time
   * @returns whether nobody could tell that it has ended
   */
  wouldRenew(
    token: number,
    left: number,
    leftBytes: number | undefined,
    shareBytes: number,
  ): boolean {
    if (leftBytes === undefined || !this.#requests.has(token)) return false;
    const isLast = this.#requests.size === 1;
    const messages = isLast ? 0 : this.#outstanding - left;
    const bytes = isLast ? 0 : this.#outstandingBytes - leftBytes;
    const asked = this.#next(shareBytes, messages, bytes);
    return asked !== undefined && asked.batch === left && asked.bytes === leftBytes;
  }

  /**
   * Forgets requests that must be over, whether or not the server's word has come.
   *
   * @param beforeMs those that were sent before this, in milliseconds
   */
  forget(beforeMs: number): void {
    for (const [token, { sentMs }] of this.#requests) {
      if (sentMs < beforeMs) this.#requests.delete(token);
    }
    this.#settle();
  }

  /** All requests are void. */
  clear(): void {
    this.#requests.clear();
    this.#outstanding = 0;
    this.#outstandingBytes = 0;
    this.#isLarge = false;
  }

  #next(shareBytes: number, outstanding: number, outstandingBytes: number): PullAsked | undefined {
    // This is asked with each message, and answers it nearly always.
    const wanted = Math.min(this.#wanted, this.#most);
    if (outstanding * 2 > wanted) return undefined;
    if (wanted <= 0 || this.#wantedBytes <= 0) return undefined;
    if (this.#isLarge) return outstanding > 0 ? undefined : { batch: 1, bytes: undefined };
    const usual = this.#usualBytes;
    const allowed = Math.floor(Math.min(shareBytes, Math.max(this.#wantedBytes, SPARE * usual)));
    const fits = Math.floor(Math.min(shareBytes, this.#wantedBytes) / usual);
    const batch = usual === 0 ? wanted : Math.min(wanted, Math.max(1, fits));
    if (outstanding * 2 > batch) return undefined;
    const free = allowed - outstandingBytes;
    if (outstanding > 0 && free < Math.max(1, usual)) return undefined;
    const count = batch - outstanding;
    // Half of it is left for the next request, which goes out before this one is over, unless the usual messages need more.
    const bytes = Math.max(Math.ceil(allowed / 2), Math.ceil(count * usual * SPARE));
    return { batch: count, bytes: Math.min(bytes, free) };
  }

  /** Where no message, no byte or no request is left, nothing is under way. */
  #settle(): void {
    if (this.#outstanding > 0 && this.#outstandingBytes > 0 && this.#requests.size > 0) return;
    this.#requests.clear();
    this.#outstanding = 0;
    this.#outstandingBytes = 0;
  }
}
