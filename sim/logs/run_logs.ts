/**
 * The logs of a run: a file for each name, such as `coordinator` or `worker-4`, whichever incarnation it is.
 *
 * @module
 */
import { describeError } from "../../lib/errors.ts";
import { formatEntry, type LogFormat, type LogTag, messageOf } from "./log_line.ts";
import { RotatingFile, type RotatingFileOptions } from "./rotating_file.ts";

/** How logs are kept. */
export interface RunLogsOptions extends RotatingFileOptions {
  /** For people or for programs. */
  readonly format: LogFormat;
  /** Told once if a file cannot be written to; the run goes on without it. */
  readonly onTrouble: (what: string) => void;
}

/** The files. Each is there once there is something in it. */
export class RunLogs implements Disposable {
  readonly #folder: string;
  readonly #options: RunLogsOptions;
  readonly #files = new Map<string, RotatingFile | undefined>();
  #troubled = false;

  /**
   * @param folder where; made if it is not there
   * @param options how
   */
  constructor(folder: string, options: RunLogsOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /**
   * Adds a line as it is.
   *
   * @param name whose
   * @param line the line
   */
  line(name: string, line: string): void {
    try {
      this.#fileOf(name)?.write(line);
    } catch (error) {
      this.#files.set(name, undefined);
      if (!this.#troubled) this.#options.onTrouble(`cannot write logs: ${describeError(error)}`);
      this.#troubled = true;
    }
  }

  /**
   * Adds what is known of a process.
   *
   * @param process its name and incarnation, such as `worker-4#2`
   * @param tag its kind
   * @param message what
   */
  note(process: string, tag: LogTag, message: string): void {
    const { format } = this.#options;
    this.line(nameOf(process), formatEntry(format, { time: new Date(), tag, process, message }));
  }

  /**
   * Adds what a process wrote: log lines as they are, the rest with its time.
   *
   * @param process its name and incarnation
   * @param line what it wrote
   */
  output(process: string, line: string): void {
    if (messageOf(line) !== undefined) this.line(nameOf(process), line);
    else this.note(process, "OUT", line);
  }

  /** Closes all files. */
  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file?.[Symbol.dispose]();
    this.#files.clear();
  }

  #fileOf(name: string): RotatingFile | undefined {
    if (!this.#files.has(name)) {
      Deno.mkdirSync(this.#folder, { recursive: true });
      this.#files.set(name, new RotatingFile(`${this.#folder}/${name}.log`, this.#options));
    }
    return this.#files.get(name);
  }
}

function nameOf(process: string): string {
  return process.split("#")[0]!;
}
