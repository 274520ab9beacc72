/**
 * The dashboard of the library: its own metrics, which an application's workers export under the same names.
 *
 * @module
 */
import { type Dashboard, lines, mustBeZero, type Panel, percentiles } from "./grafana.ts";

/** Labelled counters are not there until something happens: then it is none of anything. */
const rates = (label: string, metric: string) =>
  `sum by (${label}) (rate(${metric}[$__rate_interval])) or vector(0)`;

const GROUP: readonly Panel[] = [
  {
    ...{ title: "Leaders", description: "Exactly one, but for a moment.", type: "stat", width: 4 },
    unit: "none",
    queries: [{ expr: "sum(parti_is_leader)", legend: "leaders" }],
    steps: [
      { color: "red", value: null },
      { color: "green", value: 1 },
      { color: "red", value: 2 },
    ],
    options: { colorMode: "background", graphMode: "none" },
  },
  mustBeZero("Degraded", "Workers out of the server's reach.", "sum(parti_degraded_mode)"),
  mustBeZero(
    "Unhealthy",
    "Workers whose consumer does not read as it should.",
    "count(parti_worker_consumer_health_status) - sum(parti_worker_consumer_health_status)",
  ),
  mustBeZero(
    "Dead letters",
    "Poison messages that were moved away.",
    "parti_worker_consumer_dead_lettered_total",
  ),
  mustBeZero(
    "Stopped partitions",
    "Partitions that a poison message has stopped.",
    "parti_worker_consumer_stopped_partitions_total",
  ),
  {
    ...{ title: "Epoch", description: "The highest fencing token.", type: "stat", width: 4 },
    unit: "none",
    queries: [{ expr: "max(parti_leader_epoch)", legend: "epoch" }],
    options: { graphMode: "area" },
  },
  lines(
    "States",
    "How many workers are in which state.",
    "none",
    ["sum by (state) (parti_worker_state)", "{{state}}"],
  ),
  lines(
    "Assignment",
    "The generation each worker has applied; they follow each other within a moment.",
    "none",
    ["parti_assignment_version", "{{worker}}"],
  ),
  lines(
    "Assigned partitions",
    "By worker, and all of them together.",
    "none",
    ["parti_assigned_partitions", "{{worker}}"],
    ["sum(parti_assigned_partitions)", "all"],
  ),
  lines(
    "Rebalances",
    "What the leaders have published, by reason.",
    "ops",
    [rates("reason, result", "parti_rebalance_attempts_total"), "{{reason}} {{result}}"],
  ),
];

const LIVENESS: readonly Panel[] = [
  lines(
    "Heartbeats",
    "Renewals of leases.",
    "ops",
    [rates("result", "parti_heartbeats_total"), "{{result}}"],
  ),
  lines(
    "Probes without an answer",
    "The first sign of a dead worker.",
    "ops",
    [rates("kind", "parti_probe_misses_total"), "{{kind}}"],
  ),
  lines(
    "Bucket operations",
    "The slowest in a hundred, over all operations.",
    "s",
    ...percentiles("parti_kv_operation_duration_seconds", [50, 99]),
  ),
  lines(
    "Handoff",
    "From a partition's assignment to its acquisition.",
    "s",
    ...percentiles("parti_handoff_duration_seconds", [50, 99]),
  ),
];

const CONSUMPTION: readonly Panel[] = [
  lines(
    "Lanes",
    "Durable consumers of each worker.",
    "none",
    ["parti_worker_consumer_lanes_current", "{{worker}}"],
  ),
  lines(
    "Handlers",
    "How long they took that came back well.",
    "s",
    ...percentiles("parti_worker_consumer_handler_duration_seconds", [50, 95, 99]),
  ),
  lines(
    "Handled and not",
    "Messages handled, redelivered, failed, and abandoned because the right to them ended.",
    "msg/s",
    ...["handled", "redelivered", "failed", "abandoned"].map((what) =>
      [`rate(parti_worker_consumer_${what}_total[$__rate_interval])`, what] as const
    ),
  ),
  lines(
    "Troubles",
    "Retries, pulls that ended by themselves, lanes of dead workers that were deleted.",
    "ops",
    [rates("op", "parti_worker_consumer_control_retries_total"), "retry {{op}}"],
    [rates("reason", "parti_worker_consumer_iterator_restarts_total"), "pull {{reason}}"],
    ["rate(parti_worker_consumer_evictions_total[$__rate_interval])", "evictions"],
  ),
];

/** The dashboard. */
export const LIBRARY_DASHBOARD: Dashboard = {
  uid: "parti-library",
  title: "Parti Library",
  panels: [...GROUP, ...LIVENESS, ...CONSUMPTION],
};
