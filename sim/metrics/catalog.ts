/**
 * Every metric of the simulation itself: name, type, labels, meaning. `simulation_metrics.ts` fills them, `README.md` lists them, and a
 * test compares the two. The seeds' names and labels are kept.
 *
 * @module
 */

/** One metric. */
export interface MetricSpec {
  /** Its name. */
  readonly name: string;
  /** Its type. */
  readonly type: "counter" | "gauge" | "histogram";
  /** Its labels and their values. */
  readonly labels: Readonly<Record<string, string>>;
  /** What it tells. */
  readonly help: string;
  /** The upper bounds of a histogram's buckets, rising. */
  readonly bounds?: readonly number[];
}

// In seconds, as Prometheus wants it.
const HANDLERS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const MOVES = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const PARTITIONS = [0, 1, 2, 5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 500];

type Labels = MetricSpec["labels"];

const counter = (name: string, help: string, labels: Labels = {}): MetricSpec => {
  return { name, type: "counter", labels, help };
};
const gauge = (name: string, help: string, labels: Labels = {}): MetricSpec => {
  return { name, type: "gauge", labels, help };
};
const histogram = (name: string, help: string, bounds: readonly number[]): MetricSpec => {
  return { name, type: "histogram", labels: {}, help, bounds };
};

const PARTITION = { partition: "its number; `all` if there are more than 2000" };
const WORKER = { worker: "its name, such as worker-4" };

/** All metrics under the names that the code uses. */
export const CATALOG = {
  sent: counter("simulation_messages_sent_total", "messages that the stream has stored", PARTITION),
  received: counter(
    "simulation_messages_received_total",
    "messages that have reached a handler, each counted once",
    PARTITION,
  ),
  effective: counter(
    "simulation_messages_effective_total",
    "messages that have had their effect, each counted once",
  ),
  waiting: gauge(
    "simulation_messages_waiting",
    "lag: messages that are stored and have neither had their effect nor gone to the dead letters",
  ),
  gaps: counter("simulation_message_gaps_total", "messages that are lost"),
  duplicates: counter(
    "simulation_message_duplicates_total",
    "effects of messages that had one already",
  ),
  disorders: counter(
    "simulation_message_disorders_total",
    "messages whose effect came after that of a later one",
  ),
  overlaps: counter(
    "simulation_ownership_overlaps_total",
    "times at which two owners were mixed up in one partition",
  ),
  errors: counter("simulation_message_processing_errors_total", "handler calls that failed"),
  processing: histogram(
    "simulation_message_processing_duration_seconds",
    "duration of a handler, whatever its outcome",
    HANDLERS,
  ),
  latency: histogram(
    "simulation_message_latency_seconds",
    "time from a message's publication to its effect",
    MOVES,
  ),
  workersActive: gauge("simulation_workers_active", "workers that run and are wanted"),
  workersStable: gauge("simulation_workers_stable", "workers that run and are Stable"),
  producersActive: gauge("simulation_producers_active", "producers that run and are wanted"),
  partitionsPerWorker: histogram(
    "simulation_partitions_per_worker",
    "partitions of a worker, observed for each worker twice a second",
    PARTITIONS,
  ),
  workerPartitions: gauge("simulation_worker_partitions", "partitions that a worker owns", WORKER),
  workerHandled: counter(
    "simulation_worker_effects_total",
    "effects that a worker has written, all its incarnations together",
    WORKER,
  ),
  memory: gauge("simulation_worker_memory_bytes", "resident memory of a worker's process", WORKER),
  chaos: counter("simulation_chaos_events_total", "chaos events that were done", {
    type: "such as worker_crash",
  }),
  rebalancing: histogram(
    "simulation_rebalancing_duration_seconds",
    "time from the first worker's word of a new assignment until each partition that moves is acquired",
    MOVES,
  ),
  moving: gauge(
    "simulation_partitions_moving",
    "partitions that are assigned and not acquired yet",
  ),
  moved: counter("simulation_partition_moves_total", "partitions that a rebalancing has moved"),
  handoff: histogram(
    "simulation_handoff_duration_seconds",
    "planned moves in which a message had to wait: how long",
    MOVES,
  ),
  recovery: histogram(
    "simulation_recovery_duration_seconds",
    "time from a worker's kill until a partition of its is handled by another",
    MOVES,
  ),
  takeover: histogram(
    "simulation_takeover_duration_seconds",
    "time from the beginning of a worker's pause until a partition of its is handled by another",
    MOVES,
  ),
  unrecovered: gauge(
    "simulation_partitions_unrecovered",
    "partitions of killed workers that nobody else has acquired yet",
  ),
  incidents: counter("simulation_incidents_total", "what went wrong apart from messages", {
    kind: "incident, violation (by the library) or doubt",
  }),
  phase: gauge("simulation_phase", "1 for what the run is doing", {
    phase: "such as load, heal, drain",
  }),
  info: gauge("simulation_run_info", "1; its labels tell the run", {
    run_id: "the run",
    seed: "its seed",
    strategy: "the assignment strategy",
    nats_server: "the server's version",
  }),
  eventLoopLag: gauge(
    "simulation_event_loop_lag_seconds",
    "how late the coordinator's last half-second tick was: what it shows is as old",
  ),
  residentMemory: gauge("process_resident_memory_bytes", "resident memory of the coordinator"),
  heap: gauge("process_heap_bytes", "heap in use in the coordinator"),
  cpu: counter("process_cpu_seconds_total", "processor time of the coordinator"),
  startTime: gauge("process_start_time_seconds", "when the coordinator began, in Unix time"),
} as const satisfies Record<string, MetricSpec>;

/** The name of a metric in the code. */
export type MetricKey = keyof typeof CATALOG;

/**
 * Writes the table of all metrics.
 *
 * @returns Markdown, formatted as `deno fmt` would
 */
export function metricsTable(): string {
  const rows = Object.values<MetricSpec>(CATALOG).map((spec) => [
    `\`${spec.name}\``,
    spec.type,
    Object.entries(spec.labels).map(([label, values]) => `\`${label}\`: ${values}`).join("; "),
    spec.help,
  ]);
  const head = ["Name", "Type", "Labels", "Meaning"];
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
