/**
 * Makes a consumer's dispatcher: what becomes of messages that are over, and who is told of them.
 *
 * @module
 */
import { Dispatcher, type Outcome } from "./dispatcher.ts";
import type { ConsumptionEvents } from "../events.ts";
import { describeError } from "../../errors.ts";
import { type Logger, logger } from "../../logging.ts";
import type { FeedMessage } from "../../ports/feed.ts";
import { settlePoison } from "./poison.ts";
import type { Run } from "./run.ts";
import type { Slot } from "./slot.ts";
import type { WorkerConsumerOptions } from "../worker_consumer.ts";

/** What the dispatcher is made from. */
export interface DispatcherParts {
  /** The consumer's. */
  readonly options: Pick<
    WorkerConsumerOptions,
    "world" | "config" | "owner" | "handler" | "mayBegin" | "operationTimeoutMs"
  >;
  /** Who is told. */
  readonly events: ConsumptionEvents;
  /** Whether this worker may act at this moment. */
  readonly mayAct: () => boolean;
  /** Told when a slot runs nothing any more. */
  readonly onIdle: (slot: Slot) => void;
}

/**
 * Makes it.
 *
 * @param parts what it is made from
 * @returns the dispatcher; nothing runs yet
 */
export function makeDispatcher(parts: DispatcherParts): Dispatcher {
  const { options, events, mayAct, onIdle } = parts;
  const { world, config, owner, handler, mayBegin, operationTimeoutMs } = options;
  const log = logger("consumption", { group: owner.group, worker: owner.worker });
  const poison = { world, config, owner, operationTimeoutMs, events, mayAct };
  return new Dispatcher({
    world,
    config,
    owner,
    handler,
    mayAct,
    mayBegin: mayBegin === undefined ? () => undefined : (run) => mayBegin(() => run.signal),
    onStarted: (slot, message) => {
      slot.lane?.removed(message);
      events.started(slot.id, message);
    },
    onPoison: (slot, run, error) => settlePoison(poison, slot, run, error),
    onOutcome: (slot, run, outcome) => settleMessage(parts, slot, run, outcome),
    onFailure: (slot, message, attempt, error) => {
      // Once for each message: a handler may fail for as long as an outage lasts.
      if (slot.failingSinceMs === undefined) logFailure(log, slot, message, attempt, error);
      slot.failingSinceMs ??= world.clock.monotonicMs();
      events.failed(slot.id, message, attempt, error);
    },
    onHandled: (slot, durationMs) => events.handled(slot.id, durationMs),
    onIdle: (slot) => {
      slot.failingSinceMs = undefined;
      onIdle(slot);
    },
    onError: (error) => events.error(error),
  });
}

function logFailure(
  log: Logger,
  slot: Slot,
  message: FeedMessage,
  attempt: number,
  error: unknown,
): void {
  log.warn("{error}, attempt {attempt}", {
    error: describeError(error),
    attempt,
    partition: slot.id,
    sequence: message.streamSequence,
    cause: error,
  });
}

/** A message is over: it is acknowledged if it was handled and this worker still may, and told. */
function settleMessage(
  { events, mayAct }: DispatcherParts,
  slot: Slot,
  run: Run,
  outcome: Outcome,
): void {
  if (outcome === "abandoned") events.abandoned(slot.id, run.message);
  if (outcome !== "done" || !mayAct()) return;
  // Where its lane has ended meanwhile the ack may go nowhere; then the message comes again and is known as done.
  if (run.lane !== undefined) run.lane.ack(run.message);
  events.acked(slot.id, run.message);
}
