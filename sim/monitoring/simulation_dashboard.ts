/**
 * The dashboard of a run: what is wrong, how much flows, who has what, how long things take.
 *
 * @module
 */
import { type Dashboard, lines, mustBeZero, type Panel, percentiles } from "./grafana.ts";

const rate = (metric: string) => `sum(rate(${metric}[$__rate_interval]))`;

const VERDICT: readonly Panel[] = [
  mustBeZero("Gaps", "Messages that are lost.", "simulation_message_gaps_total"),
  mustBeZero(
    "Duplicates",
    "Effects of messages that had one already.",
    "simulation_message_duplicates_total",
  ),
  mustBeZero(
    "Out of order",
    "Effects that came after that of a later message.",
    "simulation_message_disorders_total",
  ),
  mustBeZero(
    "Owners mixed",
    "Times at which two owners were mixed up in one partition.",
    "simulation_ownership_overlaps_total",
  ),
  mustBeZero(
    "Incidents",
    "What went wrong apart from messages; doubts do not count.",
    'sum(simulation_incidents_total{kind!="doubt"})',
  ),
  {
    ...{ title: "Phase", description: "What the run is doing.", type: "stat", width: 4 },
    unit: "none",
    queries: [{ expr: "simulation_phase == 1", legend: "{{phase}}" }],
    options: { textMode: "name", reduceOptions: { calcs: ["lastNotNull"] }, graphMode: "none" },
  },
];

const FLOW: readonly Panel[] = [
  lines(
    "Message rate",
    "What is sent comes to be received and to have its effect; the three lines lie on each other.",
    "msg/s",
    [rate("simulation_messages_sent_total"), "sent"],
    [rate("simulation_messages_received_total"), "received"],
    [rate("simulation_messages_effective_total"), "effects"],
  ),
  lines(
    "Lag",
    "Messages that are stored and have neither had their effect nor gone to the dead letters.",
    "none",
    ["simulation_messages_waiting", "waiting"],
  ),
  lines(
    "Busiest partitions",
    "The ten with most messages. With more than 2,000 partitions they are counted as one.",
    "msg/s",
    ["topk(10, rate(simulation_messages_sent_total[$__rate_interval]))", "{{partition}}"],
  ),
  lines(
    "Chaos events",
    "What was done to the run, when. They are marked on all panels, too.",
    "none",
    ["sum by (type) (increase(simulation_chaos_events_total[$__rate_interval]))", "{{type}}"],
  ),
];

const WORKERS: readonly Panel[] = [
  lines(
    "Workers and producers",
    "Those that run and are wanted, and how many workers are Stable.",
    "none",
    ["simulation_workers_active", "workers"],
    ["simulation_workers_stable", "Stable"],
    ["simulation_producers_active", "producers"],
  ),
  {
    title: "Partition distribution",
    description: "How many workers have how many partitions, over time.",
    ...{ type: "heatmap", width: 12, unit: "none" },
    queries: [{
      expr: "sum by (le) (rate(simulation_partitions_per_worker_bucket[$__rate_interval]))",
      legend: "{{le}}",
    }],
    options: { calculate: false, color: { scheme: "Oranges", mode: "scheme" } },
  },
  lines(
    "Partitions by worker",
    "What each worker owns by its own account.",
    "none",
    ["simulation_worker_partitions", "{{worker}}"],
  ),
  lines(
    "Effects by worker",
    "What each worker gets done.",
    "msg/s",
    ["rate(simulation_worker_effects_total[$__rate_interval])", "{{worker}}"],
  ),
];

const DURATIONS: readonly Panel[] = [
  lines(
    "Processing",
    "Duration of handlers, whatever their outcome.",
    "s",
    ...percentiles("simulation_message_processing_duration_seconds", [50, 95, 99]),
  ),
  lines(
    "Latency",
    "From a message's publication to its effect.",
    "s",
    ...percentiles("simulation_message_latency_seconds", [50, 95, 99]),
  ),
  lines(
    "Rebalancing",
    "From the first word of a new assignment until each partition that moves is acquired.",
    "s",
    ...percentiles("simulation_rebalancing_duration_seconds", [50, 95]),
  ),
  lines(
    "Moves",
    "Partitions that move now, and that have moved in the last minute.",
    "none",
    ["simulation_partitions_moving", "moving"],
    ["increase(simulation_partition_moves_total[1m])", "moved in a minute"],
  ),
  lines(
    "Recovery",
    "Until a killed worker's partition is handled by another, and a paused one's.",
    "s",
    ...percentiles("simulation_recovery_duration_seconds", [50, 99], "killed "),
    ...percentiles("simulation_takeover_duration_seconds", [99], "paused "),
    ["simulation_partitions_unrecovered", "not acquired by anybody (count)"],
  ),
  lines(
    "Handoff",
    "Planned moves in which a message had to wait: how long.",
    "s",
    ...percentiles("simulation_handoff_duration_seconds", [50, 95, 99]),
  ),
];

const PROCESSES: readonly Panel[] = [
  lines(
    "Memory",
    "Resident memory of each worker and of the coordinator.",
    "bytes",
    ["simulation_worker_memory_bytes", "{{worker}}"],
    ["process_resident_memory_bytes", "coordinator"],
  ),
  lines(
    "Coordinator",
    "How busy it is, and how late: what is shown is as old.",
    "none",
    ["rate(process_cpu_seconds_total[$__rate_interval])", "processors"],
    ["simulation_event_loop_lag_seconds", "late (s)"],
  ),
];

/** The dashboard. */
export const SIMULATION_DASHBOARD: Dashboard = {
  uid: "parti-simulation",
  title: "Parti Simulation",
  panels: [...VERDICT, ...FLOW, ...WORKERS, ...DURATIONS, ...PROCESSES],
  marks: {
    name: "Chaos",
    expr: "sum by (type) (increase(simulation_chaos_events_total[10s])) > 0",
    legend: "{{type}}",
  },
};
