/**
 * Where a value of the configuration comes from, so that a mistake can be shown at its place.
 *
 * @module
 */
import { type Document, isMap, isNode, isScalar, type LineCounter } from "yaml";

/** A key path; list positions are numbers. */
export type ConfigPath = readonly (string | number)[];

/** Where things come from, so that an error can point at them. */
export interface ConfigSource {
  /** The file's name. */
  readonly file: string;
  /** What is in it. */
  readonly document: Document;
  /** Where its lines begin. */
  readonly lines: LineCounter;
  /** Paths given with `--set` → the argument. */
  readonly overrides: ReadonlyMap<string, string>;
}

/** Fields with two spellings: the one on the left is also accepted. */
export const SECTION_ALIASES: Readonly<Record<string, string>> = { checkpoint: "checkpointing" };

const snakeCase = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The schema's own spelling of a path. */
export function canonicalPath(path: ConfigPath): ConfigPath {
  return path.map((key, depth) => {
    if (typeof key === "number") return key;
    if (depth === 0) return SECTION_ALIASES[key] ?? key;
    return depth === 2 && path[0] === "workers" && path[1] === "group" ? snakeCase(key) : key;
  });
}

/** The value at a path of the plain object, whichever way its keys are spelled. */
export function valueAt(path: ConfigPath, raw: unknown): unknown {
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

/** The `--set` that made the value at a path: of itself, of a section around it, or of something in it that the file does not have. */
export function overrideOf(
  path: ConfigPath,
  { document, overrides }: ConfigSource,
): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const override = overrides.get(canonicalPath(path.slice(0, length)).join("."));
    if (override !== undefined) return override;
  }
  if (document.hasIn(path)) return undefined;
  const inside = `${canonicalPath(path).join(".")}.`;
  return overrides.entries().find(([set]) => set.startsWith(inside))?.[1];
}

/** The `--set`, or `file:line:col` of the value at a path, of the key if it is unknown, or of the nearest section that is there. */
export function position(path: ConfigPath, source: ConfigSource): string {
  const override = overrideOf(path, source);
  if (override !== undefined) return override;
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
