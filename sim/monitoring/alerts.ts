/**
 * What somebody has to be told of, as Prometheus' alert rules.
 *
 * @module
 */
import { stringify } from "yaml";

/** One rule. */
export interface Alert {
  /** Its name. */
  readonly name: string;
  /** What is looked at, in PromQL. */
  readonly value: string;
  /** When it is bad, such as `> 0`. */
  readonly bad: string;
  /** How long it has to be bad. */
  readonly lasting: string;
  /** Whether a promise is broken, or somebody should have a look. */
  readonly severity: "critical" | "warning";
  /** What is wrong, for people. */
  readonly summary: string;
}

const AT_ONCE = "0s";
const p99 = (metric: string) =>
  `histogram_quantile(0.99, sum by (le) (rate(${metric}_bucket[5m])))`;
const broken = (name: string, value: string, summary: string): Alert => {
  return { name, value, bad: "> 0", lasting: AT_ONCE, severity: "critical", summary };
};

/** All rules. Limits are the seeds' goals where they name one. */
export const ALERTS: readonly Alert[] = [
  broken("MessagesLost", "simulation_message_gaps_total", "{{ $value }} messages are lost"),
  broken(
    "DuplicateEffects",
    "simulation_message_duplicates_total",
    "{{ $value }} effects happened a second time",
  ),
  broken(
    "MessagesOutOfOrder",
    "simulation_message_disorders_total",
    "{{ $value }} effects came after that of a later message",
  ),
  broken(
    "OwnersMixed",
    "simulation_ownership_overlaps_total",
    "two owners were mixed up in a partition {{ $value }} times",
  ),
  broken(
    "Incident",
    'sum(simulation_incidents_total{kind!="doubt"})',
    "{{ $value }} incidents; the run will fail",
  ),
  {
    ...{ name: "PartitionsUnrecovered", value: "simulation_partitions_unrecovered", bad: "> 0" },
    ...{ lasting: "30s", severity: "critical" },
    summary: "{{ $value }} partitions of killed workers are with nobody",
  },
  {
    ...{ name: "RebalancingSlow", value: p99("simulation_rebalancing_duration_seconds") },
    ...{ bad: "> 60", lasting: AT_ONCE, severity: "critical" },
    summary: "a rebalancing took {{ $value }} s; it has to be done within 60 s",
  },
  {
    ...{ name: "RecoverySlow", value: p99("simulation_recovery_duration_seconds"), bad: "> 1" },
    ...{ lasting: AT_ONCE, severity: "warning" },
    summary: "a killed worker's partition was with its new owner only after {{ $value }} s",
  },
  {
    ...{ name: "ProcessingSlow", value: p99("simulation_message_processing_duration_seconds") },
    ...{ bad: "> 0.1", lasting: "1m", severity: "warning" },
    summary: "one handler in a hundred takes {{ $value }} s or longer; the goal is 100 ms",
  },
  {
    name: "Lag",
    value:
      "sum(simulation_messages_waiting) / clamp_min(sum(rate(simulation_messages_sent_total[1m])), 1)",
    ...{ bad: "> 30", lasting: "30s", severity: "warning" },
    summary: "as many messages wait as are sent in {{ $value }} s",
  },
  {
    ...{ name: "WorkersNotStable", bad: "> 0", lasting: "1m", severity: "warning" },
    value: "simulation_workers_active - simulation_workers_stable",
    summary: "{{ $value }} workers have not been Stable for a minute",
  },
  {
    ...{ name: "NotOneLeader", value: "sum(parti_is_leader)", bad: "!= 1", lasting: "30s" },
    ...{ severity: "critical", summary: "{{ $value }} workers lead" },
  },
  {
    ...{ name: "WorkerDegraded", value: "max by (worker) (parti_degraded_mode)", bad: "> 0" },
    ...{ lasting: "1m", severity: "warning" },
    summary: "{{ $labels.worker }} is out of the server's reach",
  },
  {
    ...{ name: "WorkerMemoryGrows", value: "deriv(simulation_worker_memory_bytes[30m]) * 3600" },
    ...{ bad: "> 50e6", lasting: "30m", severity: "warning" },
    summary: "{{ $labels.worker }} grows by {{ $value | humanize1024 }}B an hour",
  },
];

/**
 * Writes the rules as Prometheus reads them.
 *
 * @returns YAML
 */
export function alertsYaml(): string {
  const rules = ALERTS.map(({ name, value, bad, lasting, severity, summary }) => ({
    ...{ alert: name, expr: `${value} ${bad}`, for: lasting },
    ...{ labels: { severity }, annotations: { summary } },
  }));
  return stringify({ groups: [{ name: "parti", rules }] }, { lineWidth: 0 });
}
