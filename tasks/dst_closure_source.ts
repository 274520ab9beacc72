/**
 * What Deno makes of a TypeScript file and runs, and where each part of that stands in the file. V8 counts characters of the former,
 * people read the latter.
 *
 * @module
 */

import { SourceMap } from "node:module";
import { runOrThrow } from "./run_command.ts";

/** A place in a TypeScript file. */
export interface Place {
  /** The line, from 1. */
  readonly line: number;
  /** The column, from 1. */
  readonly column: number;
}

/** A TypeScript file and the JavaScript that was made of it. */
export interface Source {
  /** What was run. */
  readonly script: string;
  /** The lines of the TypeScript file. */
  readonly lines: readonly string[];
  /**
   * Finds what a part of the script was made of.
   *
   * @param offset a character of the script
   * @returns its place in the TypeScript file
   */
  locate(offset: number): Place;
}

const LIMIT_MS = 60_000;
const MAP = "\n//# sourceMappingURL=data:application/json;base64,";

/**
 * Takes apart what Deno has made of a file.
 *
 * @param emitted the script, with its source map at its end
 * @returns both
 */
export function readEmitted(emitted: string): Source {
  const end = emitted.indexOf(MAP) + 1; // The line ends before the map begins.
  if (end === 0) throw new Error("a script without a source map");
  const script = emitted.slice(0, end);
  const [encoded] = emitted.slice(end + MAP.length - 1).split("\n");
  const payload = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(encoded!)));
  const map = new SourceMap(payload);
  return {
    script,
    lines: String(payload.sourcesContent[0]).split("\n"),
    locate(offset) {
      const before = script.slice(0, offset).split("\n");
      // The first characters of a line may have no entry: they were made of what the line above was made of.
      for (let line = before.length - 1; line >= 0; line--) {
        const column = line === before.length - 1 ? before[line]!.length : Infinity;
        const entry = map.findEntry(line, column);
        if (!("originalLine" in entry)) continue;
        return { line: entry.originalLine + 1, column: entry.originalColumn + 1 };
      }
      return { line: 1, column: 1 };
    },
  };
}

/**
 * Finds out where Deno keeps what it has made of TypeScript files.
 *
 * @returns the folder
 */
export async function findEmitted(): Promise<string> {
  const info = await runOrThrow(Deno.execPath(), ["info", "--json"], { timeoutMs: LIMIT_MS });
  return `${JSON.parse(info).typescriptCache}/file`;
}

/**
 * Reads what Deno has made of a file, as it did when it ran it.
 *
 * @param emitted where Deno keeps that
 * @param path the TypeScript file's absolute path
 * @returns both
 * @throws if the file was changed since, or was never run
 */
export async function readSource(emitted: string, path: string): Promise<Source> {
  const source = readEmitted(await Deno.readTextFile(`${emitted}${path}.js`));
  if (source.lines.join("\n") === await Deno.readTextFile(path)) return source;
  throw new Error(`${path} was changed since it was run`);
}
