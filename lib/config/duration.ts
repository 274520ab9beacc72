/**
 * Lengths of time as people write them: `"500ms"`, `"2s"`, `"1h30m"`.
 *
 * @module
 */
import { PartiError } from "../errors.ts";

/**
 * The longest duration that is accepted, in milliseconds: 2³¹−1, about 24.8 days. Timers of JavaScript count in 32 bits, and
 * one set for longer fires at once.
 */
export const LONGEST_DURATION_MS = 2_147_483_647;

/** What a duration may look like, for error messages. */
export const DURATION_ALLOWED =
  'a duration with units such as "500ms", "2s" or "1h30m", or a number of milliseconds, up to 24 days';

// The units of Go's time.ParseDuration, so that existing files can be read.
const UNITS_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  "µs": 1e-3, // U+00B5, the micro sign
  "μs": 1e-3, // U+03BC, the Greek letter
  ns: 1e-6,
};

const PART = /(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|μs|ns)/gy;

/**
 * Reads a duration, without an error for what is none.
 *
 * @param input a text with units, or a number of milliseconds
 * @returns milliseconds from 0 to {@linkcode LONGEST_DURATION_MS}, or undefined if it is not such a duration
 */
export function tryParseDuration(input: unknown): number | undefined {
  const ms = typeof input === "number"
    ? input
    : typeof input === "string"
    ? sumOfParts(input)
    : undefined;
  return ms !== undefined && ms >= 0 && ms <= LONGEST_DURATION_MS ? ms : undefined;
}

function sumOfParts(text: string): number | undefined {
  // A lone zero needs no unit, as in Go.
  if (text === "0") return 0;
  let sum = 0;
  let end = 0;
  for (const part of text.matchAll(PART)) {
    sum += Number(part[1]) * UNITS_MS[part[2]!]!;
    end = part.index + part[0].length;
  }
  // The sum of decimal fractions is rounded to the nanosecond: 0.1s + 0.2s is 300 ms and not a hair more.
  return end === text.length && end > 0 ? Math.round(sum * 1e6) / 1e6 : undefined;
}

/**
 * Reads a duration.
 *
 * @param input a text with units, or a number of milliseconds
 * @returns milliseconds, from 0 to {@linkcode LONGEST_DURATION_MS}
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is not such a duration
 */
export function parseDuration(input: unknown): number {
  const ms = tryParseDuration(input);
  if (ms === undefined) {
    const given = typeof input === "string" ? JSON.stringify(input) : String(input);
    throw new PartiError(
      "PARTI_INVALID_CONFIG",
      `${given} is not allowed; allowed: ${DURATION_ALLOWED}`,
      { value: input, hint: `write a number and a unit, up to ${LONGEST_DURATION_MS} ms` },
    );
  }
  return ms;
}

/**
 * Writes a duration the way it is read.
 *
 * @param ms milliseconds, ≥ 0
 * @returns the shortest text with whole hours, minutes and seconds, such as `"1h30m"`, `"2s"` or `"1500ms"`
 */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms % 1_000 !== 0) return `${ms}ms`;
  const seconds = ms / 1_000;
  const parts: [number, string][] = [
    [Math.floor(seconds / 3_600), "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  return parts.filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`).join("");
}
