/**
 * What simulations execute of the model of nats-server and its contract does not: branches, compared by the characters they consist of,
 * and what is excused.
 *
 * @module
 */

import type { Executed } from "./dst_closure_profile.ts";
import type { Source } from "./dst_closure_source.ts";

/** What was executed of each file. */
export type Coverage = ReadonlyMap<string, Executed>;

/** The files of the model. */
export type Sources = ReadonlyMap<string, Source>;

/** A branch that the contract never takes. */
export interface Gap {
  /** The file. */
  readonly file: string;
  /** Its first line, from 1. */
  readonly first: number;
  /** Where it begins in that line, from 1. */
  readonly column: number;
  /** Its last line. */
  readonly last: number;
  /** How the branch begins. */
  readonly text: string;
  /** The whole line in which it begins, without the spaces around it. */
  readonly line: string;
}

/** A gap that is as it should be. */
export interface Excuse {
  /** The file, from the project's folder. */
  readonly file: string;
  /** The line in which the branch begins, without the spaces around it; there must be only one such line. Left out for the whole file. */
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

/** How much of a branch is shown. */
const TEXT_LENGTH = 80;
/** What V8 counts to a branch and does not belong to what is executed there. */
const BEFORE_CODE = /^(\s|\?\?|&&|\|\||[?:]|\/\/.*|\/\*[^]*?\*\/)*/;

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
  const gaps = [...sources].flatMap(([file, source]) =>
    gapsOf(file, source, checked.get(file), simulated.get(file) ?? new Uint8Array())
  );
  const isExcused = ({ file, line }: Gap): boolean =>
    excuses.some((excuse) =>
      excuse.file === file && (excuse.line === undefined || excuse.line === line)
    );
  const stale = excuses.flatMap((excuse) => {
    const problem = problemOf(excuse, sources.get(excuse.file), checked.get(excuse.file));
    return problem === undefined ? [] : [{ excuse, problem }];
  });
  return {
    open: gaps.filter((gap) => !isExcused(gap)),
    excused: gaps.filter(isExcused),
    stale,
  };
}

/** The branches that the contract never takes, and of those only what `wanted` has executed. */
function gapsOf(
  file: string,
  { script, lines, locate }: Source,
  checked: Executed = new Uint8Array(script.length),
  wanted: Executed = new Uint8Array(script.length).fill(1),
): Gap[] {
  const gaps: Gap[] = [];
  for (let start = 0; start < script.length;) {
    if (checked[start] === 1) {
      start++;
      continue;
    }
    const next = checked.indexOf(1, start);
    const end = next < 0 ? script.length : next;
    // Of two cases of a switch that the contract takes neither of, the one that simulations take.
    const from = wanted.indexOf(1, start);
    start = end;
    if (from < 0 || from >= end) continue;
    const branch = script.slice(from, end);
    const code = branch.replace(BEFORE_CODE, "").trimEnd();
    // The end of a function that never comes to it.
    if (/^[\s})\];]*$/.test(code)) continue;
    const at = from + branch.indexOf(code);
    const { line: first, column } = locate(at);
    gaps.push({
      file,
      first,
      column,
      last: locate(at + code.length - 1).line,
      text: code.replace(/\s+/g, " ").slice(0, TEXT_LENGTH),
      line: lines[first - 1]!.trim(),
    });
  }
  return gaps;
}

/** An excuse that simulations have no use for this time is none the worse for it; one that the contract has caught up with is. */
function problemOf(
  { file, line }: Excuse,
  source: Source | undefined,
  checked: Executed | undefined,
): string | undefined {
  if (source === undefined) return "there is no such file";
  const gaps = gapsOf(file, source, checked);
  if (line === undefined) return gaps.length === 0 ? "the contract executes all of it" : undefined;
  const numbers = source.lines.flatMap((text, index) => text.trim() === line ? [index + 1] : []);
  if (numbers.length !== 1) return `the line is there ${numbers.length} times`;
  const [number] = numbers;
  const isGap = gaps.some(({ first, last }) => first <= number! && number! <= last);
  return isGap ? undefined : "the contract executes it";
}

/**
 * Says what came of it.
 *
 * @param closure the comparison
 * @returns lines for people
 */
export function renderClosure({ open, excused, stale }: Closure): string[] {
  return [
    ...open.map(({ file, first, column, text }) => `${file}:${first}:${column}  ${text}`),
    ...stale.map(({ excuse: { file, line }, problem }) =>
      `stale excuse: ${file}  ${line ?? "(the whole file)"}: ${problem}`
    ),
    `not in the contract: ${open.length} branches; excused: ${excused.length}; ` +
    `stale excuses: ${stale.length}`,
  ];
}
