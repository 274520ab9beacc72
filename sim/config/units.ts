/**
 * The units people write in a configuration: durations, intervals between two durations, sizes.
 *
 * @module
 */

/** What a duration may look like, for error messages. */
export const DURATION_FORMAT = 'a duration such as "10ms", "5s", "1h" or "1h30m"';

/** What an interval may look like, for error messages. */
export const INTERVAL_FORMAT = 'an interval with a unit such as "5s-8s", "10-30m" or "10m-30m"';

/** What a size may look like, for error messages. */
export const SIZE_FORMAT = 'a size such as "512KB", "64MB" or "10GB"';

/** Two durations between which one is drawn. */
export interface Interval {
  /** The shortest, in milliseconds. */
  readonly minMs: number;
  /** The longest, in milliseconds. */
  readonly maxMs: number;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};

/**
 * Reads a duration.
 *
 * @param text such as `1h30m`; `0` needs no unit
 * @returns milliseconds, or undefined if it is not a duration
 */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * UNIT_MS[unit!]!;
  }
  return totalMs;
}

/**
 * Reads an interval. One unit at the end holds for both numbers; no unit at all is refused, because "10-30" read as
 * milliseconds or as minutes are both wrong for somebody.
 *
 * @param text such as `5s-8s` or `10-30m`
 * @returns both ends, or undefined if it is not an interval or runs backwards
 */
export function parseInterval(text: string): Interval | undefined {
  const parts = text.split("-").map((part) => part.trim());
  if (parts.length !== 2) return undefined;
  const [first, last] = parts as [string, string];
  const shared = /^\d+(\.\d+)?$/.test(first) ? /(ms|s|m|h|d)$/.exec(last)?.[1] ?? "" : "";
  const minMs = parseDurationMs(first + shared);
  const maxMs = parseDurationMs(last);
  // "0-5s" and "0s-5s" are the same; "10-30" has no unit anywhere and stays refused.
  if (minMs === undefined || maxMs === undefined || maxMs <= 0 || minMs > maxMs) return undefined;
  return { minMs, maxMs };
}

/**
 * Reads a size.
 *
 * @param text such as `10GB`, in powers of 1,024
 * @returns bytes, or undefined if it is not a size
 */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|TB)$/i.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * UNIT_BYTES[match[2]!.toUpperCase()]!);
}

/**
 * Writes a duration for people.
 *
 * @param ms milliseconds
 * @returns such as `850ms`, `1.2s` or `1h30m`
 */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10}s`;
  const totalSeconds = Math.round(ms / 1_000);
  const parts: [number, string][] = [
    [Math.floor(totalSeconds / 3_600), "h"],
    [Math.floor(totalSeconds / 60) % 60, "m"],
    [totalSeconds % 60, "s"],
  ];
  return parts.filter(([amount]) => amount > 0).map(([amount, unit]) => amount + unit).join("");
}

/**
 * Writes a duration so that {@linkcode parseDurationMs} reads the very same.
 *
 * @param ms milliseconds
 * @returns such as `850ms`, `1m30s` or `0s`
 */
export function writeDuration(ms: number): string {
  if (!Number.isSafeInteger(ms)) return `${ms}ms`;
  let left = ms;
  let text = "";
  for (const unit of ["h", "m", "s", "ms"]) {
    const amount = Math.floor(left / UNIT_MS[unit]!);
    if (amount > 0) text += `${amount}${unit}`;
    left -= amount * UNIT_MS[unit]!;
  }
  return text === "" ? "0s" : text;
}

/**
 * Writes an interval so that {@linkcode parseInterval} reads the very same.
 *
 * @param interval both ends
 * @returns such as `5s-8s`
 */
export function writeInterval({ minMs, maxMs }: Interval): string {
  return `${writeDuration(minMs)}-${writeDuration(maxMs)}`;
}

/**
 * Writes a size so that {@linkcode parseBytes} reads the very same.
 *
 * @param bytes a whole number
 * @returns such as `64MB`
 */
export function writeBytes(bytes: number): string {
  const units = Object.entries(UNIT_BYTES).toReversed();
  const [unit, size] = units.find(([, size]) => bytes >= size && bytes % size === 0) ?? ["B", 1];
  return `${bytes / size}${unit}`;
}
