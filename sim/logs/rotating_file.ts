/**
 * A file that lines are added to and that never grows beyond a size: the lines before are kept in `….1`, `….2` and so on, and the
 * oldest are dropped.
 *
 * @module
 */

/** How large and how many. */
export interface RotatingFileOptions {
  /** How large a file may be, in bytes. */
  readonly maxBytes: number;
  /** How many files there may be, the one that is written to among them. */
  readonly maxFiles: number;
}

const encoder = new TextEncoder();

/** Such a file. What is there already stays. */
export class RotatingFile implements Disposable {
  readonly #path: string;
  readonly #options: RotatingFileOptions;
  #file: Deno.FsFile;
  #bytes: number;

  /**
   * @param path where
   * @param options how large and how many
   */
  constructor(path: string, options: RotatingFileOptions) {
    this.#path = path;
    this.#options = options;
    this.#file = this.#open();
    this.#bytes = this.#file.statSync().size;
  }

  /**
   * Adds a line.
   *
   * @param line the line, without its end; what is longer than a file may be is cut off
   */
  write(line: string): void {
    const { maxBytes } = this.#options;
    let bytes = encoder.encode(`${line}\n`);
    if (bytes.length > maxBytes) {
      bytes = bytes.slice(0, maxBytes);
      bytes[maxBytes - 1] = 10;
    }
    if (this.#bytes > 0 && this.#bytes + bytes.length > maxBytes) this.#rotate();
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    this.#bytes += bytes.length;
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  #open(): Deno.FsFile {
    return Deno.openSync(this.#path, { append: true, create: true });
  }

  #rotate(): void {
    this.#file.close();
    const pathOf = (age: number) => age === 0 ? this.#path : `${this.#path}.${age}`;
    for (let age = this.#options.maxFiles - 2; age >= 0; age--) {
      try {
        Deno.renameSync(pathOf(age), pathOf(age + 1));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    if (this.#options.maxFiles === 1) Deno.removeSync(this.#path);
    this.#file = this.#open();
    this.#bytes = 0;
  }
}
