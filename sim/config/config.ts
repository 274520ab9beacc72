/**
 * Reads a configuration file, applies `--set`, and turns every mistake into one line that says where it is, what stands
 * there and what may stand there.
 *
 * @module
 */
import {
  type Alias,
  type Document,
  LineCounter,
  parse,
  parseDocument,
  stringify,
  visit,
} from "yaml";
import { type BaseIssue, safeParse } from "valibot";
import { isUnknownKey, pathOf } from "../../lib/config/schema_objects.ts";
import { PartiError } from "../../lib/errors.ts";
import {
  canonicalPath,
  type ConfigPath,
  type ConfigSource,
  overrideOf,
  position,
  valueAt,
} from "./config_position.ts";
import { crossCheck, type CrossIssue } from "./config_rules.ts";
import { type SimulationConfig, simulationSchema } from "./config_schema.ts";
import { nearest } from "./nearest.ts";
import { writeAs } from "./schema_parts.ts";
import { showValue } from "./secrets.ts";
import { LOOKS_LIKE_LIMIT } from "./threshold.ts";
import { removeThresholds } from "./thresholds_section.ts";

export type { SimulationConfig } from "./config_schema.ts";

/** A checked configuration. */
export interface LoadedConfig {
  /** The configuration. */
  readonly config: SimulationConfig;
}

/** A key that is set after the file was read. */
export interface Override {
  /** `a.b.c=value`. */
  readonly set: string;
  /** What the user wrote, for messages. */
  readonly shown: string;
}

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

/** A value that is a limit to the eye, and something else to YAML. */
const UNQUOTED_LIMIT = /[:\-,[]\s*[>!]/;

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
  // A warning is a tag that YAML does not know, as in an unquoted "!= 0": its value would not be what it looks like.
  const [bad] = [...document.errors, ...document.warnings];
  if (bad !== undefined) {
    const { line, col } = lines.linePos(bad.pos[0]);
    const quote = UNQUOTED_LIMIT.test(text.split("\n")[line - 1] ?? "")
      ? '; put quotes around an operator, as in "> 0"'
      : "";
    throw invalid([`${file}:${line}:${col}: this is not YAML: ${bad.message}${quote}`], text);
  }
  const raw = plainOf(document, lines, file);
  if (typeof raw !== "object" || Array.isArray(raw)) {
    const shown = JSON.stringify(raw);
    throw invalid([`${file}:1:1: expected ${sectionAt([])}, got ${shown}`], raw);
  }
  const source = { file, document, lines, overrides: applyOverrides(raw, overrides) };
  const result = safeParse(simulationSchema, canonical(raw, source));
  if (!result.success) throw invalid(describeIssues(result.issues, raw, source), raw);
  const crossed = crossCheck(result.output);
  if (crossed.length > 0) {
    throw invalid(crossed.map((issue) => describeCrossIssue(issue, raw, source)), raw);
  }
  return { config: result.output };
}

/** What is in a document. An alias can mean what is not there, what it is itself a part of, or far too much. */
function plainOf(document: Document.Parsed, lines: LineCounter, file: string): unknown {
  try {
    return withoutCircles(document.toJS() ?? {});
  } catch {
    let bad: Alias | undefined;
    visit(document, {
      Alias: (_key, alias) => {
        bad ??= alias;
        if (alias.resolve(document) !== undefined) return undefined;
        bad = alias;
        return visit.BREAK;
      },
    });
    const { line, col } = lines.linePos(bad?.range?.[0] ?? 0);
    const why = "an alias means what is not there, what it is a part of, or too much";
    throw invalid([`${file}:${line}:${col}: this is not YAML to us: ${why}`], file);
  }
}

/** Throws for a value that is a part of itself. */
function withoutCircles<T>(value: T): T {
  JSON.stringify(value);
  return value;
}

/**
 * Writes a configuration with everything that was left out.
 *
 * @param config a checked configuration
 * @returns YAML that {@linkcode parseConfig} reads as the very same
 */
