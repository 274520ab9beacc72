/**
 * Dispatch: within a partition strictly in order and one at a time, across partitions concurrently up to a limit. A failing handler is
 * tried again in place and blocks its own partition only.
 *
 * @module
 */
import type { GroupConsumerConfig } from "../config.ts";
import { describeError, PartiError } from "../errors.ts";
import { sleep } from "../ports/clock.ts";
import { jitter } from "../ports/random.ts";
import type { World } from "../ports/world.ts";
import type { HandlerContext, MessageHandler } from "./handler.ts";
import type { Slot } from "./slot.ts";
import type { FeedMessage } from "../ports/feed.ts";

/** How the handling of a message ended. */
export type Outcome = "done" | "abandoned" | "poison";

/** What dispatch needs. */
export interface DispatcherOptions {
  /** The world. */
  readonly world: Pick<World, "clock" | "random">;
  /** Concurrency and retries. */
  readonly config: GroupConsumerConfig;
  /** Who handles. */
  readonly owner: { readonly worker: string; readonly instance: string };
  /** The application. */
  readonly handler: MessageHandler;
  /** Whether this worker may act at this moment: its lease has not ended. Asked before every start and every ack. */
  readonly mayAct: () => boolean;
  /** Told when a message left a slot's queue. */
  readonly onStarted: (slot: Slot, message: FeedMessage) => void;
  /** Told when a message is over; for `done` it is to be acknowledged. Awaited before the slot goes on. */
  readonly onOutcome: (
    slot: Slot,
    message: FeedMessage,
    outcome: Outcome,
    error: unknown,
  ) => void | Promise<void>;
  /** Told when the handler failed and is tried again. */
  readonly onFailure: (slot: Slot, message: FeedMessage, attempt: number, error: unknown) => void;
  /** Told how long the handler took, in milliseconds. */
  readonly onHandled: (slot: Slot, durationMs: number) => void;
  /** Told when a slot runs nothing any more. */
  readonly onIdle: (slot: Slot) => void;
}

/** Runs handlers. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #ready: Slot[] = [];
  #runningCount = 0;
  #paused = false;
  #closed = false;

  /** @param options what it needs */
  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** How many handlers run. */
  get runningCount(): number {
    return this.#runningCount;
  }

  /** Starts nothing new until {@linkcode resume}. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on after {@linkcode pause}. */
  resume(): void {
    this.#paused = false;
    this.#pump();
  }

  /** Starts nothing new ever again. */
  close(): void {
    this.#closed = true;
    this.#ready.length = 0;
  }

  /** Looks at a slot that may have something to run. */
  offer(slot: Slot): void {
    if (slot.ready || !canRun(slot)) return;
    slot.ready = true;
    this.#ready.push(slot);
    this.#pump();
  }

  #pump(): void {
    const { concurrency } = this.#options.config;
    while (!this.#paused && !this.#closed && this.#runningCount < concurrency) {
      const slot = this.#ready.shift();
      if (slot === undefined) return;
      slot.ready = false;
      if (!canRun(slot)) continue;
      if (!this.#options.mayAct()) return;
      this.#start(slot);
    }
  }

  #start(slot: Slot): void {
    const message = slot.next();
    const abort = new AbortController();
    this.#runningCount++;
    this.#options.onStarted(slot, message);
    const { promise, resolve } = Promise.withResolvers<void>();
    slot.running = { message, abort, finished: promise };
    this.#run(slot, message, abort.signal).finally(() => {
      this.#runningCount--;
      slot.running = undefined;
      resolve();
      this.#options.onIdle(slot);
      this.offer(slot);
      this.#pump();
    });
  }

  async #run(slot: Slot, message: FeedMessage, signal: AbortSignal): Promise<void> {
    const { config, world, mayAct, onFailure } = this.#options;
    for (let attempt = 1;; attempt++) {
      const error = await this.#attempt(slot, message, attempt, signal);
      if (signal.aborted || !mayAct()) return await this.#over(slot, "abandoned", error);
      if (error === undefined) {
        slot.done(message.streamSequence);
        return await this.#over(slot, "done", undefined);
      }
      if (attempt >= config.maxDeliver) return await this.#over(slot, "poison", error);
      onFailure(slot, message, attempt, error);
      slot.running?.message.working();
      const pauseMs = config.retryBaseMs * config.retryMultiplier ** (attempt - 1);
      await sleep(
        world.clock,
        jitter(world.random, Math.min(pauseMs, config.retryMaxMs)),
        signal,
      );
      // Somebody else is to have this partition: it can try from there.
      if (slot.releasing || signal.aborted) return await this.#over(slot, "abandoned", error);
    }
  }

  /** One try; returns what the handler threw, wrapped, or undefined. */
  async #attempt(
    slot: Slot,
    message: FeedMessage,
    attempt: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { world, config, handler, onHandled } = this.#options;
    const startedAtMs = world.clock.monotonicMs();
    const acked = config.manualAck ? Promise.withResolvers<void>() : undefined;
    try {
      const context = this.#context(slot, attempt, signal, acked?.resolve);
      await handler(message, context);
      if (acked !== undefined) await untilAborted(acked.promise, signal);
      return undefined;
    } catch (error) {
      return new PartiError(
        "PARTI_HANDLER_FAILED",
        `the handler failed on sequence ${message.streamSequence} of ${slot.id}: ${
          describeError(error)
        }`,
        { cause: error, value: message.streamSequence },
      );
    } finally {
      onHandled(slot, world.clock.monotonicMs() - startedAtMs);
    }
  }

  #context(
    slot: Slot,
    attempt: number,
    signal: AbortSignal,
    acked: (() => void) | undefined,
  ): HandlerContext {
    return {
      partition: slot.partition,
      partitionId: slot.id,
      worker: this.#options.owner.worker,
      instance: this.#options.owner.instance,
      epoch: slot.ownership.epoch,
      generation: slot.ownership.generation,
      attempt,
      signal,
      ack: () => acked?.(),
    };
  }

  async #over(slot: Slot, outcome: Outcome, error: unknown): Promise<void> {
    // The latest delivery of the message: its lane may have changed while the handler ran.
    const message = slot.running!.message;
    await this.#options.onOutcome(slot, message, outcome, error);
  }
}

function canRun(slot: Slot): boolean {
  return slot.running === undefined && !slot.releasing && !slot.stopped && slot.wanted &&
    slot.queue.length > 0;
}

/** Waits for a promise or the signal, whichever comes first. */
function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise: result, resolve } = Promise.withResolvers<void>();
  const done = () => {
    signal.removeEventListener("abort", done);
    resolve();
  };
  signal.addEventListener("abort", done, { once: true });
  void promise.then(done);
  return result;
}
