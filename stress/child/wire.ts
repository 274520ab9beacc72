/**
 * What the suite and the process of a case say to each other: a specification as the argument, one line of JSON as the answer.
 *
 * @module
 */
import * as v from "valibot";
import { pathOf } from "../../lib/config/schema_objects.ts";
import type { CaseContext, CaseOutcome } from "../case.ts";

/** The hidden command of a case's process. */
export const CASE_COMMAND = "stress-case";

/** What a case's process is told. */
export interface CaseSpec extends Omit<CaseContext, "progress" | "fault" | "durationMs"> {
  /** The whole name of the case. */
  readonly id: string;
  /** A module with another catalog than the project's; null for that. */
  readonly registry: string | null;
  /** The planted defect; null for none. */
  readonly fault: CaseContext["fault"] | null;
  /** How long the case is to go on; null for as long as it wants. */
  readonly durationMs: number | null;
}

const number = v.pipe(v.number(), v.finite());
const outcome = v.object({
  samples: v.array(v.object({
    metric: v.string(),
    value: number,
    limit: v.exactOptional(v.pipe(number, v.gtValue(0))),
  })),
  series: v.exactOptional(v.array(v.object({
    ...{ name: v.string(), unit: v.string() },
    ...{ atSeconds: v.array(number), values: v.array(number) },
  }))),
  problems: v.exactOptional(v.array(v.string())),
  notes: v.exactOptional(v.array(v.string())),
});

const answer = v.variant("kind", [
  v.object({ kind: v.literal("outcome"), outcome }),
  v.object({ kind: v.literal("error"), message: v.string() }),
]);

/** An answer that is there and of no use. */
export interface UnreadableAnswer {
  /** That it is one. */
  readonly kind: "unreadable";
  /** Where, and what is wrong with it. */
  readonly why: string;
}

/** What a case's process answers. */
export type CaseAnswer = { readonly kind: "outcome"; readonly outcome: CaseOutcome } | {
  readonly kind: "error";
  readonly message: string;
};

/** The answer begins with this, so that nothing else that is printed is taken for it. */
const MARK = "parti-stress-answer ";

/**
 * Writes an answer.
 *
 * @param what the answer
 * @returns one line
 */
export function writeAnswer(what: CaseAnswer): string {
  return MARK + JSON.stringify(what) + "\n";
}

/**
 * Reads the answer out of all that a process has printed.
 *
 * @param stdout what it has printed
 * @returns the answer, or why it cannot be read; undefined if there is none
 */
export function readAnswer(stdout: string): CaseAnswer | UnreadableAnswer | undefined {
  // A line that somebody began and did not end may stand before it.
  const line = stdout.split("\n").findLast((line) => line.includes(MARK));
  if (line === undefined) return undefined;
  let told: unknown;
  try {
    told = JSON.parse(line.slice(line.indexOf(MARK) + MARK.length));
  } catch {
    return { kind: "unreadable", why: "no JSON, or torn" };
  }
  const { success, output, issues } = v.safeParse(answer, told);
  if (success) return output;
  return { kind: "unreadable", why: `${pathOf(issues[0]).join(".")}: ${issues[0].message}` };
}
