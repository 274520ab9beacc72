/**
 * Mutants: planted bugs, as data. A mutant replaces one text in one file of a copy of the library; what is published has no switch for it.
 * A simulation is worth what it finds, and this is how that is measured.
 *
 * @module
 */

/** A planted bug. */
export interface Mutant {
  /** What it is called. */
  readonly name: string;
  /** What bug it is, and which rule of the design it breaks, in one sentence. */
  readonly about: string;
  /** The file it is planted in, from the top of the repository. */
  readonly file: string;
  /** What stands there. It must occur exactly once, so that no refactoring disarms a mutant without anybody noticing. */
  readonly find: string;
  /** What is put in its place. */
  readonly replace: string;
  /**
   * Why no simulated group shows it: a second line of defence makes up for it. One sentence, with the unit test that shows it at its end,
   * as `(file: "name")`.
   */
  readonly masked?: string;
  /**
   * What would have to coincide for a simulated group to show it, which a thousand seeds have not brought about. As {@linkcode masked},
   * with the unit test that shows it at its end.
   */
  readonly elusive?: string;
  /** Which workload is to show it; `core` unless given. */
  readonly workload?: string;
  /** Whether it shows only when each seed is run twice and compared. */
  readonly twice?: boolean;
}

/**
 * How often a text occurs.
 *
 * @param source where
 * @param text what, not empty
 * @returns how often, overlaps not counted
 */
export function occurrences(source: string, text: string): number {
  return source.split(text).length - 1;
}

/**
 * Plants a bug.
 *
 * @param mutant the bug
 * @param source the text of its file
 * @returns the text with the bug; undefined if what it replaces does not occur exactly once
 */
export function plant({ find, replace }: Mutant, source: string): string | undefined {
  const [before, after, ...more] = source.split(find);
  if (before === undefined || after === undefined || more.length > 0) return undefined;
  return before + replace + after;
}

/**
 * The unit test that shows a bug which the simulation does not.
 *
 * @param masked what is said of it
 * @returns its file and its name; undefined if none is named
 */
export function testOf(
  masked: string,
): { readonly file: string; readonly name: string } | undefined {
  const { file, name } = /\((?<file>lib\/\S+_test\.ts): "(?<name>.+)"\)\.$/.exec(masked)?.groups ??
    {};
  return file === undefined || name === undefined ? undefined : { file, name };
}
