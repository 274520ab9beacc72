/**
 * Tables for spreadsheets and notebooks, as RFC 4180 wants them.
 *
 * @module
 */
import type { SimReport } from "../report/report.ts";
import { type Column, loadFromMs, type SampleColumns, type Series } from "../series/series.ts";

type Cell = string | number | null | undefined;

/**
 * The chaos events, one a row.
 *
 * @param chaos the events
 * @returns the text of `chaos.csv`
 */
export function chaosCsv(chaos: SimReport["chaos"]): string {
  return csv([
    [
      ...["number", "at_ms", "type", "target", "recovered_ms", "whole_ms"],
      ...["moves_total", "moves_needed", "skipped", "failed"],
    ],
    ...chaos.map(({ number, atMs, type, target, recoveredMs, wholeMs, moves, skipped, failed }) => {
      const what = [number, atMs, type, target, recoveredMs, wholeMs];
      return [...what, moves.total, moves.needed, skipped, failed];
    }),
  ]);
}

/** The columns of `series.csv` after the time, and where they come from. */
const COLUMNS: Readonly<Record<string, Exclude<keyof SampleColumns, "untilMs">>> = {
  sent: "sent",
  handled: "handled",
  latency_p50_ms: "latencyP50Ms",
  latency_p99_ms: "latencyP99Ms",
  waiting: "waiting",
  stable: "stable",
  workers: "workers",
  moves: "moves",
  defects: "defects",
  gaps: "gaps",
  rss_bytes: "rssBytes",
  mean_rss_bytes: "meanRssBytes",
  largest_rss_bytes: "largestRssBytes",
  coordinator_rss_bytes: "coordinatorRssBytes",
  server_rss_bytes: "serverRssBytes",
};

/**
 * The samples, one a row. Times are counted from the beginning of the load, as those of chaos events are.
 *
 * @param series the series
 * @returns the text of `series.csv`
 */
export function seriesCsv(series: Series): string {
  const fromMs = loadFromMs(series);
  // Files of before lack some of them.
  const columns = Object.values(COLUMNS)
    .map((name): Column | undefined => series.samples[name]);
  return csv([
    ["until_ms", ...Object.keys(COLUMNS)],
    ...series.samples.untilMs.map((untilMs, row) => {
      return [untilMs - fromMs, ...columns.map((column) => column?.[row])];
    }),
  ]);
}

function csv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellText).join(",")}\r\n`).join("");
}

function cellText(cell: Cell): string {
  const text = String(cell ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
