/**
 * Makes a child's library say what it does, on standard error, from where it comes into the process's log file.
 *
 * @module
 */
import { configure, type LogLevel, type LogRecord } from "@logtape/logtape";
import { formatEntry, type LogFormat, type LogTag, textOf } from "./log_line.ts";

const TAGS: Readonly<Record<LogLevel, LogTag>> = {
  trace: "DEBUG",
  debug: "DEBUG",
  info: "INFO",
  warning: "WARN",
  error: "ERROR",
  fatal: "ERROR",
};

/** What is written, and how. */
export interface LibraryLogOptions {
  /** For people or for programs. */
  readonly format: LogFormat;
  /** From which level on. */
  readonly level: "debug" | "info" | "warning" | "error";
  /** Who writes. */
  readonly process: string;
  /** Takes a line. */
  readonly write: (line: string) => void;
}

/**
 * Begins to write what the library says.
 *
 * @param options what and how
 */
export async function writeLibraryLog(options: LibraryLogOptions): Promise<void> {
  const { format, level, process, write } = options;
  const sink = ({ timestamp, level, category, message, properties }: LogRecord) => {
    write(formatEntry(format, {
      ...{ time: new Date(timestamp), tag: TAGS[level], process, message: textOf(message) },
      properties: { category: category.join("."), ...properties },
    }));
  };
  await configure({
    reset: true,
    sinks: { stderr: sink },
    loggers: [
      { category: ["parti"], lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
}
