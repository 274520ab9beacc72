/**
 * Makes a session's consumer from the manager's options, measured and logged.
 *
 * @module
 */
import type { GroupConfig } from "../config/config.ts";
import { poisonError } from "../consumption/dispatch/poison_error.ts";
import type { CheckedFeed } from "../consumption/feed_check.ts";
import { type ConsumptionEvents, guardedEvents } from "../consumption/events.ts";
import { WorkerConsumer } from "../consumption/worker_consumer.ts";
import type { ManagerOptions } from "../manager/manager_options.ts";
import type { MetricsCollector } from "../metrics/collector.ts";
import { consumptionMetrics } from "../metrics/consumption_metrics.ts";
import { type LaneOwner, partitionSubject } from "../names.ts";
import type { SessionRight } from "./session_options.ts";

/**
 * Makes a consumer.
 *
 * @param options the manager's
 * @param config the group's configuration
 * @param metrics who measures
 * @param checkedFeed what was found of the stream, which is checked before anything is claimed
 * @param owner whose lanes they are
 * @param right the session's right to handle
 * @param onError told of what failed and is tried again, and of messages that failed too often
 * @returns the consumer; undefined where the application consumes by itself
 */
export function makeConsumer(
  options: ManagerOptions,
  config: GroupConfig,
  metrics: MetricsCollector,
  checkedFeed: CheckedFeed | undefined,
  owner: LaneOwner,
  right: SessionRight,
  onError: (error: unknown) => void,
): WorkerConsumer | undefined {
  const { world, handler, consumptionEvents } = options;
  const { consumer, drainTimeoutMs, operationTimeoutMs } = config;
  if (handler === undefined || consumer === undefined || checkedFeed === undefined) {
    return undefined;
  }
  // Asked while the consumer is being made too, and then there is nothing to tell.
  const made: { consumer?: WorkerConsumer } = {};
  const measured = consumptionMetrics(metrics, () => made.consumer?.health());
  const told: Partial<ConsumptionEvents> = {
    deadLettered: (id, message, error) =>
      onError(poisonError(id, message, error, partitionSubject(consumer.deadLetterSubject, id))),
    stopped: (id, message, error) => onError(poisonError(id, message, error, undefined)),
    outranked: () => right.onOutranked(),
    error: onError,
  };
  made.consumer = new WorkerConsumer({
    world,
    config: consumer,
    owner,
    handler,
    drainTimeoutMs,
    operationTimeoutMs,
    mayAct: () => right.mayAct(),
    mayBegin: (signal) => right.mayBegin(signal),
    onBehind: () => right.onBehind(),
    checkedFeed,
    events: guardedEvents(measured, told, consumptionEvents ?? {}),
  });
  return made.consumer;
}
