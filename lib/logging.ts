/**
 * parti's log: LogTape loggers under the category `["parti", area]`. Nothing is written anywhere until the application configures
 * LogTape, and then it decides by category what goes where.
 *
 * ```ts
 * import { configure, getConsoleSink } from "@logtape/logtape";
 * await configure({
 *   sinks: { console: getConsoleSink() },
 *   loggers: [{ category: ["parti"], lowestLevel: "info", sinks: ["console"] }],
 * });
 * ```
 *
 * @module
 */
import { getLogger, type Logger as LogTapeLogger } from "@logtape/logtape";

/** The parts of the library that log; each is a category of its own. */
export type LogArea =
  | "manager"
  | "membership"
  | "leadership"
  | "assignment"
  | "consumption"
  | "bus"
  | "nats";

/** What goes with a message. Names in braces in the message, such as `{worker}`, are replaced by these. */
export type LogProperties = Readonly<Record<string, unknown>>;

/** One area's log. Messages are sentences, and everything that varies is a property. */
export interface Logger {
  /** What a developer of parti wants to see. */
  debug(message: string, properties?: LogProperties): void;
  /** What happens in normal operation, seldom: a worker joined, partitions moved. */
  info(message: string, properties?: LogProperties): void;
  /** What is being dealt with, but should not happen often. */
  warn(message: string, properties?: LogProperties): void;
  /** What parti cannot deal with alone. */
  error(message: string, properties?: LogProperties): void;
  /**
   * A log that adds properties to everything.
   *
   * @param properties what it adds, such as the group and the worker
   * @returns the log
   */
  with(properties: LogProperties): Logger;
}

/**
 * The log of one area.
 *
 * @param area the area; its category is `["parti", area]`
 * @param properties what goes with everything that is logged through it
 * @returns the log; it writes nothing until the application configures LogTape
 */
export function logger(area: LogArea, properties: LogProperties = {}): Logger {
  return new AreaLogger(getLogger(["parti", area]).with(properties));
}

class AreaLogger implements Logger {
  readonly #log: LogTapeLogger;

  constructor(log: LogTapeLogger) {
    this.#log = log;
  }

  debug(message: string, properties?: LogProperties): void {
    this.#log.debug(message, { ...properties });
  }
  info(message: string, properties?: LogProperties): void {
    this.#log.info(message, { ...properties });
  }
  warn(message: string, properties?: LogProperties): void {
    this.#log.warn(message, { ...properties });
  }
  error(message: string, properties?: LogProperties): void {
    this.#log.error(message, { ...properties });
  }
  with(properties: LogProperties): Logger {
    return new AreaLogger(this.#log.with(properties));
  }
}
