/**
 * Decodes what the entries of a bucket say, once for each new text: most renewals say nothing new, and there are many.
 *
 * @module
 */
import { sameBytes } from "../codec.ts";
import type { KvEntry } from "../ports/kv.ts";

/** Reads entries. It remembers the last one of each key. */
export class EntryReader<T> {
  readonly #decode: (entry: KvEntry) => T;
  readonly #last = new Map<string, { readonly entry: KvEntry; readonly meaning: T }>();

  /** @param decode says what an entry means, by its value and whether it is a removal, and by nothing else */
  constructor(decode: (entry: KvEntry) => T) {
    this.#decode = decode;
  }

  /**
   * Reads an entry.
   *
   * @param entry the entry
   * @returns what it means; the very same object as last time if the key still says the same
   */
  read(entry: KvEntry): T {
    const last = this.#last.get(entry.key);
    const isSame = last !== undefined && last.entry.operation === entry.operation &&
      sameBytes(last.entry.value, entry.value);
    const meaning = isSame ? last.meaning : this.#decode(entry);
    this.#last.set(entry.key, { entry, meaning });
    return meaning;
  }
}