export function describeConfig(config: SimulationConfig): string {
  return stringify(writeAs(simulationSchema, config));
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
    const value = match[2]!;
    const threshold = path[0] === "thresholds" && path.length > 1;
    // The file may write the figure flat, or nest it otherwise: what is set replaces it all the same.
    if (threshold) {
      removeThresholds((raw as Record<string, unknown>)["thresholds"], path.slice(1).join("."));
    }
    let node = raw as Record<string, unknown>;
    for (const key of path.slice(0, -1)) {
      if (!Object.hasOwn(node, key) || typeof node[key] !== "object" || node[key] === null) {
        node[key] = {};
      }
      node = node[key] as Record<string, unknown>;
    }
    try {
      // Unquoted, "> 0" and "!= 0" are something else in YAML.
      node[path.at(-1)!] = threshold && LOOKS_LIKE_LIMIT.test(value)
        ? value
        : withoutCircles(parse(value));
    } catch {
      throw invalid([`${shown}: the value is not YAML`], set);
    }
    applied.set(canonicalPath(path).join("."), shown);
  }
  return applied;
}

/** Renames second spellings: `checkpoint`, and camel case in `workers.group`. Both at once is a mistake. */
function canonical(raw: unknown, source: ConfigSource): unknown {
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
function describeIssues(
  issues: readonly BaseIssue<unknown>[],
  raw: unknown,
  source: ConfigSource,
): string[] {
  const lines = new Map<string, string>();
  for (const issue of issues) {
    const path = pathOf(issue);
    const key = path.join(".");
    if (isUnknownKey(issue)) {
      const allowed = allowedKeys(path.slice(0, -1));
      const near = nearest(String(path.at(-1)), allowed);
      const hint = near === undefined ? "" : `did you mean ${near}? `;
      const known = allowed.join(", ");
      lines.set(key, `${position(path, source)}: ${key}: unknown key; ${hint}allowed: ${known}`);
    } else if (issue.expected === "never") {
      // The section `thresholds` has words of its own for what it does not know.
      lines.set(key, `${position(path, source)}: ${key}: ${issue.message}`);
    } else if (!lines.has(key)) {
      const allowed = issue.type === "strict_object" ? sectionAt(path) : issue.message;
      lines.set(key, describeValue(path, raw, allowed, source));
    }
  }
  return [...lines.values()];
}

function sectionAt(path: ConfigPath): string {
  return `a section with ${allowedKeys(path).join(", ")}`;
}

function describeCrossIssue(issue: CrossIssue, raw: unknown, source: ConfigSource): string {
  const { path, allowed, at = path, got = shownAt(path, raw), causes = [] } = issue;
  // What the file says was right before something else was set.
  const [cause] = causes.map((other) => overrideOf(other, source)).filter((set) =>
    set !== undefined
  );
  const where = overrideOf(at, source) ?? cause ?? position(at, source);
  return `${where}: ${path.join(".")}: expected ${allowed}, got ${got}`;
}

function describeValue(
  path: ConfigPath,
  raw: unknown,
  allowed: string,
  source: ConfigSource,
): string {
  const where = position(path, source);
  return `${where}: ${path.join(".")}: expected ${allowed}, got ${shownAt(path, raw)}`;
}

function shownAt(path: ConfigPath, raw: unknown): string {
  return showValue(path.map((key) => typeof key === "symbol" ? "" : key), valueAt(path, raw));
}

/** The keys a section may have. */
function allowedKeys(path: ConfigPath): string[] {
  let schema: unknown = simulationSchema;
  for (const key of path) {
    // All entries of a list are alike, and the way to its entries is that to what they are made of.
    if (typeof key !== "number") schema = shapeOf(schema)?.[key];
  }
  return Object.keys(shapeOf(schema) ?? {});
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  const { entries, wrapped, item } = (schema ?? {}) as {
    readonly entries?: Record<string, unknown>;
    readonly wrapped?: unknown;
    readonly item?: unknown;
  };
  const inner = wrapped ?? item;
  return entries ?? (inner === undefined ? undefined : shapeOf(inner));
}
