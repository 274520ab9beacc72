/**
 * The command that has the same run again, as it is typed.
 *
 * @module
 */
import type { SimReport } from "../report/report.ts";

/**
 * Writes the command.
 *
 * @param report the report
 * @returns the command for a shell; what is not plain is quoted
 */
export function commandText(report: SimReport): string {
  const { configFile, seed, fault } = report;
  const known = ["sim", "--config", configFile, "--seed", String(seed)];
  const given = report.arguments ?? [...known, ...(fault === null ? [] : ["--fault", fault])];
  return ["deno task", ...given.map(quoted)].join(" ");
}

function quoted(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
