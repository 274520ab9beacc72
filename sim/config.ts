/**
 * Reads a configuration file, applies `--set`, and turns every mistake into one line that says where it is, what stands
 * there and what may stand there.
 *
 * @module
 */
import { type Document, isMap, isNode, isScalar, LineCounter, parse, parseDocument } from "yaml";
import type { z } from "zod";
import { PartiError } from "../lib/errors.ts";
import {
  crossCheck,
  type CrossIssue,
  type SimulationConfig,
  simulationSchema,
  withoutEffect,
} from "./config_schema.ts";

export type { SimulationConfig } from "./config_schema.ts";

/** A checked configuration and what should be said about it. */
export interface LoadedConfig {
  /** The configuration. */
  readonly config: SimulationConfig;
  /** Switches that have no effect in this version. */
  readonly notes: readonly string[];
}

/** A key that is set after the file was read. */
export interface Override {
  /** `a.b.c=value`. */
  readonly set: string;
  /** What the user wrote, for messages. */
  readonly shown: string;
}

/** A key path; list positions are numbers. */
type Path = readonly (string | number)[];

/** Where things come from, so that an error can point at them. */
interface Source {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
  /** Paths given with `--set` → the argument. */
  readonly overrides: ReadonlyMap<string, string>;
}

/** Fields with two spellings: the one on the left is also accepted. */
const SECTION_ALIASES: Readonly<Record<string, string>> = { checkpoint: "checkpointing" };

/**
 * Reads a configuration file.
 *
 * @param file the path, as the user gave it
 * @param overrides applied after the file
 * @returns the checked configuration
 * @throws {PartiError} `PARTI_INVALID_CONFIG` with one line per mistake
 */
export async function loadConfig(
  file: string | URL,
  overrides: readonly Override[] = [],
): Promise<LoadedConfig> {
  const name = typeof file === "string" ? file : decodeURIComponent(file.pathname);
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : String(cause);
    throw new PartiError("PARTI_INVALID_CONFIG", `cannot read the configuration ${name}: ${why}`, {
      value: name,
      hint: "name an existing file with --config, such as configs/quick.yaml",
      cause,
    });
  }
  return parseConfig(text, name, overrides);
}

/**
 * Checks a configuration.
 *
 * @param text the YAML
 * @param file its name, for messages
 * @param overrides applied after the text
 * @returns the checked configuration
 * @throws {PartiError} `PARTI_INVALID_CONFIG` with one line per mistake
 */
export function parseConfig(
  text: string,
  file: string,
  overrides: readonly Override[] = [],
): LoadedConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [bad] = document.errors;
  if (bad !== undefined) {
    const { line, col } = lines.linePos(bad.pos[0]);
    throw invalid([`${file}:${line}:${col}: this is not YAML: ${bad.message}`], text);
  }
  const raw: unknown = document.toJS() ?? {};
  if (typeof raw !== "object" || Array.isArray(raw)) {
    const shown = JSON.stringify(raw);
    throw invalid([`${file}:1:1: expected ${sectionAt([])}, got ${shown}`], raw);
  }
  const source = { file, document, lines, overrides: applyOverrides(raw, overrides) };
  const result = simulationSchema.safeParse(canonical(raw, source));
  if (!result.success) throw invalid(describeIssues(result.error, raw, source), raw);
  const crossed = crossCheck(result.data);
  if (crossed.length > 0) {
    throw invalid(crossed.map((issue) => describeCrossIssue(issue, raw, source)), raw);
  }
  return { config: result.data, notes: withoutEffect(result.data) };
}

function invalid(lines: readonly string[], value: unknown): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", lines.join("\n"), { value });
}

/** Writes each `a.b.c=value` into the plain object; the value is YAML, so that numbers and lists are what they look like. */
function applyOverrides(raw: unknown, overrides: readonly Override[]): Map<string, string> {
  const applied = new Map<string, string>();
  for (const { set, shown } of overrides) {
    const match = /^([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)=(.*)$/s.exec(set);
    if (match === null) {
      throw invalid([`${shown}: expected key=value, such as --set workers.count=4`], set);
    }
    const path = match[1]!.split(".");
    let node = raw as Record<string, unknown>;
    for (const key of path.slice(0, -1)) {
      if (!Object.hasOwn(node, key) || typeof node[key] !== "object" || node[key] === null) {
        node[key] = {};
      }
      node = node[key] as Record<string, unknown>;
    }
    try {
      node[path.at(-1)!] = parse(match[2]!);
    } catch {
      throw invalid([`${shown}: the value is not YAML`], set);
    }
    applied.set(canonicalPath(path).join("."), shown);
  }
  return applied;
}

const snakeCase = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The schema's own spelling of a path. */
function canonicalPath(path: Path): Path {
  return path.map((key, depth) => {
    if (typeof key === "number") return key;
    if (depth === 0) return SECTION_ALIASES[key] ?? key;
    return depth === 2 && path[0] === "workers" && path[1] === "group" ? snakeCase(key) : key;
  });
}

/** Renames second spellings: `checkpoint`, and camel case in `workers.group`. Both at once is a mistake. */
function canonical(raw: unknown, source: Source): unknown {
  const rename = (value: unknown, prefix: string[]): unknown => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const result: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(value)) {
      const name = String(canonicalPath([...prefix, key]).at(-1));
      if (name in result) {
        const at = position([...prefix, key], source);
        throw invalid([`${at}: ${[...prefix, key].join(".")}: the same as ${name}: give one`], key);
      }
      // A section written without content, as in "chaos:", means its defaults.
      result[name] = rename(child ?? (prefix.length === 0 ? {} : child), [...prefix, key]);
    }
    return result;
  };
  return rename(raw, []);
}

