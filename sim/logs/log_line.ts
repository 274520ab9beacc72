/**
 * How a log line looks: in the seeds' style, or as JSON.
 *
 * @module
 */
import { describeError } from "../../lib/errors.ts";

/** For people, or one JSON object a line for programs. */
export type LogFormat = "text" | "json";

/** Kinds of log line, in the seeds' spelling. `OUT` is what a process wrote that is no log line. */
export type LogTag = "DEBUG" | "INFO" | "CHAOS" | "WARN" | "ERROR" | "FAIL" | "OUT";

/** One thing that is said. */
export interface LogEntry {
  /** When. */
  readonly time: Date;
  /** Its kind. */
  readonly tag: LogTag;
  /** What is said. */
  readonly message: string;
  /** Who says it, such as `worker-4#2`; nobody for the coordinator. */
  readonly process?: string;
  /** More about it, for programs only: what is no plain value is left out. */
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** The time of day, as log lines begin. */
export function timeOfDay(time: Date): string {
  return time.toTimeString().slice(0, 8);
}

/**
 * Writes one as a line, such as `[10:15:30] [CHAOS] Injecting event: worker_crash (worker-4)`.
 *
 * @param format how
 * @param entry what
 * @returns the line, without its end
 */
export function formatEntry(format: LogFormat, entry: LogEntry): string {
  const { time, tag, message, process, properties = {} } = entry;
  if (format === "text") {
    const who = process === undefined ? "" : `${process} `;
    return `[${timeOfDay(time)}] [${tag}] ${who}${message}`;
  }
  const plain = Object.entries(properties).filter(([, value]) => {
    return ["string", "number", "boolean"].includes(typeof value);
  });
  return JSON.stringify({
    time: time.toISOString(),
    level: tag,
    ...(process === undefined ? {} : { process }),
    message,
    ...(plain.length === 0 ? {} : { properties: Object.fromEntries(plain) }),
  });
}

/**
 * The message of a line that another process has written.
 *
 * @param line a line of either format, or any other
 * @returns undefined if it is no log line
 */
export function messageOf(line: string): string | undefined {
  if (line.startsWith("{")) {
    try {
      const { time, level, message } = JSON.parse(line);
      if (typeof time === "string" && typeof level === "string") return String(message);
    } catch {
      // Some other text that begins with a brace.
    }
    return undefined;
  }
  return /^\[\d\d:\d\d:\d\d\] \[[A-Z]+\] (.*)$/.exec(line)?.[1];
}

/**
 * Writes a message of LogTape's out.
 *
 * @param parts texts and values, in turn
 */
export function textOf(parts: readonly unknown[]): string {
  return parts.map((part) => {
    if (part instanceof Error) return describeError(part);
    return typeof part === "object" && part !== null ? JSON.stringify(part) : String(part);
  }).join("");
}
