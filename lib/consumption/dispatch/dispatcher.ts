/**
 * Dispatch: within a partition strictly in order and one at a time, across partitions concurrently up to a limit. A failing handler is
 * tried again in place and blocks its own partition only: between two tries, and when it is poison, its place is free for others.
 *
 * @module
 */
import type { GroupConsumerConfig } from "../../config/config.ts";
import {
  describeError,
  isPartiError,
  OUTAGE_CODES,
  PartiError,
  type PartiErrorCode,
} from "../../errors.ts";
import type { FeedMessage } from "../../ports/feed.ts";
import { jitter } from "../../ports/random.ts";
import type { World } from "../../ports/world.ts";
import type { MessageHandler } from "./handler.ts";
import { OUTRANKED_MS, outrankedError } from "../lanes/outranked.ts";
import { Places } from "./places.ts";
import { Run, type RunOwner } from "./run.ts";
import type { Slot } from "./slot.ts";

/** How the handling of a message ended: handled, given up (it must come again), or poison that stops its partition. */
export type Outcome = "done" | "abandoned" | "stopped";

/** What dispatch needs. */
export interface DispatcherOptions {
  /** The world. */
  readonly world: Pick<World, "clock" | "random"> & {
    readonly messaging: Pick<World["messaging"], "connected">;
  };
  /** Concurrency and retries. */
  readonly config: Pick<
    GroupConsumerConfig,
    "concurrency" | "maxDeliver" | "retryBaseMs" | "retryMultiplier" | "retryMaxMs" | "manualAck"
  >;
  /** Who handles. */
  readonly owner: { readonly worker: string; readonly instance: string };
  /** The application. */
  readonly handler: MessageHandler;
  /** Whether this worker may act at this moment: its lease has not ended. Asked before every start and every ack. */
  readonly mayAct: () => boolean;
  /** Whether a try may be begun: undefined if so; otherwise resolves when it may, or the run's signal has fired. Must not reject. */
  readonly mayBegin: (run: Run) => Promise<void> | undefined;
  /** Told when a message left a slot's queue. */
  readonly onStarted: (slot: Slot, message: FeedMessage) => void;
  /** Decides what becomes of a message that failed too often; its partition waits. */
  readonly onPoison: (slot: Slot, run: Run, error: unknown) => Promise<Outcome>;
  /** Told when a message is over, before the slot goes on; after `done` it is to be acknowledged. */
  readonly onOutcome: (slot: Slot, run: Run, outcome: Outcome) => void;
  /** Told when the handler failed and is tried again. */
  readonly onFailure: (slot: Slot, message: FeedMessage, attempt: number, error: unknown) => void;
  /** Told how long the handler took, in milliseconds. */
  readonly onHandled: (slot: Slot, durationMs: number) => void;
  /** Told when a slot runs nothing any more. */
  readonly onIdle: (slot: Slot) => void;
  /** Told of an error nobody else handles. */
  readonly onError: (error: unknown) => void;
}

/**
 * These say nothing about the message, which must not become poison by them. A stream that is full takes the effect once there is room, and an
 * actor that cannot begin sees to its calls by itself.
 */
const BLAMELESS_CODES: readonly PartiErrorCode[] = [
  ...OUTAGE_CODES,
  "PARTI_STREAM_FULL",
  "PARTI_NOT_BEGUN",
];

/** However long an outage lasts, its end is noticed soon. */
const OUTAGE_PAUSE_MAX_MS = 1_000;

/** The first code of one of our errors in what a handler threw, however it was wrapped. */
function codeOf(thrown: unknown): PartiErrorCode | undefined {
  let error = thrown;
  for (let depth = 0; depth < 8 && error instanceof Error; depth++) {
    if (isPartiError(error)) return error.code;
    error = error.cause;
  }
  return undefined;
}

/**
 * Whether a message may be tried once more here. Not if somebody else is to have its partition; nor if its lane was deleted, which was the
 * lock on it: somebody else may have the partition already.
 */
function mayTry(slot: Slot, run: Run): boolean {
  return slot.wanted && !run.aborted && run.lane?.ended !== "deleted" && slot.mayRetry;
}

/** What came of a try. */
interface Tried {
  /** Why it failed; undefined if the handler did well. */
  readonly error: PartiError | undefined;
}

function isThenable(value: unknown): boolean {
  return (typeof value === "object" && value !== null || typeof value === "function") &&
    "then" in value;
}

