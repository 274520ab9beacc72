/**
 * Looks through every file of the repository for what must not be in it: addresses of package registries and mirrors,
 * paths of one particular machine, and comments that switch the ports rule off.
 *
 * @module
 */

import { runOrThrow } from "./run_command.ts";

/** One thing that must not be there. */
export interface Finding {
  /** The file, from the root of the repository. */
  readonly file: string;
  /** The line, from 1. */
  readonly line: number;
  /** What is wrong. */
  readonly what: string;
}

/** The patterns are written so that they do not match themselves. */
const forbidden: { pattern: RegExp; what: string }[] = [
  {
    pattern:
      /\b(?:registry\.(?:npmjs|yarnpkg)|npm\.jsr|pypi|static\.crates|proxy\.golang)\.(?:org|com|io)\b/,
    what: "the address of a package registry",
  },
  {
    pattern: /\b(?:[a-z0-9-]+\.)+(?:debian|ubuntu)\.(?:org|com)\b/,
    what: "the address of a package mirror",
  },
  {
    pattern: /(?<![\w.~}-])\/(?:work|root|home\/\w+|Users\/\w+)\/|(?<![\w.~}-])\/tmp\/ns\b/,
    what: "a path of one particular machine",
  },
  {
    pattern: /deno-lint-ignore(?:-file)?[ \t][^\n]*\bports\//,
    what: "the ports rule switched off",
  },
  {
    pattern: /deno-lint-ignore(?:-file)?[ \t]*(?:--|\*\/|$)/,
    what: "a lint comment that names no rule and so switches all off",
  },
];

/**
 * Looks through one text.
 *
 * @param file what to call it
 * @param text what is in it
 * @returns what must not be there
 */
export function checkText(file: string, text: string): Finding[] {
  const findings: Finding[] = [];
  text.split("\n").forEach((content, index) => {
    for (const { pattern, what } of forbidden) {
      const match = pattern.exec(content);
      if (match) findings.push({ file, line: index + 1, what: `${what}: ${match[0]}` });
    }
  });
  return findings;
}

/**
 * Looks through all files that are tracked, or would be if they were added.
 *
 * @param root the repository
 * @returns what must not be there
 */
export async function checkRepository(root: string): Promise<Finding[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const names = (await runOrThrow("git", args, { cwd: root })).split("\0").filter(Boolean);
  const findings: Finding[] = [];
  for (const name of new Set(names)) {
    let bytes: Uint8Array;
    try {
      bytes = await Deno.readFile(`${root}/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue; // deleted, and not yet committed
      throw error;
    }
    if (bytes.includes(0)) continue; // not a text
    findings.push(...checkText(name, new TextDecoder().decode(bytes)));
  }
  return findings;
}
