/**
 * The messages of a stream: by sequence, and by subject. A stream holds thousands and hands them out one by one, so nothing here looks at
 * more than it must.
 *
 * @module
 */
import type { SubjectFilter } from "./subject_filter.ts";

/** A message in a stream. */
export interface LoggedMessage {
  /** Its place in the stream. */
  readonly sequence: number;
  /** Its subject. */
  readonly subject: string;
  /** Its payload. Whoever takes it out of the model makes a copy. */
  readonly data: Uint8Array;
  /** Its headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** When it was stored, in milliseconds since 1970 by the server's clock. */
  readonly storedAtMs: number;
  /** What it counts against the stream's limit, in bytes. */
  readonly bytes: number;
}

/** Sequences of one subject, ascending. Some may be of messages that are gone. */
interface SubjectSequences {
  list: number[];
  /** Where the list begins. */
  head: number;
  /** How many of the list's messages are there. */
  count: number;
}

/** Lists shorter than this are not worth tidying. */
const TIDY_ABOVE = 32;

/** The messages. */
export class MessageLog {
  readonly #messages = new Map<number, LoggedMessage>();
  readonly #subjects = new Map<string, SubjectSequences>();
  #first = 1;
  #last = 0;
  #bytes = 0;

  /** How many messages there are. */
  get count(): number {
    return this.#messages.size;
  }

  /** How many bytes they count for. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The sequence of the last message ever stored. */
  get lastSequence(): number {
    return this.#last;
  }

  /** The sequence of the oldest message; that of the next one if there is none. */
  get firstSequence(): number {
    while (this.#first <= this.#last && !this.#messages.has(this.#first)) this.#first++;
    return this.#first;
  }

  /** All messages, oldest first. */
  all(): Iterable<LoggedMessage> {
    return this.#messages.values();
  }

  /**
   * Adds a message.
   *
   * @param message the message; its sequence follows the last one
   */
  append(message: LoggedMessage): void {
    const { sequence, subject, bytes } = message;
    this.#last = sequence;
    this.#bytes += bytes;
    this.#messages.set(sequence, message);
    const sequences = this.#subjects.get(subject);
    if (sequences === undefined) {
      this.#subjects.set(subject, { list: [sequence], head: 0, count: 1 });
    } else {
      sequences.list.push(sequence);
      sequences.count++;
    }
  }

  /**
   * Takes a message out.
   *
   * @param sequence its place in the stream
   * @returns the message; undefined if it was not there
   */
  remove(sequence: number): LoggedMessage | undefined {
    const message = this.#messages.get(sequence);
    if (message === undefined) return undefined;
    this.#messages.delete(sequence);
    this.#bytes -= message.bytes;
    const sequences = this.#subjects.get(message.subject);
    if (sequences !== undefined) {
      sequences.count--;
      this.#tidy(sequences);
    }
    return message;
  }

  /**
   * Reads a message.
   *
   * @param sequence its place in the stream
   * @returns the message; undefined if it is not there
   */
  get(sequence: number): LoggedMessage | undefined {
    return this.#messages.get(sequence);
  }

  /** The newest message of a subject; undefined if there is none. */
  newestOf(subject: string): LoggedMessage | undefined {
    const sequences = this.#subjects.get(subject);
    if (sequences === undefined || sequences.count === 0) return undefined;
    const { list } = sequences;
    while (!this.#messages.has(list.at(-1)!)) list.pop();
    return this.#messages.get(list.at(-1)!);
  }

  /** The oldest message of a subject; undefined if there is none. */
  oldestOf(subject: string): LoggedMessage | undefined {
    const sequences = this.#subjects.get(subject);
    if (sequences === undefined || sequences.count === 0) return undefined;
    while (!this.#messages.has(sequences.list[sequences.head]!)) sequences.head++;
    return this.#messages.get(sequences.list[sequences.head]!);
  }

  /** How many messages a subject has. */
  countOf(subject: string): number {
    return this.#subjects.get(subject)?.count ?? 0;
  }

  /**
   * The messages that pass a filter.
   *
   * @param filter the filter
   * @param from the least sequence
   * @returns their sequences, ascending
   */
  sequencesOf(filter: SubjectFilter, from: number): number[] {
    const found: number[] = [];
    const take = (sequences: SubjectSequences | undefined): void => {
      if (sequences === undefined || sequences.count === 0) return;
      for (let i = sequences.head; i < sequences.list.length; i++) {
        const sequence = sequences.list[i]!;
        if (sequence >= from && this.#messages.has(sequence)) found.push(sequence);
      }
    };
    if (filter.isExact) {
      for (const subject of filter.exact) take(this.#subjects.get(subject));
    } else {
      for (const [subject, sequences] of this.#subjects) {
        if (filter.matches(subject)) take(sequences);
      }
    }
    return found.sort((a, b) => a - b);
  }

  /** Drops the sequences of messages that are gone when they have become the greater part. */
  #tidy(sequences: SubjectSequences): void {
    const { list, count } = sequences;
    if (count === 0) {
      list.length = 0;
      sequences.head = 0;
    } else if (list.length > TIDY_ABOVE && list.length > 2 * count) {
      sequences.list = list.filter((sequence) => this.#messages.has(sequence));
      sequences.head = 0;
    }
  }
}
