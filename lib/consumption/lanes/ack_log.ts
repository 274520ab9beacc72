/**
 * The ack log of a lane: which acks were sent and not confirmed. A plain ack gets no answer, so whoever must be sure that messages
 * are gone from the stream confirms the last ack, which flushes all before it. After a cut connection, those sent before may be lost
 * and are sent again.
 *
 * @module
 */
import { isPartiError, type PartiError } from "../../errors.ts";
import type { AckHandle, FeedMessage } from "../../ports/feed.ts";

/** So many unconfirmed acks are kept at most while the server answers. */
export const CONFIRM_EVERY = 128;

/** Acks of one lane. */
export class AckLog {
  readonly #timeoutMs: number;
  readonly #onRefused: (refusal: PartiError) => void;
  readonly #onConfirmed: () => void;
  #refusal: PartiError | undefined;
  /** In the order in which they were sent; of the messages themselves nothing is kept. */
  #sent: AckHandle[] = [];
  /** The stream sequences of the same. */
  #sequences: number[] = [];
  #confirmAt = CONFIRM_EVERY;
  #doubtful = false;
  /** The stream sequences of messages whose acks were refused: until they are acknowledged anew they may come again. Usually there is none. */
  readonly #refused = new Set<number>();
  #turn: Promise<void> = Promise.resolve();

  /**
   * @param timeoutMs how long a confirmation may take, in milliseconds
   * @param onRefused told when the server begins to refuse acks, as it does if this user may not send them
   * @param onConfirmed told when the server has taken all that were sent before it was asked, and those that were refused once too
   */
  constructor(
    timeoutMs: number,
    onRefused: (refusal: PartiError) => void,
    onConfirmed: () => void = () => {},
  ) {
    this.#timeoutMs = timeoutMs;
    this.#onRefused = onRefused;
    this.#onConfirmed = onConfirmed;
  }

  /** Why the last acks were refused; undefined if they were not. */
  get refusal(): PartiError | undefined {
    return this.#refusal;
  }

  /** How many acks were sent and not confirmed. */
  get unconfirmed(): number {
    return this.#sent.length;
  }

  /**
   * Acknowledges a message, and now and then has the server confirm.
   *
   * @param message the message; it must have come on this lane
   */
  add(message: FeedMessage): void {
    message.ack();
    this.#sent.push(message.ackHandle);
    this.#sequences.push(message.streamSequence);
    if (this.#sent.length < this.#confirmAt) return;
    this.#confirmAt = this.#sent.length + CONFIRM_EVERY;
    // A failure only means that these stay in the log until the next try: the pull notices a lane that is gone, and a refusal is told.
    this.confirm().catch(() => {});
  }

  /** Notes that the connection went: what was sent on it may never have arrived. */
  interrupted(): void {
    this.#doubtful = true;
  }

  /**
   * Waits until the server has taken every ack sent before this call.
   *
   * @returns when it has
   * @throws {PartiError} `PARTI_NO_RESPONDERS` if the lane is gone, `PARTI_TIMEOUT`, `PARTI_DISCONNECTED`
   */
  confirm(): Promise<void> {
    const turn = this.#turn.then(() => this.#confirm());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #confirm(): Promise<void> {
    const count = this.#sent.length;
    const last = this.#sent[count - 1];
    if (last === undefined) return;
    if (this.#doubtful) {
      // Acknowledging a message twice is harmless.
      for (const handle of this.#sent.slice(0, -1)) handle.ack();
    }
    this.#doubtful = false;
    try {
      await last.ackConfirmed(this.#timeoutMs);
    } catch (error) {
      this.#doubtful = true;
      if (isPartiError(error, "PARTI_REFUSED")) {
        // They never count. Their messages come again and are acknowledged anew: kept here they would become more and more.
        for (const sequence of this.#forget(count)) this.#refused.add(sequence);
        this.#noteRefusal(error);
      }
      throw error;
    }
    this.#refusal = undefined;
    for (const sequence of this.#forget(count)) this.#refused.delete(sequence);
    if (this.#refused.size === 0) this.#onConfirmed();
  }

  /** Takes the oldest out of the log, and returns their sequences. */
  #forget(count: number): readonly number[] {
    const sequences = this.#sequences;
    this.#sent = this.#sent.slice(count);
    this.#sequences = sequences.slice(count);
    this.#confirmAt = this.#sent.length + CONFIRM_EVERY;
    return sequences.slice(0, count);
  }

  #noteRefusal(refusal: PartiError): void {
    const isNew = this.#refusal === undefined;
    this.#refusal = refusal;
    if (isNew) this.#onRefused(refusal);
  }
}
