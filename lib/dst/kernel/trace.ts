/**
 * The trace of a run: a hash over everything that happened, with checkpoints by which two runs of one seed are compared, and the records
 * around a place where they part.
 *
 * @module
 */

/** One thing that happened. */
export interface TraceRecord {
  /** Its number, from 0. */
  readonly index: number;
  /** When, in virtual milliseconds. */
  readonly atMs: number;
  /** To whom; empty if to nobody. */
  readonly owner: string;
  /** What. */
  readonly label: string;
  /** What goes with it, such as the number that was drawn; 0 if nothing does. */
  readonly value: number;
}

/** Records between two checkpoints. */
export const CHECKPOINT_EVERY = 1_000;
/** A power of two, so that a place in the ring is found by masking. */
const RECENT_MAX = 512;
/** More different texts than this are not labels any more, and remembering them would cost more than hashing them again. */
const TEXTS_MAX = 10_000;

const numberBits = new DataView(new ArrayBuffer(8));

/** Follows a run. */
export class Trace {
  /** The hash after every {@linkcode CHECKPOINT_EVERY} records. */
  readonly checkpoints: string[] = [];
  // The last records, field by field: a run makes millions, and an object for each would be half of its time.
  readonly #times = new Float64Array(RECENT_MAX);
  readonly #values = new Float64Array(RECENT_MAX);
  readonly #owners: string[] = new Array<string>(RECENT_MAX).fill("");
  readonly #labels: string[] = new Array<string>(RECENT_MAX).fill("");
  readonly #keep: ((record: TraceRecord) => void) | undefined;
  readonly #texts = new Map<string, number>();
  #high = 0x9e3779b1 | 0;
  #low = 0x85ebca77 | 0;
  #count = 0;

  /**
   * Begins empty.
   *
   * @param keep called with each record, to print or to compare them all
   */
  constructor(keep?: (record: TraceRecord) => void) {
    this.#keep = keep;
  }

  /** How many records there are. */
  get count(): number {
    return this.#count;
  }

  /** The hash so far, 16 hexadecimal digits. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  /** The last records, oldest first. */
  get recent(): readonly TraceRecord[] {
    const records: TraceRecord[] = [];
    for (let index = Math.max(0, this.#count - RECENT_MAX); index < this.#count; index++) {
      records.push(this.#recordAt(index));
    }
    return records;
  }

  /**
   * Notes what happened.
   *
   * @param atMs when, in virtual milliseconds
   * @param owner to whom; empty if to nobody
   * @param label what, from a small set of texts
   * @param value what goes with it, such as the number that was drawn
   */
  note(atMs: number, owner: string, label: string, value = 0): void {
    const place = this.#count & (RECENT_MAX - 1);
    this.#times[place] = atMs;
    this.#owners[place] = owner;
    this.#labels[place] = label;
    this.#values[place] = value;
    this.#count++;
    this.#mixNumber(atMs);
    this.#mix(this.#textHash(owner));
    this.#mix(this.#textHash(label));
    if (value !== 0) this.#mixNumber(value);
    if (this.#count % CHECKPOINT_EVERY === 0) this.checkpoints.push(this.hash);
    this.#keep?.(this.#recordAt(this.#count - 1));
  }

  #recordAt(index: number): TraceRecord {
    const place = index & (RECENT_MAX - 1);
    return {
      index,
      atMs: this.#times[place]!,
      owner: this.#owners[place]!,
      label: this.#labels[place]!,
      value: this.#values[place]!,
    };
  }

  #mixNumber(value: number): void {
    numberBits.setFloat64(0, value);
    this.#mix(numberBits.getInt32(0));
    this.#mix(numberBits.getInt32(4));
  }

  /** For a given word a one-to-one change of the state: runs that have parted never come together again by the same records. */
  #mix(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x01000193) ^ (this.#low >>> 15);
    this.#low = Math.imul(this.#low ^ word ^ (this.#high >>> 13), 0x85ebca6b);
  }

  /** Labels come again and again: each is hashed once. */
  #textHash(text: string): number {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    let h = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    if (this.#texts.size >= TEXTS_MAX) this.#texts.clear();
    this.#texts.set(text, h);
    return h;
  }
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
