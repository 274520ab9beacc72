/**
 * A group at a glance: a row for each case that has a size, a column for each figure.
 *
 * @module
 */
import { type Html, html } from "../../sim/report_page/html.ts";
import { table } from "../../sim/report_page/table.ts";
import type { CaseResult } from "../results/result.ts";
import { figureText } from "../results/text.ts";

/**
 * Makes the table, of medians.
 *
 * @param group the group's name
 * @param cases its cases
 * @returns the table; nothing for fewer than two cases with a size
 */
export function overview(group: string, cases: readonly CaseResult[]): Html {
  const sized = cases.flatMap((one) => one.size === undefined ? [] : [{ ...one, size: one.size }]);
  if (sized.length < 2) return html``;
  const heads = new Map<string, string>();
  for (const { metrics } of sized) {
    for (const { name, unit } of metrics) heads.set(name, unit === "" ? name : `${name}, ${unit}`);
  }
  const rows = sized.map(({ id, size, metrics }) => [
    ...[id.slice(group.length + 1), figureText(size.workers), figureText(size.partitions)],
    ...[...heads.keys()].map((name) =>
      figureText(metrics.find((metric) => metric.name === name)?.median)
    ),
  ]);
  const columns = ["Workers", "Partitions", ...heads.values()].map((head) => `${head}:number`);
  return table(`${group} at a glance`, ["Configuration", ...columns], rows);
}
