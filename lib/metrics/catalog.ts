/**
 * Every metric's name, type, labels and meaning, in one place: `prometheus.ts` registers them, `README.md` lists them, and a test
 * compares the two. Names that the seeds' documents use are kept.
 *
 * @module
 */

/** One metric. */
export interface MetricSpec {
  /** Its name without the prefix `parti_`. */
  readonly name: string;
  /** Its type. */
  readonly type: "counter" | "gauge" | "histogram";
  /** Its labels and their values. Only sets that stay small: never a partition. */
  readonly labels: Readonly<Record<string, string>>;
  /** What it tells. */
  readonly help: string;
  /** The upper bounds of a histogram's buckets, in seconds. */
  readonly buckets?: readonly number[];
}

// In seconds, as Prometheus wants it.
const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const HANDLERS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const MOVES = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const STATES = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 3_600];
// These three are the seeds' own.
const BACKOFFS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const UPDATES = Array.from({ length: 10 }, (_, i) => Number((0.01 * 1.6 ** i).toPrecision(3)));
const RECREATIONS = [0.1, 0.25, 0.5, 1, 2, 5, 10];

const STATE = "a state of the manager, such as Stable";
const REBALANCE_REASON = "why, such as cold_start, planned_scale, emergency";
const RESULT = "success or failure";

type Labels = MetricSpec["labels"];

function counter(name: string, help: string, labels: Labels = {}): MetricSpec {
  return { name, type: "counter", labels, help };
}

function gauge(name: string, help: string, labels: Labels = {}): MetricSpec {
  return { name, type: "gauge", labels, help };
}

function histogram(
  name: string,
  help: string,
  buckets: readonly number[],
  labels: Labels = {},
): MetricSpec {
  return { name, type: "histogram", labels, help, buckets };
}

const MANAGER = {
  workerState: gauge(
    "worker_state",
    "1 for the state the worker is in, 0 for those it was in before",
    { state: STATE },
  ),
  stateTransitions: counter("state_transitions_total", "changes of the worker's state", {
    from: STATE,
    to: STATE,
  }),
  stateDuration: histogram(
    "state_duration_seconds",
    "time spent in a state, observed when it is left",
    STATES,
    { state: STATE },
  ),
  isLeader: gauge("is_leader", "1 while the worker leads"),
  leaderEpoch: gauge("leader_epoch", "the last epoch (fencing token) with which the worker led"),
  leadershipChanges: counter("leadership_changes_total", "leaderships won and lost", {
    kind: "won or lost",
  }),
  degradedMode: gauge("degraded_mode", "1 in degraded mode"),
  degradedDuration: histogram(
    "degraded_duration_seconds",
    "length of a degraded mode, observed when it ends",
    STATES,
  ),
  cacheAge: gauge(
    "cache_age_seconds",
    "age of the last confirmed assignment or partition list while it cannot be confirmed",
  ),
  cacheFallbacks: counter(
    "cache_fallback_total",
    "uses of the last known value instead of a fresh one",
    { reason: "what was missing, such as source or assignment" },
  ),
  alertLevel: gauge(
    "alert_level",
    "alert level of degraded mode: 0 none, 1 info, 2 warn, 3 error, 4 critical",
  ),
  degradedAlerts: counter("degraded_alerts_total", "alerts raised and repeated", {
    level: "info, warn, error or critical",
  }),
};

const PLANNER = {
  rebalanceDuration: histogram(
    "rebalance_duration_seconds",
    "time from the decision to the publication of an assignment",
    MOVES,
    { reason: REBALANCE_REASON },
  ),
  rebalanceAttempts: counter("rebalance_attempts_total", "rebalances tried", {
    reason: REBALANCE_REASON,
    result: RESULT,
  }),
  partitions: gauge("partitions", "partitions of the group, as the leader knows them"),
  workerChanges: counter(
    "worker_changes_total",
    "workers that joined, and that left or died, as the leader saw it",
    { kind: "add or remove" },
  ),
  activeWorkers: gauge("active_workers", "live workers, as the leader knows them"),
  probeMisses: counter("probe_misses_total", "probes of other workers without an answer", {
    kind: "no-responders or timeout",
  }),
  copying: gauge(
    "copying",
    "1 while the worker copies a stream into the group's shards: one of the group does",
  ),
  copyLag: gauge("copy_lag", "messages of that stream that wait to be copied by this worker"),
};

