/**
 * What simulations execute of the model of nats-server and its contract does not: lines of two coverage reports, compared, and what is
 * excused. Lines and not branches, since V8 does not number those the same way twice.
 *
 * @module
 */

/** How often each line of a file was executed. What is no code is not in it. */
export type LineCounts = ReadonlyMap<number, number>;

/** The counts of each file. */
export type Coverage = ReadonlyMap<string, LineCounts>;

/** The lines of each file of the model. */
export type Sources = ReadonlyMap<string, readonly string[]>;

/** Lines in a row that simulations execute and the contract does not. */
export interface Gap {
  /** The file. */
  readonly file: string;
  /** The first line, from 1. */
  readonly first: number;
  /** The last line. */
  readonly last: number;
  /** What the first line says. */
  readonly text: string;
}

/** A gap that is as it should be. */
export interface Excuse {
  /** The file, from the project's folder. */
  readonly file: string;
  /** What the gap's first line says, without the spaces around it; there must be only one such line. Left out for the whole file. */
  readonly line?: string;
  /** Why, in one sentence. */
  readonly why: string;
}

/** What came of the comparison. */
export interface Closure {
  /** Gaps that nobody excuses. */
  readonly open: readonly Gap[];
  /** Gaps that are excused. */
  readonly excused: readonly Gap[];
  /** Excuses that excuse nothing, with what is wrong with each. */
  readonly stale: readonly { readonly excuse: Excuse; readonly problem: string }[];
}

/**
 * Reads how often lines were executed.
 *
 * @param lcov a report of `deno coverage --lcov`
 * @param root the project's folder, with a slash at its end: files are named from there
 * @returns the counts
 */
export function readLcov(lcov: string, root: string): Coverage {
  const coverage = new Map<string, Map<number, number>>();
  let counts = new Map<number, number>();
  for (const line of lcov.split("\n")) {
    const [, file] = /^SF:(.*)$/.exec(line) ?? [];
    if (file !== undefined) {
      counts = new Map();
      coverage.set(file.startsWith(root) ? file.slice(root.length) : file, counts);
    }
    const [, number, count] = /^DA:(\d+),(\d+)/.exec(line) ?? [];
    if (number !== undefined) counts.set(Number(number), Number(count));
  }
  return coverage;
}

/**
 * Compares.
 *
 * @param simulated what simulations executed
 * @param checked what the contract executed
 * @param sources the model
 * @param excuses gaps that are as they should be
 * @returns what is not
 */
export function judgeClosure(
  simulated: Coverage,
  checked: Coverage,
  sources: Sources,
  excuses: readonly Excuse[],
): Closure {
  const gaps = [...sources].flatMap(([file, lines]) =>
    gapsOf(file, lines, simulated.get(file), checked.get(file))
  );
  const isExcused = ({ file, text }: Gap): boolean =>
    excuses.some(({ file: of, line }) => of === file && (line === undefined || line === text));
  const stale = excuses.flatMap((excuse) => {
    const problem = problemOf(excuse, checked, sources);
    return problem === undefined ? [] : [{ excuse, problem }];
  });
  return {
    open: gaps.filter((gap) => !isExcused(gap)),
    excused: gaps.filter(isExcused),
    stale,
  };
}

function gapsOf(
  file: string,
  lines: readonly string[],
  simulated: LineCounts = new Map(),
  checked: LineCounts = new Map(),
): Gap[] {
  const gaps: Gap[] = [];
  let gap: Gap | undefined;
  for (const [index, line] of lines.entries()) {
    const number = index + 1;
    const count = simulated.get(number);
    // A blank line ends a gap, or a method would be excused with the one above it. A comment does not.
    const isBlank = line.trim() === "";
    if (count === undefined && !isBlank) continue;
    if (isBlank || count === 0 || (checked.get(number) ?? 0) > 0) {
      gap = undefined;
      continue;
    }
    if (gap !== undefined) gaps.pop();
    gap = { file, first: gap?.first ?? number, last: number, text: gap?.text ?? line.trim() };
    gaps.push(gap);
  }
  return gaps;
}

/** An excuse that simulations have no use for this time is none the worse for it; one that the contract has caught up with is. */
function problemOf(
  { file, line }: Excuse,
  checked: Coverage,
  sources: Sources,
): string | undefined {
  const lines = sources.get(file);
  if (lines === undefined) return "there is no such file";
  const counts = checked.get(file);
  if (line === undefined) {
    const isChecked = counts !== undefined && [...counts.values()].every((count) => count > 0);
    return isChecked ? "the contract executes all of it" : undefined;
  }
  const numbers = lines.flatMap((text, index) => text.trim() === line ? [index + 1] : []);
  if (numbers.length !== 1) return `the line is there ${numbers.length} times`;
  return (counts?.get(numbers[0]!) ?? 0) > 0 ? "the contract executes it" : undefined;
}

/**
 * Says what came of it.
 *
 * @param closure the comparison
 * @returns lines for people
 */
export function renderClosure({ open, excused, stale }: Closure): string[] {
  const count = (gaps: readonly Gap[]): number =>
    gaps.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return [
    ...open.map(({ file, first, last, text }) => `${file}:${first}-${last}  ${text}`),
    ...stale.map(({ excuse: { file, line }, problem }) =>
      `stale excuse: ${file}  ${line ?? "(the whole file)"}: ${problem}`
    ),
    `not in the contract: ${open.length} gaps (${count(open)} lines); ` +
    `excused: ${excused.length} (${count(excused)} lines); stale excuses: ${stale.length}`,
  ];
}
