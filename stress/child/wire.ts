/**
 * What the suite and the process of a case say to each other: a specification as the argument, one line of JSON as the answer.
 *
 * @module
 */
import { z } from "zod";
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

const outcome = z.object({
  samples: z.array(z.object({
    metric: z.string(),
    value: z.number(),
    limit: z.number().exactOptional(),
  })),
  series: z.array(z.object({
    ...{ name: z.string(), unit: z.string() },
    ...{ atSeconds: z.array(z.number()), values: z.array(z.number()) },
  })).exactOptional(),
  problems: z.array(z.string()).exactOptional(),
  notes: z.array(z.string()).exactOptional(),
});

const answer = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("outcome"), outcome }),
  z.object({ kind: z.literal("error"), message: z.string() }),
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
  const line = stdout.split("\n").findLast((line) => line.startsWith(MARK));
  if (line === undefined) return undefined;
  let told: unknown;
  try {
    told = JSON.parse(line.slice(MARK.length));
  } catch {
    return { kind: "unreadable", why: "no JSON, or torn" };
  }
  const { data, error } = answer.safeParse(told);
  if (error === undefined) return data;
  const { path, message } = error.issues[0]!;
  return { kind: "unreadable", why: `${path.join(".")}: ${message}` };
}