/** One line per mistake; a value that is wrong in two ways is told once. */
function describeIssues(error: z.ZodError, raw: unknown, source: Source): string[] {
  const lines = new Map<string, string>();
  for (const issue of error.issues) {
    const path = issue.path.filter((key) => typeof key !== "symbol");
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) {
        const full = [...path, key];
        const allowed = allowedKeys(path);
        const near = nearest(key, allowed);
        const hint = near === undefined ? "" : `did you mean ${near}? `;
        lines.set(
          full.join("."),
          `${position(full, source)}: ${full.join(".")}: unknown key; ${hint}allowed: ${
            allowed.join(", ")
          }`,
        );
      }
    } else if (!lines.has(path.join("."))) {
      const allowed = issue.code === "invalid_type" && issue.expected === "object"
        ? sectionAt(path)
        : issue.message;
      lines.set(path.join("."), describeValue(path, raw, allowed, source));
    }
  }
  return [...lines.values()];
}

function sectionAt(path: Path): string {
  return `a section with ${allowedKeys(path).join(", ")}`;
}

function describeCrossIssue(issue: CrossIssue, raw: unknown, source: Source): string {
  const { path, allowed, at = path, got } = issue;
  if (got === undefined) return describeValue(path, raw, allowed, source);
  return `${position(at, source)}: ${path.join(".")}: expected ${allowed}, got ${got}`;
}

function describeValue(path: Path, raw: unknown, allowed: string, source: Source): string {
  const value = valueAt(path, raw);
  const shown = value === undefined ? "nothing" : JSON.stringify(value);
  return `${position(path, source)}: ${path.join(".")}: expected ${allowed}, got ${shown}`;
}

/** The value at a path of the plain object, whichever way its keys are spelled. */
function valueAt(path: Path, raw: unknown): unknown {
  let node = raw;
  for (const [depth, key] of path.entries()) {
    if (typeof node !== "object" || node === null) return undefined;
    const entries = node as Record<string, unknown>;
    const spelled = Object.keys(entries).find((name) =>
      canonicalPath([...path.slice(0, depth), name]).at(-1) === key
    );
    node = spelled === undefined ? entries[key] : entries[spelled];
  }
  return node;
}

/** `file:line:col` of the value at a path, of the key if it is unknown, or of the nearest section that is there. */
function position(path: Path, source: Source): string {
  for (let length = path.length; length > 0; length--) {
    const override = source.overrides.get(canonicalPath(path.slice(0, length)).join("."));
    if (override !== undefined) return override;
  }
  let node: unknown = source.document.contents;
  let offset = 0;
  for (const [depth, key] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(({ key: name }) =>
        isScalar(name) &&
          canonicalPath([...path.slice(0, depth), String(name.value)]).at(-1) === key ||
        isScalar(name) && name.value === key
      );
      if (pair === undefined) break;
      // The value is what is wrong, unless there is none: then the key has to do.
      const shown = isNode(pair.value) && pair.value.range ? pair.value : pair.key;
      offset = isNode(shown) ? shown.range?.[0] ?? offset : offset;
      node = pair.value;
    } else {
      const child = source.document.getIn(path.slice(0, depth + 1), true);
      if (!isNode(child)) break;
      offset = child.range?.[0] ?? offset;
      node = child;
    }
  }
  const { line, col } = source.lines.linePos(offset);
  return `${source.file}:${Math.max(1, line)}:${Math.max(1, col)}`;
}

/** The keys a section may have. */
function allowedKeys(path: Path): string[] {
  let schema: unknown = simulationSchema;
  for (const key of path) schema = shapeOf(schema)?.[key];
  return Object.keys(shapeOf(schema) ?? {});
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  const inner = schema as { shape?: Record<string, unknown>; unwrap?: () => unknown } | undefined;
  if (inner?.shape !== undefined) return inner.shape;
  return inner?.unwrap === undefined ? undefined : shapeOf(inner.unwrap());
}

/** The allowed key that differs least from the given one, if any comes near. */
function nearest(key: string, allowed: readonly string[]): string | undefined {
  const scored = allowed.map((name) => ({ name, distance: editDistance(key, name) }));
  scored.sort((a, b) => a.distance - b.distance);
  const [best] = scored;
  return best !== undefined && best.distance <= Math.max(2, key.length / 3) ? best.name : undefined;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
