/**
 * A YAML (or JSON) text that remembers where its keys are.
 *
 * @module
 */
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node, YAMLError } from "yaml";
import type { ConfigSource, KeyPath } from "./config_problems.ts";
import { describeError, PartiError } from "../errors.ts";

/** A text that was read, with the places of its keys. */
export interface YamlSource extends ConfigSource {
  /** What the text says: objects, lists, texts, numbers, booleans and null. */
  readonly value: unknown;
}

/**
 * Reads a YAML text. JSON is YAML too.
 *
 * On Deno this needs `--allow-env=LOG_TOKENS,LOG_STREAM`: the YAML parser looks whether it is being debugged.
 *
 * @param text the text
 * @param fileName its name, for errors
 * @returns its value and the places of its keys
 * @throws {PartiError} `PARTI_INVALID_CONFIG` with all syntax errors and their places; a key that occurs twice is one
 */
export function readYaml(text: string, fileName: string): YamlSource {
  const lines = new LineCounter();
  const document = parse(text, fileName, lines);
  // A warning is a tag that is not known or the like: nothing a configuration should have.
  const errors: YAMLError[] = [...document.errors, ...document.warnings];
  if (errors.length > 0) {
    const messages = errors.map((e) => {
      const { line, col } = lines.linePos(e.pos[0]);
      return `${fileName}:${line}:${col}: ${e.message}`;
    });
    throw syntaxError(messages, fileName, errors[0]);
  }
  return {
    name: fileName,
    value: toValue(document, fileName),
    locate: (path) => {
      const offset = offsetOf(document, path);
      return offset === undefined ? undefined : lines.linePos(offset);
    },
  };
}

function parse(text: string, fileName: string, lineCounter: LineCounter): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false });
  } catch (error) {
    throw new PartiError(
      "PARTI_INVALID_CONFIG",
      `cannot read ${fileName}: ${describeError(error)}`,
      {
        value: fileName,
        hint: "on Deno, run with --allow-env=LOG_TOKENS,LOG_STREAM",
        cause: error,
      },
    );
  }
}

function toValue(document: Document, fileName: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that contain themselves, or so many of them that the text was made to exhaust the memory.
    throw syntaxError([`${fileName}: ${describeError(error)}`], fileName, error);
  }
}

function syntaxError(lines: readonly string[], fileName: string, cause: unknown): PartiError {
  return new PartiError(
    "PARTI_INVALID_CONFIG",
    lines.length === 1
      ? `invalid YAML: ${lines[0]}`
      : `invalid YAML in ${fileName}:\n${lines.map((line) => `  ${line}`).join("\n")}`,
    { value: fileName, hint: "correct the syntax at the place named in the message", cause },
  );
}

/** Where a key starts in the text; for the whole, where its value does. */
function offsetOf(document: Document, path: KeyPath): number | undefined {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => keyName(item.key) === String(key));
      if (pair === undefined) return undefined;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === "number" && key < node.items.length) {
      node = node.items[key];
      offset = startOf(node) ?? offset;
    } else {
      return undefined;
    }
  }
  return offset;
}

function keyName(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
