/**
 * What a running simulation shows: one line that is kept up to date on a terminal, a plain line now and then elsewhere, and
 * log lines in the seeds' style in between.
 *
 * @module
 */
import { formatDuration } from "../config/units.ts";
import {
  formatEntry,
  type LogEntry,
  type LogFormat,
  type LogTag,
  timeOfDay,
} from "../logs/log_line.ts";

/** Where a console writes, and what it can do. */
export interface ConsoleOptions {
  /** Writes text as it is. */
  readonly write: (text: string) => void;
  /** Whether a line can be written over. */
  readonly terminal: boolean;
  /** Whether colours are wanted (`NO_COLOR` says they are not). */
  readonly color: boolean;
  /** How wide the terminal is. */
  readonly columns: () => number;
  /** The time of day. */
  readonly now: () => Date;
  /** For people, or one JSON object a line for programs. */
  readonly format?: LogFormat;
}

/** The figures of the moment. */
export interface StatusFigures {
  /** What the run is doing, such as `load`. */
  readonly phase: string;
  /** Since the load began. */
  readonly elapsedMs: number;
  /** How long the load lasts. */
  readonly durationMs: number;
  /** Messages stored. */
  readonly sent: number;
  /** Messages with their effect. */
  readonly effective: number;
  /** Workers that are Stable. */
  readonly stable: number;
  /** Workers that run. */
  readonly workers: number;
  /** Chaos events so far. */
  readonly chaos: number;
  /** Defects so far. */
  readonly defects: number;
}

const PLAIN_INTERVAL_MS = 10_000;
/** How wide it is where nobody can tell. */
const COLUMNS = 80;
const COLORS: Readonly<Partial<Record<LogTag, string>>> = {
  INFO: "36",
  CHAOS: "35",
  WARN: "33",
  FAIL: "31",
};

/** The console of a run. */
export class SimConsole {
  readonly #options: ConsoleOptions;
  #shown = false;
  #lastPlainMs = Number.NEGATIVE_INFINITY;
  #lastPhase = "";
  #record: (line: string) => void = () => {};
  #follow: (entry: LogEntry) => void = () => {};

  /** @param options where and how */
  constructor(options: ConsoleOptions) {
    this.#options = options;
  }

  /**
   * Writes a log line, such as `[10:15:30] [CHAOS] Injecting event: worker_crash (worker-4)`.
   *
   * @param tag its kind
   * @param text what is to be said
   */
  log(tag: LogTag, text: string): void {
    const entry = { time: this.#options.now(), tag, message: text };
    this.#follow(entry);
    this.#say(entry);
  }

  #say(entry: LogEntry): void {
    const { format = "text", color } = this.#options;
    const { tag, message } = entry;
    const line = formatEntry(format, entry);
    this.#record(line);
    if (format === "json" || !color) return this.#write(line);
    this.#write(`[${timeOfDay(entry.time)}] \x1b[${COLORS[tag]}m[${tag}]\x1b[0m ${message}`);
  }

  /**
   * From now on log lines go somewhere else, too.
   *
   * @param record takes a line
   */
  alsoTo(record: (line: string) => void): void {
    this.#record = record;
  }

  /**
   * From now on somebody else is told what is logged, too, but for figures.
   *
   * @param follow takes what is said
   */
  tell(follow: (entry: LogEntry) => void): void {
    this.#follow = follow;
  }

  /**
   * Writes a line as it is, if it is for people; for programs it is the message of a log line.
   *
   * @param line the line
   */
  print(line: string): void {
    const { now, format } = this.#options;
    if (format !== "json") return this.#write(line);
    this.#write(formatEntry(format, { time: now(), tag: "INFO", message: line }));
  }

  /**
   * Shows the figures: over the last ones on a terminal; elsewhere at most every ten seconds, or when the phase changes.
   *
   * @param figures the figures
   */
  status(figures: StatusFigures): void {
    const text = statusText(figures);
    if (this.#options.terminal) {
      this.#options.write(`\r\x1b[2K${text.slice(0, Math.max(20, this.#options.columns() - 1))}`);
      this.#shown = true;
      return;
    }
    const nowMs = this.#options.now().getTime();
    const quiet = nowMs - this.#lastPlainMs < PLAIN_INTERVAL_MS;
    if (quiet && figures.phase === this.#lastPhase) return;
    this.#lastPlainMs = nowMs;
    this.#lastPhase = figures.phase;
    this.#say({ time: this.#options.now(), tag: "INFO", message: text });
  }

  #write(line: string): void {
    this.clear();
    this.#options.write(`${line}\n`);
  }

  /** Takes the status line off the terminal. */
  clear(): void {
    if (this.#shown) this.#options.write("\r\x1b[2K");
    this.#shown = false;
  }
}

/**
 * The figures in one line.
 *
 * @param figures the figures
 * @returns the line
 */
export function statusText(figures: StatusFigures): string {
  const { phase, elapsedMs, durationMs, sent, effective, stable, workers, chaos } = figures;
  const waiting = Math.max(0, sent - effective);
  return [
    `${phase} ${formatDuration(Math.max(0, elapsedMs))}/${formatDuration(durationMs)}`,
    `sent ${sent}`,
    `done ${effective}`,
    `waiting ${waiting}`,
    `workers ${stable}/${workers} stable`,
    `chaos ${chaos}`,
    `defects ${figures.defects}`,
  ].join(" · ");
}

/**
 * The console of this process.
 *
 * @param format for people or for programs
 * @returns a console on standard output
 */
export function processConsole(format: LogFormat): SimConsole {
  // A line that is written over is no use to a program.
  const terminal = format === "text" && Deno.stdout.isTerminal();
  return new SimConsole({
    write: untilClosed((bytes) => Deno.stdout.writeSync(bytes)),
    terminal,
    color: terminal && !Deno.noColor,
    columns: () => terminal ? terminalColumns() : COLUMNS,
    now: () => new Date(),
    format,
  });
}

/** A terminal that is gone has no width. */
function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return COLUMNS;
  }
}

/**
 * Writes as long as somebody reads. A run goes on when nobody does any more (`sim | head`), when its terminal is gone, and without what finds
 * no room on a disk: what it finds out is in its report and its exit code.
 *
 * @param writeSome writes some of the bytes and says how many
 * @returns writes all of a text
 */
export function untilClosed(writeSome: (bytes: Uint8Array) => number): (text: string) => void {
  const encoder = new TextEncoder();
  let closed = false;
  return (text) => {
    if (closed) return;
    const bytes = encoder.encode(text);
    try {
      for (let done = 0; done < bytes.length;) done += writeSome(bytes.subarray(done));
    } catch (error) {
      // Of all else the next text may be written again.
      closed = error instanceof Deno.errors.BrokenPipe;
    }
  };
}
