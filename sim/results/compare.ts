/**
 * Two runs side by side: what was asked, what came of it, and which is better.
 *
 * @module
 */
import { type Figure, isFigure, unitOf } from "../config/figures.ts";
import { formatDuration } from "../config/units.ts";
import { isOverloaded } from "../measure/machine_load.ts";
import type { SimReport } from "../report/report.ts";
import { figureAt } from "../report/thresholds.ts";
import { configDifferences } from "./config_differences.ts";

/** A run, and what it is called here. */
export interface Compared {
  /** As it was named. */
  readonly name: string;
  /** Its result. */
  readonly report: SimReport;
}

/** Told of every pair; figures of thresholds come first. */
const MAIN_FIGURES: readonly Figure[] = [
  ...["messages.sent", "messages.received", "messages.effective", "messages.perSecond"] as const,
  ...["messages.lost", "messages.undelivered", "messages.duplicateEffects"] as const,
  ...["messages.outOfOrder", "messages.unexpected", "ownership.interleavings"] as const,
  ...["messages.redeliveries", "moves.total", "moves.needed"] as const,
  ...["latencyMs.p50", "latencyMs.p99", "latencyMs.max", "unmovedLatencyMs.p99"] as const,
  ...["recoveryMs.p99", "takeoverMs.p99", "handoffMs.p99", "handoffVacancyMs.p99"] as const,
  ...["startup.allStableMs", "balance.maxOverMean"] as const,
];

/** More of these is better. */
const HIGHER_IS_BETTER: ReadonlySet<Figure> = new Set<Figure>(["messages.perSecond"]);
/** Less of these is better, like all times. */
const LOWER_IS_BETTER: ReadonlySet<Figure> = new Set<Figure>([
  ...["messages.lost", "messages.undelivered", "messages.duplicateEffects"] as const,
  ...["messages.outOfOrder", "messages.unexpected", "messages.unexplainedRedeliveries"] as const,
  ...["messages.unknownOutcome", "ownership.interleavings", "balance.maxOverMean"] as const,
]);
/** What differs by less is the chance of the day; not so with what is counted. */
const ABOUT_THE_SAME = 0.05;
const SHOWN_DIFFERENCES = 20;

/**
 * Compares two runs.
 *
 * @param a one
 * @param b the other
 * @returns the lines for people
 */
export function renderComparison(a: Compared, b: Compared): string[] {
  const of = (value: (report: SimReport) => string | number) => [value(a.report), value(b.report)];
  const rows: (string | number)[][] = [
    ["", `A: ${a.name}`, `B: ${b.name}`],
    ["Verdict", ...of(({ verdict }) => verdict)],
    ["Run", ...of(({ runId }) => runId)],
    ["Started", ...of(({ startedAt }) => startedAt)],
    ["Duration", ...of(({ durationMs }) => formatDuration(durationMs))],
    ["Seed", ...of(({ seed }) => seed)],
    ["Configuration", ...of(({ configFile }) => configFile)],
    ["Planted defect", ...of(({ fault }) => fault ?? "none")],
    ["Chaos events", ...of(({ chaos }) => chaos.filter(({ skipped }) => !skipped).length)],
    ["nats-server", ...of(({ natsServerVersion }) => natsServerVersion)],
    ["Machine", ...of(machineText)],
  ];
  return [
    ...table(rows),
    "",
    ...differences(a.report, b.report),
    "",
    ...table([
      ["Figure", "A", "B", "B/A", "better"],
      ...figuresOf(a, b).map((figure) => figureRow(figure, a.report, b.report)),
    ], 1),
  ];
}

function machineText({ machine }: SimReport): string {
  const { cpus, loadAverageHighest } = machine;
  const over = isOverloaded(machine) ? ", overloaded" : "";
  return `${cpus} CPUs, load at most ${loadAverageHighest}${over}`;
}

function differences(a: SimReport, b: SimReport): string[] {
  const lines = [
    a.seed === b.seed
      ? "The seed is the same: the same chances and the same plan of chaos, if the configuration is, too."
      : "The seeds differ: other chances and another plan of chaos; figures may differ by that alone.",
  ];
  if (a.config === undefined || b.config === undefined) {
    return [...lines, "Whether the configurations differ cannot be told: a report lacks its own."];
  }
  const found = configDifferences(a.config, b.config);
  if (found.length === 0) return [...lines, "The configuration is the same."];
  lines.push(
    `The configurations differ in ${found.length} ${found.length === 1 ? "key" : "keys"}:`,
  );
  for (const { key, a, b } of found.slice(0, SHOWN_DIFFERENCES)) {
    lines.push(`  ${key}: ${a} → ${b}`);
  }
  if (found.length > SHOWN_DIFFERENCES) {
    lines.push(`  … ${found.length - SHOWN_DIFFERENCES} more`);
  }
  return lines;
}

function figuresOf(a: Compared, b: Compared): Figure[] {
  const limited = [a, b].flatMap(({ report }) => report.thresholds.map(({ figure }) => figure))
    .filter(isFigure);
  return [...new Set([...limited, ...MAIN_FIGURES])];
}

function figureRow(figure: Figure, a: SimReport, b: SimReport): string[] {
  const [one, other] = [figureAt(a, figure) ?? null, figureAt(b, figure) ?? null];
  const shown = (value: number | null) => value === null ? "—" : `${value}${unitOf(figure)}`;
  const ratio = one === null || other === null || one === 0 ? "" : (other / one).toFixed(2);
  return [figure, shown(one), shown(other), ratio, better(figure, one, other)];
}

/**
 * Which of two figures is better.
 *
 * @param figure which figure
 * @param a the one's
 * @param b the other's
 * @returns `A`, `B`, `same`, or nothing where more is neither better nor worse, or not known
 */
export function better(figure: Figure, a: number | null, b: number | null): string {
  const isSpeed = unitOf(figure) === "ms" || HIGHER_IS_BETTER.has(figure);
  if ((!isSpeed && !LOWER_IS_BETTER.has(figure)) || a === null || b === null) return "";
  if (a === b) return "same";
  if (isSpeed && Math.abs(b - a) <= ABOUT_THE_SAME * Math.max(a, b)) return "about the same";
  return (a < b) === HIGHER_IS_BETTER.has(figure) ? "B" : "A";
}

/** Columns of one width each; from the given one on they are flush right, as numbers are, but for the last. */
function table(rows: readonly (readonly (string | number)[])[], rightFrom = Infinity): string[] {
  const texts = rows.map((row) => row.map(String));
  const widths = texts[0]!.map((_, column) => Math.max(...texts.map((row) => row[column]!.length)));
  return texts.map((row) =>
    row.map((cell, column) => {
      const right = column >= rightFrom && column < row.length - 1;
      return right ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
    }).join("  ").trimEnd()
  );
}
