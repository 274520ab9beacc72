/**
 * For tests: a dispatcher on a manual clock, and handlers that wait for the test. Holds no test.
 *
 * @module
 */
import type { GroupConsumerConfig } from "../../config/config.ts";
import { ManualClock } from "../../test_support/manual_clock.ts";
import { Dispatcher, type DispatcherOptions, type Outcome } from "./dispatcher.ts";
import { fakeLane, FakeMessage, slots } from "../fakes_test.ts";
import type { MessageHandler } from "./handler.ts";
import type { Slot } from "./slot.ts";

/** A dispatcher with what it has told. */
export function rig(
  handler: MessageHandler,
  config: Partial<GroupConsumerConfig> = {},
  onPoison?: DispatcherOptions["onPoison"],
) {
  const clock = new ManualClock();
  const told = {
    outcomes: [] as [string, number, Outcome][],
    failures: [] as number[],
    errors: [] as unknown[],
  };
  const state = { mayAct: true, connected: true, poison: "done" as Outcome };
  const dispatcher = new Dispatcher({
    world: {
      clock,
      random: { float: () => 1, uuid: () => "" },
      messaging: {
        get connected() {
          return state.connected;
        },
      },
    },
    config: {
      concurrency: 2,
      maxDeliver: 3,
      retryBaseMs: 100,
      retryMultiplier: 2,
      retryMaxMs: 5_000,
      manualAck: false,
      ...config,
    },
    owner: { worker: "w", instance: "i" },
    handler,
    mayAct: () => state.mayAct,
    mayBegin: () => undefined,
    onStarted: () => {},
    onPoison: onPoison ?? (() => Promise.resolve(state.poison)),
    onOutcome: (slot, run, outcome) =>
      told.outcomes.push([slot.id, run.message.streamSequence, outcome]),
    onFailure: (_slot, _message, attempt) => told.failures.push(attempt),
    onHandled: () => {},
    onIdle: () => {},
    onError: (error) => told.errors.push(error),
  });
  const feed = (slot: Slot, ...sequences: number[]) => {
    for (const sequence of sequences) {
      slot.take(new FakeMessage(slot.id, sequence), slot.lane!);
      dispatcher.offer(slot);
    }
  };
  const made = (...ids: string[]) => {
    const some = slots(...ids);
    fakeLane(some);
    return some;
  };
  return { clock, dispatcher, told, state, feed, made };
}

/** A handler whose every call waits for the test. */
export function gate() {
  const open: { id: string; sequence: number; end: () => void; fail: (error: unknown) => void }[] =
    [];
  const handler: MessageHandler = (message, { partitionId }) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    open.push({ id: partitionId, sequence: message.streamSequence, end: resolve, fail: reject });
    return promise;
  };
  return { open, handler };
}
