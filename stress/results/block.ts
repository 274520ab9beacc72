/**
 * What is said in the end.
 *
 * @module
 */
import { formatDuration } from "../../sim/config/units.ts";
import { machineText } from "./machine.ts";
import type { CaseResult, StressResult, Verdict } from "./result.ts";
import { COLUMNS, figureRows, lawText, NUMBER_COLUMNS, tableLines } from "./text.ts";

const VERDICTS: Readonly<Record<Verdict, string>> = {
  pass: "PASS",
  fail: "FAIL",
  unknown: "COULD NOT VERIFY",
};

/**
 * The whole result for people.
 *
 * @param result the result
 * @returns the lines
 */
export function resultLines(result: StressResult): string[] {
  const { machine, commit, durationMs, seed, cases, studies, verdict, reasons, fault } = result;
  return [
    machineText(machine),
    `commit ${commit || "unknown"}, seed ${seed}, took ${formatDuration(durationMs)}`,
    ...(fault === null ? [] : [`A defect was planted on purpose: ${fault}.`]),
    "",
    ...tableLines([COLUMNS, ...figureRows(cases)], NUMBER_COLUMNS),
    ...(studies.length === 0 ? [] : ["", "Laws"]),
    ...studies.map((study) => `  ${study.title}: ${lawText(study)}`),
    "",
    ...noteLines(cases),
    `${VERDICTS[verdict]}${reasons.length === 0 ? "" : ":"}`,
    ...reasons.map((reason) => `  - ${reason}`),
  ];
}

/**
 * What the cases say besides.
 *
 * @param cases the cases
 * @returns a line for each note
 */
export function noteLines(cases: readonly CaseResult[]): string[] {
  return cases.flatMap(({ id, notes = [] }) => notes.map((what) => `note: ${id}: ${what}`));
}