function failure(slot: Slot, { message: { streamSequence } }: Run, error: unknown): PartiError {
  return new PartiError(
    "PARTI_HANDLER_FAILED",
    `the handler failed on sequence ${streamSequence} of ${slot.id}: ${describeError(error)}`,
    { cause: error, value: streamSequence },
  );
}

/** Runs handlers. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #owner: RunOwner;
  readonly #ready: Slot[] = [];
  readonly #places: Places;
  #runningCount = 0;
  #pumping = false;
  #paused = false;
  #closed = false;

  /** @param options what it needs */
  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#owner = { ...options.owner, mayAct: options.mayAct };
    this.#places = new Places(options.config.concurrency);
  }

  /** How many messages are being handled, those between two tries included. */
  get runningCount(): number {
    return this.#runningCount;
  }

  /** Whether it starts nothing at the moment. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Starts nothing new until {@linkcode resume}. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on after {@linkcode pause}. */
  resume(): void {
    this.#paused = false;
    this.pump();
  }

  /** Starts nothing new ever again. */
  close(): void {
    this.#closed = true;
    this.#ready.length = 0;
  }

  /** Looks at a slot that may have something to run. */
  offer(slot: Slot): void {
    if (slot.ready || !slot.canRun) return;
    slot.ready = true;
    this.#ready.push(slot);
    this.pump();
  }

  /** Starts what can be started. To be called also when the right to act has come back. */
  pump(): void {
    // A handler that is done at once comes here again, and what it has made room for is seen by the loop that has started it.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      this.#places.fill(() => this.#startNext());
    } finally {
      this.#pumping = false;
    }
  }

  /** Starts the first message of the slot that waits longest; false if there is none, or nothing may be started. */
  #startNext(): boolean {
    while (!this.#paused && !this.#closed) {
      const slot = this.#ready[0];
      if (slot === undefined || !this.#options.mayAct()) return false;
      this.#ready.shift();
      slot.ready = false;
      if (!slot.canRun) continue;
      this.#start(slot);
      return true;
    }
    return false;
  }

  #start(slot: Slot): void {
    const { config, onStarted } = this.#options;
    const message = slot.next();
    const run = new Run(slot, message, this.#owner, config.manualAck);
    slot.running = run;
    this.#runningCount++;
    this.#places.take();
    run.hasPlace = true;
    onStarted(slot, message);
    this.#begin(slot, run);
  }

  /** The usual case, without a promise of its own for each message: nothing stands in the way, and the handler does well at once. */
  #begin(slot: Slot, run: Run): void {
    const { config, handler, mayBegin, world } = this.#options;
    const isUsual = !config.manualAck && slot.unfit === undefined && mayBegin(run) === undefined;
    if (!isUsual) return void this.#run(slot, run);
    const startedAtMs = world.clock.monotonicMs();
    run.begin(slot.ownership, startedAtMs);
    const ended = (error?: PartiError): void => {
      this.#ended(slot, run, startedAtMs);
      const isWell = error === undefined && !run.aborted && !run.interrupted &&
        this.#options.mayAct();
      if (isWell) this.#finish(slot, run, "done");
      else void this.#run(slot, run, { error });
    };
    let handling: unknown;
    try {
      handling = handler(run.message, run.context);
    } catch (error) {
      return ended(failure(slot, run, error));
    }
    // What returns nothing may as well return a number that nobody asked for, and what is no promise of the language need not behave as one.
    if (!isThenable(handling)) return ended();
    const promise = handling instanceof Promise ? handling : Promise.resolve(handling);
    promise.then(() => ended(), (error) => ended(failure(slot, run, error)));
  }

  /**
   * Handles a message to its end, however often that has to be tried. Never rejects: whatever went wrong, the slot must not stay taken.
   *
   * @param slot whose message it is
   * @param run the message
   * @param first what came of the first try, if there was one
   */
  async #run(slot: Slot, run: Run, first?: Tried): Promise<void> {
    let outcome: Outcome = "abandoned";
    try {
      outcome = await this.#handle(slot, run, first);
    } catch (error) {
      this.#tell(error);
    }
    this.#finish(slot, run, outcome);
  }

  /** A message is over, and its slot goes on. */
  #finish(slot: Slot, run: Run, outcome: Outcome): void {
    try {
      if (outcome === "done") slot.done(run.message);
      this.#options.onOutcome(slot, run, outcome);
    } catch (error) {
      this.#tell(error);
    }
    this.#runningCount--;
    this.#stepAside(run);
    slot.running = undefined;
    slot.stopped = outcome === "stopped";
    if (outcome !== "done") slot.giveUp(run);
    this.#options.onIdle(slot);
    this.offer(slot);
    this.pump();
  }

  async #handle(slot: Slot, run: Run, first?: Tried): Promise<Outcome> {
    const { config, world, mayAct, onFailure, onPoison } = this.#options;
    if (slot.unfit !== undefined) {
      this.#stepAside(run);
      this.pump();
      return await onPoison(slot, run, slot.unfit);
    }
    let failures = 0;
    for (let tried = first;; tried = undefined) {
      tried ??= await this.#try(slot, run);
      if (tried === undefined) return "abandoned";
      const { error } = tried;
      if (run.aborted || !mayAct()) return "abandoned";
      if (run.interrupted) {
        // The connection was away, and others may have handled it meanwhile: what the handler said is neither done nor a failure.
        if (!mayTry(slot, run)) return "abandoned";
        continue;
      }
      if (error === undefined) return "done";
      const code = codeOf(error.cause);
      const isCounted = world.messaging.connected &&
        (code === undefined || !BLAMELESS_CODES.includes(code));
      if (isCounted) failures++;
      if (code !== "PARTI_FENCED" && failures >= config.maxDeliver) {
        this.#stepAside(run);
        this.pump();
        return await onPoison(slot, run, error);
      }
      onFailure(slot, run.message, run.attempt, error);
      if (code === "PARTI_FENCED") {
        // Somebody newer owns the partition. Holding it would only keep them from it.
        slot.outranked = true;
        slot.outrankedUntilMs = world.clock.monotonicMs() + jitter(world.random, OUTRANKED_MS);
        if (slot.wanted) this.#tell(outrankedError(slot, error));
        return "abandoned";
      }
      run.message.working();
      const pauseMs = Math.min(
        config.retryBaseMs * config.retryMultiplier ** (run.attempt - 1),
        config.retryMaxMs,
        isCounted ? Infinity : OUTAGE_PAUSE_MAX_MS,
      );
      this.#stepAside(run);
      this.pump();
      await slot.pause(world.clock, jitter(world.random, pauseMs));
      if (!await this.#comeBack(slot, run)) return "abandoned";
    }
  }

  /** One try, once it may begin; undefined if it may not. */
  async #try(slot: Slot, run: Run): Promise<Tried | undefined> {
    const { mayAct, mayBegin, world } = this.#options;
    run.renew();
    const gate = mayBegin(run);
    if (gate !== undefined) {
      await gate;
      if (!mayTry(slot, run) || !mayAct()) return undefined;
    }
    // Only now: what waits at the gate is not interrupted, which would let it through, and has the right of when it gets through.
    run.begin(slot.ownership, world.clock.monotonicMs());
    return { error: await this.#attempt(slot, run) };
  }

  /** Gives its place to others, if it has one. */
  #stepAside(run: Run): void {
    if (run.hasPlace) this.#places.give();
    run.hasPlace = false;
  }

  /** Waits for a place for the next try. Returns false if there is not to be one. */
  async #comeBack(slot: Slot, run: Run): Promise<boolean> {
    while (mayTry(slot, run) && this.#options.mayAct()) {
      if (run.hasPlace) return true;
      await slot.waitFor(async (signal) => {
        const place = this.#places.again(signal);
        this.pump();
        run.hasPlace = await place;
      });
    }
    return false;
  }

  /** One try; returns what the handler threw, wrapped, or undefined. */
  async #attempt(slot: Slot, run: Run): Promise<PartiError | undefined> {
    const { world, handler } = this.#options;
    const startedAtMs = world.clock.monotonicMs();
    try {
      await handler(run.message, run.context);
      await run.acked;
      return undefined;
    } catch (error) {
      return failure(slot, run, error);
    } finally {
      this.#ended(slot, run, startedAtMs);
    }
  }

  /** The handler has come back. */
  #ended(slot: Slot, run: Run, startedAtMs: number): void {
    run.end();
    this.#options.onHandled(slot, this.#options.world.clock.monotonicMs() - startedAtMs);
  }

  #tell(error: unknown): void {
    try {
      this.#options.onError(error);
    } catch {
      // Whoever listens for errors failed on one. There is nobody left to tell.
    }
  }
}
