/**
 * What has come in since a checkpoint, line by line: a coordinator answers for a report only once it is in here, so that the one that comes
 * after it knows of it, too.
 *
 * A new file is begun with each checkpoint. Lines are handed to the system and not synced: they survive this process, not the machine, and
 * neither do the processes that would be gone on with.
 *
 * @module
 */
import { describeError, PartiError } from "../../lib/errors.ts";

const NAME = /^journal_(\d{6,})\.jsonl$/;
const encoder = new TextEncoder();

/** What a journal needs. */
export interface JournalOptions {
  /** Where its files are; must exist. */
  readonly folder: string;
  /** So many files are kept beside the one that is written to: one for each checkpoint. */
  readonly keep: number;
  /** Told once if it cannot be written any more: then a crash loses something. */
  readonly onTrouble: (message: string) => void;
}

/** Writes it. */
export class Journal implements Disposable {
  readonly #options: JournalOptions;
  #number: number;
  #file: Deno.FsFile | undefined;
  #troubled = false;

  /**
   * For files after those that are there; {@linkcode next} begins the first one.
   *
   * @param options what it needs
   */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#number = numbersIn(options.folder).at(-1) ?? 0;
  }

  /**
   * Adds a line.
   *
   * @param entry what JSON can hold
   */
  append(entry: unknown): void {
    this.#orTrouble(() => {
      const bytes = encoder.encode(`${JSON.stringify(entry)}\n`);
      for (let done = 0; done < bytes.length;) done += this.#file!.writeSync(bytes.subarray(done));
    });
  }

  /**
   * Begins a new file, at the moment of a checkpoint.
   *
   * @returns its number: what comes from now on is in it, and in those after it
   */
  next(): number {
    const { folder, keep } = this.#options;
    this.#number++;
    this.#orTrouble(() => {
      this.#file?.close();
      this.#file = undefined;
      this.#file = Deno.openSync(pathOf(folder, this.#number), { createNew: true, write: true });
      for (const old of numbersIn(folder).filter((number) => number < this.#number - keep)) {
        Deno.removeSync(pathOf(folder, old));
      }
    });
    return this.#number;
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #orTrouble(work: () => void): void {
    if (this.#troubled) return;
    try {
      work();
    } catch (error) {
      this.#troubled = true;
      this.#options.onTrouble(`the journal cannot be written: ${describeError(error)}`);
    }
  }
}

/**
 * Reads what has come in since a checkpoint.
 *
 * @param folder where the files are
 * @param from the number of the checkpoint's file
 * @returns the entries in their order; a last line that was not written to its end was not answered for, and is left out
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if something is missing or is no journal
 */
export function readJournal<T>(folder: string, from: number): T[] {
  const numbers = numbersIn(folder).filter((number) => number >= from);
  const whole = numbers.every((number, index) => number === from + index);
  if (numbers.length === 0 || !whole) {
    throw useless(folder, `there are files ${numbers.join(", ") || "none"}, and ${from} is wanted`);
  }
  return numbers.flatMap((number) => {
    const path = pathOf(folder, number);
    const lines = Deno.readTextFileSync(path).split("\n").slice(0, -1);
    return lines.map((line, index): T => {
      try {
        return JSON.parse(line);
      } catch {
        throw useless(`${path}:${index + 1}`, "the line is no JSON");
      }
    });
  });
}

function useless(what: string, why: string): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", `the journal ${what} cannot be used: ${why}`, {
    value: what,
    hint: "the run can be gone on with from its checkpoint, with new processes: --resume",
  });
}

function numbersIn(folder: string): number[] {
  const numbers = [...Deno.readDirSync(folder)].flatMap(({ name }) => {
    const match = NAME.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
  return numbers.sort((a, b) => a - b);
}

function pathOf(folder: string, number: number): string {
  return `${folder}/journal_${String(number).padStart(6, "0")}.jsonl`;
}
