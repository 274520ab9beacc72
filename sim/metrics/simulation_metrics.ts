/**
 * The simulation's own metrics, read out of what is known of the run at the moment somebody asks.
 *
 * @module
 */
import process from "node:process";
import { CHAOS_TYPES } from "../config/config_schema.ts";
import type { DurationHistogram } from "../measure/histogram.ts";
import type { ChaosRecord } from "../report/report.ts";
import type { Fleet, Member, Role } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import { CATALOG, type MetricKey, type MetricSpec } from "./catalog.ts";
import { type Distribution, histogramOf, type MetricFamily, valuesOf } from "./family.ts";
import { GONE_SHOWN_MS } from "./library_metrics.ts";
import type { Observations } from "./observations.ts";

/** The run as it is now. */
export interface RunView {
  /** What was seen. */
  readonly state: Pick<
    RunState,
    "ledger" | "measurements" | "incidents" | "violations" | "doubts" | "stable"
  >;
  /** The processes. */
  readonly fleet: Pick<Fleet, "members" | "running">;
  /** What was observed for those who look at it. */
  readonly observer: {
    readonly observations: Observations;
    readonly phases: Iterable<string>;
    readonly moving: number;
    readonly tickLateMs: number;
  };
  /** The chaos events so far. */
  readonly chaos: readonly ChaosRecord[];
  /** Messages that are known to be lost. */
  readonly lost: number;
  /** What the run is doing. */
  readonly phase: string;
  /** What the labels of `simulation_run_info` say. */
  readonly info: Readonly<Record<string, string>>;
  /** The time, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** With more partitions than this they have no series of their own. */
export const MAX_PARTITION_SERIES = 2_000;

const US = 1_000_000;

/**
 * Reads the metrics.
 *
 * @param view the run as it is now
 * @returns all metrics of the catalog
 */
export function simulationMetrics(view: RunView): MetricFamily[] {
  const made = { ...messages(view), ...speed(view), ...processes(view), ...theRun(view) };
  const values: Record<MetricKey, Value> = made;
  return Object.entries<MetricSpec>(CATALOG).map(([key, spec]) => {
    const value = values[key as MetricKey];
    if (typeof value === "number") return valuesOf(spec, [[{}, value]]);
    return Array.isArray(value) ? valuesOf(spec, value) : histogramOf(spec, value);
  });
}

type Labelled = [labels: Record<string, string>, value: number][];
type Value = number | Labelled | Distribution;

function messages({ state, lost, observer: { observations } }: RunView) {
  const { sent, effective, deadLetters, duplicateEffects, outOfOrder, interleavings } =
    state.ledger.soFar;
  const partitions = state.ledger.byPartition;
  return {
    sent: byPartition(partitions.map((partition) => partition.sent)),
    received: byPartition(partitions.map((partition) => partition.received)),
    effective,
    waiting: Math.max(0, sent - effective - deadLetters),
    gaps: lost,
    duplicates: duplicateEffects,
    disorders: outOfOrder,
    overlaps: interleavings,
    errors: observations.errors,
  } satisfies Partial<Record<MetricKey, Value>>;
}

function byPartition(counts: readonly number[]): Labelled {
  if (counts.length > MAX_PARTITION_SERIES) {
    return [[{ partition: "all" }, counts.reduce((sum, count) => sum + count, 0)]];
  }
  return counts.map((count, partition) => [{ partition: String(partition) }, count]);
}

function speed({ state: { measurements }, observer: { observations, moving } }: RunView) {
  const { recovery, latency, handoff } = measurements;
  return {
    processing: observations.processing.distribution,
    latency: seconds(latency, CATALOG.latency),
    rebalancing: observations.rebalancing.distribution,
    moving,
    moved: observations.moved,
    handoff: seconds(handoff, CATALOG.handoff),
    recovery: seconds(recovery.fromKill, CATALOG.recovery),
    takeover: seconds(recovery.fromPause, CATALOG.takeover),
    unrecovered: recovery.open.filter(({ takenOver }) => !takenOver).length,
  } satisfies Partial<Record<MetricKey, Value>>;
}

function seconds(histogram: DurationHistogram, { bounds = [] }: MetricSpec): Distribution {
  const { counts, sumUs } = histogram.upTo(bounds.map((bound) => bound * US));
  return { counts, sum: sumUs / US, count: histogram.count };
}

function processes({ state, fleet, observer: { observations }, nowMs }: RunView) {
  const workers = latestByName(fleet.members).filter(({ role, phase, endedUs }) => {
    const isShown = phase !== "gone" || nowMs - (endedUs ?? 0) / 1_000 < GONE_SHOWN_MS;
    return role === "worker" && isShown;
  });
  const handled = (name: string) =>
    fleet.members.reduce((sum, member) => member.name === name ? sum + member.handled : sum, 0);
  const owned = ({ phase, status }: Member) =>
    phase === "running" || phase === "leaving" ? status?.owned.length ?? 0 : 0;
  const running = (role: Role) => fleet.running(role).length;
  return {
    workersActive: running("worker"),
    workersStable: state.stable.length,
    producersActive: running("producer"),
    partitionsPerWorker: observations.partitionsPerWorker.distribution,
    workerPartitions: workers.map((worker) => [{ worker: worker.name }, owned(worker)]),
    workerHandled: workers.map(({ name }) => [{ worker: name }, handled(name)]),
    // A process that has not said anything yet has no known memory; that is not none.
    memory: workers.filter(({ rssBytes }) => rssBytes > 0)
      .map(({ name, rssBytes }) => [{ worker: name }, rssBytes]),
  } satisfies Partial<Record<MetricKey, Value>>;
}

/** Of each name the last incarnation: their members are in the order in which they were started. */
function latestByName(members: readonly Member[]): Member[] {
  return [...new Map(members.map((member) => [member.name, member])).values()];
}

function theRun(view: RunView) {
  const { state, chaos, info, phase, observer: { phases, tickLateMs } } = view;
  const done = chaos.filter(({ skipped }) => skipped === undefined);
  const { rss, heapUsed } = Deno.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    chaos: CHAOS_TYPES.map((
      type,
    ) => [{ type }, done.filter((event) => event.type === type).length]),
    incidents: [
      [{ kind: "incident" }, state.incidents.length],
      [{ kind: "violation" }, state.violations.length],
      [{ kind: "doubt" }, state.doubts.length],
    ],
    phase: [...new Set([...phases, phase])].map((one) => [{ phase: one }, one === phase ? 1 : 0]),
    info: [[info, 1]],
    eventLoopLag: tickLateMs / 1_000,
    residentMemory: rss,
    heap: heapUsed,
    cpu: (user + system) / US,
    startTime: performance.timeOrigin / 1_000,
  } satisfies Partial<Record<MetricKey, Value>>;
}
