/**
 * What `deno task dst` shows while it works: one line that is kept up to date on a terminal, a plain line now and then elsewhere. It goes
 * to standard error, so that the report can be piped.
 *
 * @module
 */

import { formatDuration } from "../sim/config/units.ts";
import type { Summary } from "../lib/dst/summary.ts";

/** Where it is shown. */
export interface StatusOptions {
  /** Writes text as it is. */
  readonly write: (text: string) => void;
  /** Whether a line can be written over. */
  readonly terminal: boolean;
  /** How wide the terminal is. */
  readonly columns: () => number;
  /** A clock, in milliseconds. */
  readonly now: () => number;
}

const FIRST_AFTER_MS = 2_000;
const TERMINAL_EVERY_MS = 200;
const PLAIN_EVERY_MS = 10_000;

/** The line about what goes on. */
export class Status {
  readonly #options: StatusOptions;
  readonly #startMs: number;
  #lastMs: number;
  #shown = false;

  /** @param options where it is shown */
  constructor(options: StatusOptions) {
    this.#options = options;
    this.#startMs = options.now();
    // What is over in two seconds needs no line.
    const everyMs = options.terminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS;
    this.#lastMs = this.#startMs + FIRST_AFTER_MS - everyMs;
  }

  /**
   * Shows how things are, if it is time to.
   *
   * @param text makes the line
   */
  update(text: () => string): void {
    const { terminal, now, write, columns } = this.#options;
    if (now() - this.#lastMs < (terminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS)) return;
    this.#lastMs = now();
    if (!terminal) return write(`${text()}\n`);
    write(`\r\x1b[2K${text().slice(0, Math.max(20, columns() - 1))}`);
    this.#shown = true;
  }

  /** Takes the line off the terminal. */
  clear(): void {
    if (this.#shown) this.#options.write("\r\x1b[2K");
    this.#shown = false;
  }
}

/**
 * The status of this process.
 *
 * @returns a status on standard error
 */
export function processStatus(): Status {
  const encoder = new TextEncoder();
  const terminal = Deno.stderr.isTerminal();
  return new Status({
    write: (text) => void Deno.stderr.writeSync(encoder.encode(text)),
    terminal,
    columns: () => (terminal ? Deno.consoleSize().columns : 0) || 80,
    now: () => performance.now(),
  });
}

/**
 * How many runs, how fast, and how much was simulated.
 *
 * @param summary what the runs saw
 * @param elapsedMs how long they took together, in real milliseconds
 * @returns such as `200 seeds in 3.2s (62/s) · 1.2M events (380k/s) · 3h20m simulated (3,750× real time)`
 */
export function showPace(summary: Summary, elapsedMs: number): string {
  const { runs, events, virtualMs } = summary;
  const seconds = Math.max(elapsedMs, 1) / 1_000;
  return [
    `${runs} seeds in ${formatDuration(elapsedMs)} (${showCount(runs / seconds)}/s)`,
    `${showCount(events)} events (${showCount(events / seconds)}/s)`,
    `${formatDuration(virtualMs)} simulated (${showCount(virtualMs / 1_000 / seconds)}× real time)`,
  ].join(" · ");
}

/**
 * A number for people.
 *
 * @param count a number, 0 or more
 * @returns such as `7.3`, `812`, `38k` or `1.2M`
 */
export function showCount(count: number): string {
  if (count >= 10_000_000) return `${Math.round(count / 1_000_000)}M`;
  if (count >= 1_000_000) return `${(count / 1_000_000).toFixed(1)}M`;
  if (count >= 10_000) return `${Math.round(count / 1_000)}k`;
  if (count >= 10 || Number.isInteger(count)) return String(Math.round(count));
  return count.toFixed(1);
}
