/**
 * The new messages of one consumer: what is in the stream, passes its filter and lies behind its cursor.
 *
 * @module
 */
import type { LoggedMessage, MessageLog } from "./message_log.ts";
import type { SubjectFilter } from "./subject_filter.ts";

/** New messages, oldest first. */
export class ReadyQueue {
  readonly #log: MessageLog;
  #cursor: number;
  /** Sequences from the cursor on. Messages of some may be gone. */
  #found: number[] = [];
  #head = 0;
  #count = 0;

  /**
   * @param log the stream's messages
   * @param filter which of them are wanted
   * @param from the least sequence; no more than the next one of the stream
   */
  constructor(log: MessageLog, filter: SubjectFilter, from = 0) {
    this.#log = log;
    this.#cursor = Math.max(log.firstSequence, from);
    this.search(filter);
  }

  /** Everything from here on has yet to be handed out. Never goes back, whatever happens to the filter. */
  get cursor(): number {
    return this.#cursor;
  }

  /** How many messages wait. */
  get count(): number {
    return this.#count;
  }

  /** Begins anew under another filter. What was skipped under the old one stays skipped. */
  search(filter: SubjectFilter): void {
    this.#found = this.#log.sequencesOf(filter, this.#cursor);
    this.#head = 0;
    this.#count = this.#found.length;
  }

  /** A wanted message was stored. */
  onStored(sequence: number): void {
    this.#found.push(sequence);
    this.#count++;
  }

  /** A wanted message was removed. */
  onRemoved(sequence: number): void {
    if (sequence >= this.#cursor) this.#count--;
  }

  /** The next message, which stays; undefined if there is none. The cursor is then behind the stream's last message. */
  peek(): LoggedMessage | undefined {
    for (; this.#head < this.#found.length; this.#head++) {
      const sequence = this.#found[this.#head]!;
      const message = this.#log.get(sequence);
      if (message === undefined) continue;
      this.#cursor = Math.max(this.#cursor, sequence);
      return message;
    }
    this.#found.length = 0;
    this.#head = 0;
    this.#cursor = Math.max(this.#cursor, this.#log.lastSequence + 1);
    return undefined;
  }

  /** Takes the next message, as {@linkcode peek} shows it. */
  take(): LoggedMessage | undefined {
    const message = this.peek();
    if (message === undefined) return undefined;
    this.#head++;
    this.#cursor = message.sequence + 1;
    this.#count--;
    return message;
  }
}
