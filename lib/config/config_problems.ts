/**
 * What is wrong with a configuration, and how it is said: one error that lists every problem with its place, key, value and what
 * is allowed. For any schema made from `schema_parts.ts`.
 *
 * @module
 */
import type { BaseIssue } from "valibot";
import { closest } from "./closest.ts";
import { PartiError } from "../errors.ts";
import { isUnknownKey, pathOf } from "./schema_objects.ts";

/** The way to a key: names and, in lists, numbers. */
export type KeyPath = readonly (string | number)[];

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The key. */
  readonly path: KeyPath;
  /** The offending value; undefined for a missing key. */
  readonly value: unknown;
  /** `default` is a refused value that the user did not write: it does not go with what they wrote. */
  readonly kind: "refused" | "default" | "missing" | "unknown";
  /** What is allowed, in words. */
  readonly allowed: string;
  /** Other keys that have a part in it; the first one that the file has gives the place if the key itself is not there. */
  readonly related?: readonly KeyPath[];
}

/** A place in a text; lines and columns count from 1. */
export interface Place {
  /** The line. */
  readonly line: number;
  /** The column. */
  readonly col: number;
}

/** Where a configuration came from. */
export interface ConfigSource {
  /** Its name, for the error's first line. */
  readonly name: string;
  /**
   * The place of a key.
   *
   * @param path the key
   * @returns where it starts, or undefined if the file does not have that key
   */
  locate(path: KeyPath): Place | undefined;
}

/**
 * Looks up a key.
 *
 * @param input a tree of objects and lists
 * @param path the key
 * @returns its value, or undefined if there is no such key
 */
export function valueAt(input: unknown, path: KeyPath): unknown {
  let at = input;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string | number, unknown>)[key];
  }
  return at;
}

/**
 * Translates what a schema found.
 *
 * @param issues the schema's issues
 * @param input what was checked
 * @returns the problems in the order of the issues, one per key
 */
export function problemsOf(
  issues: readonly BaseIssue<unknown>[],
  input: unknown,
): ConfigProblem[] {
  const problems = new Map<string, ConfigProblem>();
  for (const issue of issues) {
    const path = pathOf(issue);
    const key = JSON.stringify(path);
    if (problems.has(key)) continue;
    const value = valueAt(input, path);
    const isMissing = value === undefined && path.length > 0;
    const kind = isUnknownKey(issue) ? "unknown" : isMissing ? "missing" : "refused";
    problems.set(key, { path, value, kind, allowed: issue.message });
  }
  return [...problems.values()];
}

/**
 * Makes the one error for all problems.
 *
 * @param problems what is wrong, at least one problem
 * @param source where the configuration came from, if it was a file
 * @returns a `PARTI_INVALID_CONFIG` whose `value` is the list of problems
 */
export function configError(
  problems: readonly ConfigProblem[],
  source?: ConfigSource,
): PartiError {
  const lines = problems
    .map((problem) => ({ problem, place: source && placeOf(problem, source) }))
    // A text is corrected from its beginning to its end.
    .sort((a, b) => comparePlaces(a.place, b.place))
    .map(({ problem, place }) => describeProblem(problem, source?.name, place));
  const title = `invalid configuration${source === undefined ? "" : ` in ${source.name}`}`;
  const message = lines.length === 1
    ? `${title}: ${lines[0]}`
    : `${title}, ${lines.length} problems:\n${lines.map((line) => `  ${line}`).join("\n")}`;
  return new PartiError("PARTI_INVALID_CONFIG", message, {
    value: problems,
    hint:
      "correct the keys named in the message; the documentation of GroupConfigInput has them all",
  });
}

function comparePlaces(a: Place | undefined, b: Place | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return a.line - b.line || a.col - b.col;
}

function describeProblem(
  problem: ConfigProblem,
  fileName: string | undefined,
  place: Place | undefined,
): string {
  const key = formatPath(problem.path);
  const parts = [`${complaint(problem)}; allowed: ${problem.allowed}`];
  if (key !== "") parts.unshift(key);
  if (place !== undefined) parts.unshift(`${fileName}:${place.line}:${place.col}`);
  return parts.join(": ");
}

function complaint({ kind, value, path, allowed }: ConfigProblem): string {
  switch (kind) {
    case "missing":
      return "is missing";
    case "unknown":
      return `unknown key (its value is ${show(value)})${suggest(path, allowed)}`;
    case "default":
      return `the default ${show(value)} is not allowed here`;
    case "refused":
      return `${show(value)} is not allowed`;
  }
}

/** What is allowed ends with the list of keys; the unknown one is probably one of them, misspelled. */
function suggest(path: KeyPath, allowed: string): string {
  const meant = closest(String(path.at(-1)), allowed.split(" keys ").at(-1)!.split(", "));
  return meant === undefined ? "" : `, did you mean ${meant}?`;
}

function placeOf(problem: ConfigProblem, source: ConfigSource): Place | undefined {
  const parents = problem.path.map((_, i) => problem.path.slice(0, problem.path.length - 1 - i));
  for (const path of [problem.path, ...problem.related ?? [], ...parents]) {
    const place = source.locate(path);
    if (place !== undefined) return place;
  }
  return undefined;
}

/**
 * Writes a key's path.
 *
 * @param path the key
 * @returns such as `consumer.stream` or `workers[2].id`; empty for the whole
 */
export function formatPath(path: KeyPath): string {
  return path.map((key, i) =>
    typeof key === "number"
      ? `[${key}]`
      : `${i === 0 ? "" : "."}${/^[\w-]+$/.test(key) ? key : JSON.stringify(key)}`
  ).join("");
}

const LONGEST_SHOWN = 80;

function show(value: unknown): string {
  // JSON has no word for some values, or a misleading one: NaN would become null.
  if (typeof value !== "object" && typeof value !== "string") return String(value);
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    text = "a value that contains itself";
  }
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}
