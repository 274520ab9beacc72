/**
 * What parti measures. An application gives the manager a collector; `prometheus.ts` has one for prom-client, and any other is
 * a handful of one-line methods.
 *
 * Calls are synchronous. What one throws is told as an error, once for each method, and changes nothing else. Times are in milliseconds. No call carries a partition: there can be thousands.
 *
 * @module
 */

/** How loud the degraded mode is by now; `none` outside it. */
export type AlertLevel = "none" | "info" | "warn" | "error" | "critical";

/** One worker's life: states, leadership, degraded mode. */
export interface ManagerMetrics {
  /** The worker went from one state to another, after `durationMs` in the first. */
  stateTransition(from: string, to: string, durationMs: number): void;
  /** The worker won (`isLeader`) or lost the leadership; `epoch` is the fencing token it won or had. */
  leadershipChange(isLeader: boolean, epoch: number): void;
  /** Degraded mode began or ended. */
  degradedMode(active: boolean): void;
  /** Degraded mode ended after this long. */
  degradedDuration(durationMs: number): void;
  /** The assignment or partition list being worked with was last confirmed this long ago. */
  cacheAge(ageMs: number): void;
  /** The last known value was used instead of a fresh one: `source` for a partition source, `assignment` for the assignment. */
  cacheFallback(reason: string): void;
  /** The alert level changed. */
  alertLevel(level: AlertLevel): void;
  /** An alert was raised or repeated. */
  alertEmitted(level: AlertLevel): void;
}

/** What only the leader does. */
export interface PlannerMetrics {
  /** A rebalance took this long, from the decision to the publication. */
  rebalanceDuration(reason: string, durationMs: number): void;
  /** A rebalance was published (`ok`) or failed. */
  rebalanceAttempt(reason: string, ok: boolean): void;
  /** The group has so many partitions. */
  partitionCount(count: number): void;
  /** So many workers joined and so many left or died. */
  workerChange(added: number, removed: number): void;
  /** So many workers are alive. */
  activeWorkers(count: number): void;
  /** A probe was not answered: the server knew of nobody, or the answer was late. */
  probeMiss(kind: "no-responders" | "timeout"): void;
  /** Whether this worker copies a stream into the group's shards, and how many messages wait there; told while it leads, and once when it does no more. */
  copy(isCopying: boolean, lag: number): void;
}

/** What every worker does for the group. */
export interface WorkerMetrics {
  /** A lease renewal succeeded or failed. */
  heartbeat(ok: boolean): void;
  /** An assignment was applied: set differences, never differences of counts; `total` is what the worker now owns. */
  assignmentChange(added: number, removed: number, generation: number, total: number): void;
  /** A gained partition was acquired this long after it was assigned. */
  handoffDuration(durationMs: number): void;
  /** An operation on a bucket took this long; `op` is such as `get`, `create`, `update`, `list`. */
  kvOperation(op: string, ok: boolean, durationMs: number): void;
}

/** What the consumption of messages does. */
export interface ConsumerMetrics {
  /** An operation on a consumer is tried again after `backoffMs`; `op` is such as `create`, `shrink`, `delete`. */
  controlRetry(op: string, backoffMs: number): void;
  /** The consumer reads so many subjects. */
  subjectsCurrent(count: number): void;
  /** Subjects were added and removed. */
  subjectChange(added: number, removed: number): void;
  /** A newer set of partitions was applied, could not be, or was the same. */
  updateResult(result: "success" | "failure" | "noop", latencyMs: number): void;
  /** The worker has so many lanes. */
  lanesCurrent(count: number): void;
  /** A lane of somebody without any right was deleted. */
  laneEvicted(): void;
  /** A pull ended by itself and was started again; `reason` is such as `deleted`, `stalled`, `failed`. */
  pullRestart(reason: string): void;
  /** So many pulls in a row ended by themselves; 0 after one that brought messages. */
  pullFailures(consecutive: number): void;
  /** The consumer calls itself healthy or not. */
  health(healthy: boolean): void;
  /** A lost consumer was to be created again: whether it was, and how long that took. */
  recreation(reason: string, ok: boolean, durationMs: number): void;
  /** A handler came back well after this long. */
  handled(durationMs: number): void;
  /** A message came again. */
  redelivered(): void;
  /** A handler failed. */
  failed(): void;
  /** The right to handle a message ended before its handler did. */
  abandoned(): void;
  /** A poison message went to the dead-letter subject. */
  deadLettered(): void;
  /** A poison message stopped its partition. */
  partitionStopped(): void;
}

/** Everything parti measures. */
export interface MetricsCollector
  extends ManagerMetrics, PlannerMetrics, WorkerMetrics, ConsumerMetrics {}

const ignore = (): void => {};

/** Measures nothing. */
export const noMetrics: MetricsCollector = Object.freeze({
  stateTransition: ignore,
  leadershipChange: ignore,
  degradedMode: ignore,
  degradedDuration: ignore,
  cacheAge: ignore,
  cacheFallback: ignore,
  alertLevel: ignore,
  alertEmitted: ignore,
  rebalanceDuration: ignore,
  rebalanceAttempt: ignore,
  partitionCount: ignore,
  workerChange: ignore,
  activeWorkers: ignore,
  probeMiss: ignore,
  copy: ignore,
  heartbeat: ignore,
  assignmentChange: ignore,
  handoffDuration: ignore,
  kvOperation: ignore,
  controlRetry: ignore,
  subjectsCurrent: ignore,
  subjectChange: ignore,
  updateResult: ignore,
  lanesCurrent: ignore,
  laneEvicted: ignore,
  pullRestart: ignore,
  pullFailures: ignore,
  health: ignore,
  recreation: ignore,
  handled: ignore,
  redelivered: ignore,
  failed: ignore,
  abandoned: ignore,
  deadLettered: ignore,
  partitionStopped: ignore,
});
