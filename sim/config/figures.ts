/**
 * The numbers of `report.json` that a threshold can be set for, by their path. `report/thresholds.ts` has the compiler check that they are
 * exactly the numbers of the report that are in no list.
 *
 * @module
 */

const PERCENTILES = ["count", "p50", "p99", "max"] as const;

const DURATIONS = [
  "recoveryMs",
  "recoveryOwnedMs",
  "recoveryFromWorkMs",
  "takeoverMs",
  "handoffMs",
  "handoffVacancyMs",
  "latencyMs",
  "unmovedLatencyMs",
  "wholeMs",
] as const;

const MEMORY = [
  "memory.process.mb",
  "memory.process.growth",
  "memory.largest.mb",
  "memory.largest.growth",
  "memory.coordinator.mb",
  "memory.coordinator.growth",
  "memory.server.mb",
  "memory.server.growth",
] as const;

const OTHERS = [
  "seed",
  "durationMs",
  "resumed",
  "machine.cpus",
  "machine.loadAverageBefore",
  "machine.loadAverageHighest",
  "machine.loadAverageAfter",
  "machine.overloadedPart",
  "machine.stolenPart",
  "partitions",
  "partitionChanges.added",
  "partitionChanges.removed",
  "startup.workers",
  "startup.allStableMs",
  "messages.sent",
  "messages.received",
  "messages.effective",
  "messages.deadLetters",
  "messages.givenUp",
  "messages.deliveries",
  "messages.redeliveries",
  "messages.unexplainedRedeliveries",
  "messages.lost",
  "messages.duplicateEffects",
  "messages.outOfOrder",
  "messages.unexpected",
  "messages.undelivered",
  "messages.unknownOutcome",
  "messages.perSecond",
  "ownership.interleavings",
  "ownership.excusedOverlaps.stoodStill",
  "ownership.excusedOverlaps.starved",
  "ownership.excusedOverlaps.disconnected",
  "ownership.excusedOverlaps.outage",
  "ownership.excusedOverlaps.rightEnded",
  "ownership.unprovenOverlaps",
  "balance.maxOverMean",
  "moves.total",
  "moves.needed",
  "moves.overNeeded",
  ...MEMORY,
  "recoveryWithoutWork",
  "handoffWithoutWork",
  "unmovedPartitions.kept",
  "unmovedPartitions.moved",
] as const;

/** The path of a number in `report.json`, such as `recoveryMs.p99`. */
export type Figure =
  | (typeof OTHERS)[number]
  | `${(typeof DURATIONS)[number]}.${(typeof PERCENTILES)[number]}`;

/** All of them. */
export const FIGURES: readonly Figure[] = [
  ...OTHERS,
  ...DURATIONS.flatMap((name) => PERCENTILES.map((part) => `${name}.${part}` as const)),
];

/** While work is under way they would say less, or something else, than in the end. */
const KNOWN_LATE: ReadonlySet<Figure> = new Set<Figure>([
  "partitionChanges.added",
  "partitionChanges.removed",
  "messages.received",
  "messages.deliveries",
  "messages.redeliveries",
  "messages.unexplainedRedeliveries",
  "messages.unexpected",
  "messages.undelivered",
  "messages.unknownOutcome",
  "ownership.excusedOverlaps.stoodStill",
  "ownership.excusedOverlaps.starved",
  "ownership.excusedOverlaps.disconnected",
  "ownership.excusedOverlaps.outage",
  "ownership.excusedOverlaps.rightEnded",
  "ownership.unprovenOverlaps",
  "balance.maxOverMean",
  "moves.total",
  "moves.needed",
  "moves.overNeeded",
  ...MEMORY,
  "recoveryWithoutWork",
  ...PERCENTILES.map((part) => `wholeMs.${part}` as const),
]);

/**
 * Whether the report has a number there.
 *
 * @param path the path
 */
export function isFigure(path: string): path is Figure {
  return (FIGURES as readonly string[]).includes(path);
}

/**
 * Whether a figure can be told while the run goes on.
 *
 * @param figure its path
 */
export function isKnownEarly(figure: Figure): boolean {
  return !KNOWN_LATE.has(figure);
}

/**
 * The unit of a figure.
 *
 * @param figure its path
 * @returns `ms`, or nothing for what is counted
 */
export function unitOf(figure: Figure): "ms" | "" {
  return /Ms(\.|$)/.test(figure) && !figure.endsWith(".count") ? "ms" : "";
}

/**
 * Whether a figure tells of the machine as much as of the group: how fast something was, or the machine itself.
 *
 * @param figure its path
 */
export function dependsOnSpeed(figure: Figure): boolean {
  return unitOf(figure) === "ms" || figure === "messages.perSecond" ||
    figure.startsWith("machine.");
}