const WORKER = {
  heartbeats: counter("heartbeats_total", "renewals of the worker's lease", { result: RESULT }),
  assignedPartitions: gauge("assigned_partitions", "partitions the worker owns"),
  assignmentVersion: gauge("assignment_version", "generation of the assignment the worker applied"),
  assignmentChanges: counter(
    "assignment_changes_total",
    "partitions gained and given up by the worker",
    { kind: "add or remove" },
  ),
  handoffDuration: histogram(
    "handoff_duration_seconds",
    "time from a partition's assignment to its acquisition",
    MOVES,
  ),
  kvOperationDuration: histogram(
    "kv_operation_duration_seconds",
    "duration of operations on the group's buckets",
    FAST,
    { op: "such as get, create, update, list", result: RESULT },
  ),
};

const CONSUMER = {
  controlRetries: counter(
    "worker_consumer_control_retries_total",
    "retries of operations on consumers",
    { op: "such as create, shrink, delete" },
  ),
  retryBackoff: histogram(
    "worker_consumer_retry_backoff_seconds",
    "waits before these retries",
    BACKOFFS,
    { op: "as above" },
  ),
  subjectsCurrent: gauge("worker_consumer_subjects_current", "subjects the worker reads"),
  subjectChanges: counter("worker_consumer_subject_changes_total", "subjects added and removed", {
    kind: "add or remove",
  }),
  updateResults: counter(
    "worker_consumer_update_results_total",
    "applications of a newer set of partitions",
    { result: "success, failure or noop" },
  ),
  updateLatency: histogram(
    "worker_consumer_update_latency_seconds",
    "duration of these applications",
    UPDATES,
  ),
  lanes: gauge("worker_consumer_lanes_current", "lanes (durable consumers) of the worker"),
  evictions: counter(
    "worker_consumer_evictions_total",
    "lanes of dead or unknown workers that this worker deleted",
  ),
  pullRestarts: counter(
    "worker_consumer_iterator_restarts_total",
    "pulls that ended by themselves and were started again",
    { reason: "such as deleted, stalled, failed" },
  ),
  pullFailures: gauge(
    "worker_consumer_consecutive_iterator_failures",
    "pulls in a row that ended by themselves",
  ),
  health: gauge("worker_consumer_health_status", "1 while the consumer is healthy"),
  recreationAttempts: counter(
    "worker_consumer_recreation_attempts_total",
    "attempts to create a lost consumer again",
    { reason: "why the consumer was lost" },
  ),
  recreations: counter("worker_consumer_recreations_total", "how these attempts ended", {
    result: RESULT,
    reason: "as above",
  }),
  recreationDuration: histogram(
    "worker_consumer_recreation_duration_seconds",
    "how long these attempts took",
    RECREATIONS,
  ),
  handled: counter("worker_consumer_handled_total", "messages handled well"),
  handlerDuration: histogram(
    "worker_consumer_handler_duration_seconds",
    "duration of handlers that came back well",
    HANDLERS,
  ),
  redelivered: counter("worker_consumer_redelivered_total", "messages that came again"),
  failed: counter("worker_consumer_failed_total", "handler calls that failed"),
  abandoned: counter(
    "worker_consumer_abandoned_total",
    "messages whose right to be handled ended before their handler did",
  ),
  deadLettered: counter(
    "worker_consumer_dead_lettered_total",
    "poison messages moved to the dead-letter subject",
  ),
  stopped: counter(
    "worker_consumer_stopped_partitions_total",
    "partitions stopped by a poison message",
  ),
};

/** All metrics under the names that the code uses. */
export const CATALOG: typeof MANAGER & typeof PLANNER & typeof WORKER & typeof CONSUMER = {
  ...MANAGER,
  ...PLANNER,
  ...WORKER,
  ...CONSUMER,
};

/**
 * Writes the table of all metrics.
 *
 * @returns Markdown, formatted as `deno fmt` would
 */
export function metricsTable(): string {
  const head = ["Name", "Type", "Labels", "Meaning"];
  const rows = Object.values(CATALOG).map((spec) => [
    `\`parti_${spec.name}\``,
    spec.type,
    Object.entries(spec.labels).map(([label, values]) => `\`${label}\`: ${values}`).join("; "),
    spec.help,
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
