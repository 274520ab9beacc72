/**
 * The calls that a node makes: each is given an ID, a deadline and a place among those that wait, and has exactly one outcome.
 *
 * @module
 */
import type { PartiError } from "../errors.ts";
import type { Subscription } from "../ports/messaging.ts";
import type { World } from "../ports/world.ts";
import { tryAgain } from "./attempts.ts";
import type { BusCounts } from "./bus_counts.ts";
import { type BusSettings, type CallOptions, checkTimeout } from "./bus_options.ts";
import type { Answer, Call } from "./envelope.ts";
import { Lookout } from "./lookout.ts";
import { type Address, nodeIn } from "./names.ts";
import { errorOf, mayNotSend, nobodyThere, notSent, outcomeOf, valueOf } from "./outcome.ts";
import { PendingCalls } from "./pending.ts";

/** What is asked of whom. */
export interface Errand {
  /** The type of a handler, or an actor's ID. */
  readonly to: string;
  /** What is asked. */
  readonly method: string;
  /** The payload. */
  readonly payload: Uint8Array;
  /** The subject it is sent to; none where it does not travel by one. Where nobody listens there any more the call is given up. */
  readonly subject?: string;
  /** See {@linkcode Call.placed}. */
  readonly placed?: boolean;
}

/**
 * Sends a call.
 *
 * @param makeCall makes it, as late as possible since it says how much time is left; undefined if nobody waits for it any more
 */
export type Send = (makeCall: () => Call | undefined) => Promise<void>;

/**
 * Told of a request that has come to its end.
 *
 * @param outcome `value`, or the code of the error without its prefix and in small letters: `timeout`, `maybe_delivered`, …
 * @param durationMs how long it took, all tries together, in milliseconds
 */
export type OutcomeObserver = (outcome: string, durationMs: number) => void;

/** What a caller needs. */
export interface CallerOptions {
  /** The world. */
  readonly world: World;
  /** The bus's name. */
  readonly bus: string;
  /** This life of the node: no other has calls of the same ID. */
  readonly address: Address;
  /** The bus's numbers. */
  readonly settings: BusSettings;
  /** Where it is counted. */
  readonly counts: BusCounts;
  /** Fires when the bus stops. */
  readonly over: AbortSignal;
  /** Throws unless answers are heard. */
  readonly checkRunning: () => void;
  /** Whether nobody will ever answer from a subject again, as far as actors can prove it. Must not reject. */
  readonly isOver: (subject: string) => Promise<boolean>;
}

/** The calls of one life of a node. */
export class Caller {
  readonly #options: CallerOptions;
  readonly #pending: PendingCalls;
  readonly #lookout: Lookout;
  /** Replaced with each change: whoever is told may go. */
  #observers: readonly OutcomeObserver[] = [];

  /**
   * Makes no call yet.
   *
   * @param options what it needs
   */
  constructor(options: CallerOptions) {
    const { world, bus, address, settings, isOver } = options;
    this.#options = options;
    this.#pending = new PendingCalls(world.clock, address, settings.pendingMax);
    this.#lookout = new Lookout({
      ...{ world, isOver, everyMs: settings.lookoutMs },
      subjects: (olderThanMs) => this.#pending.subjectsOlderThan(olderThanMs),
      isNeeded: () => this.#pending.count > 0,
      onGone: (subject, refusal) => {
        const makeError = () => refusal ? mayNotSend(refusal) : nobodyThere(nodeIn(bus, subject));
        this.#pending.failAll(makeError, subject);
      },
    });
  }

  /** Those that wait for an answer. */
  get pending(): Pick<PendingCalls, "count" | "issued" | "settled" | "orphans" | "checkRoom"> {
    return this.#pending;
  }

  /**
   * Tries a call again where it has a key, until somebody has handled it for certain.
   *
   * @param options how the call is made
   * @param attempt one try, within so many milliseconds
   * @returns the answer of the last one
   * @throws {PartiError} what the last one threw
   */
  async attempts(
    options: CallOptions,
    attempt: (timeoutMs: number) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#observers.length === 0) return await this.#attempts(options, attempt);
    const { clock } = this.#options.world;
    const sinceMs = clock.monotonicMs();
    let error: unknown;
    try {
      const answer = await this.#attempts(options, attempt);
      error = errorOf(answer);
      return answer;
    } catch (caught) {
      error = caught;
      throw caught;
    } finally {
      const tookMs = clock.monotonicMs() - sinceMs;
      for (const told of this.#observers) told(outcomeOf(error), tookMs);
    }
  }

  /** See {@linkcode MessageBus.onOutcome}. */
  onOutcome(told: OutcomeObserver): Subscription {
    this.#observers = [...this.#observers, told];
    return {
      close: () => this.#observers = this.#observers.filter((other) => other !== told),
    };
  }

  #attempts(
    options: CallOptions,
    attempt: (timeoutMs: number) => Promise<Answer>,
  ): Promise<Answer> {
    const { world, counts, over } = this.#options;
    const timeoutMs = this.#timeoutOf(options);
    const { idempotencyKey, signal } = options;
    if (idempotencyKey === undefined) return attempt(timeoutMs);
    const onAgain = (): void => void counts.retries++;
    return tryAgain(world, { timeoutMs, signal, over, onAgain }, async (tryMs) => {
      const answer = await attempt(tryMs);
      // What was refused may be taken the next time.
      if (answer.status === "refused") valueOf(answer);
      return answer;
    });
  }

  /**
   * Makes one call and waits for its answer.
   *
   * @param send sends it
   * @param errand what is asked of whom
   * @param options how long it may take
   * @returns the answer, whatever it says
   * @throws {PartiError} `PARTI_TIMEOUT`, `PARTI_NOT_SENT`, `PARTI_MAYBE_DELIVERED`, `PARTI_ABORTED`, `PARTI_OVERLOADED`, `PARTI_STOPPED`
   */
  async call(send: Send, errand: Errand, options: CallOptions): Promise<Answer> {
    this.#options.checkRunning();
    const { subject } = errand;
    const timeoutMs = this.#timeoutOf(options);
    const { id, answer } = this.#pending.open({ subject, timeoutMs, signal: options.signal });
    this.#lookout.wake();
    const deadline = this.#deadline(timeoutMs);
    const makeCall = () =>
      this.#pending.has(id) ? this.#callOf("request", id, errand, options, deadline()) : undefined;
    // Sending is not waited for: the outcome may come before.
    send(makeCall).catch((error) => this.#pending.fail(id, notSent(error)));
    return await answer;
  }

  /**
   * Makes one call for which nobody waits.
   *
   * @param send sends it
   * @param errand what is told whom
   * @param options its deadline
   * @throws {PartiError} `PARTI_NOT_SENT`, `PARTI_MAYBE_DELIVERED`, `PARTI_OVERLOADED`, `PARTI_STOPPED`
   */
  async tell(send: Send, errand: Errand, options: CallOptions): Promise<void> {
    const { address, counts, checkRunning } = this.#options;
    checkRunning();
    const id = `${address}:-${++counts.told}`;
    const deadline = this.#deadline(this.#timeoutOf(options));
    try {
      await send(() => this.#callOf("oneway", id, errand, options, deadline()));
    } catch (error) {
      throw notSent(error);
    }
  }

  /**
   * An answer has come.
   *
   * @param answer the answer
   * @returns false if nobody waits for it
   */
  settle(answer: Answer): boolean {
    return this.#pending.settle(answer);
  }

  /**
   * No call that waits will have an answer.
   *
   * @param makeError says why, for each
   */
  failAll(makeError: () => PartiError): void {
    this.#pending.failAll(makeError);
  }

  /** Looks after nothing any more; resolves when it has come to its end. */
  close(): Promise<void> {
    return this.#lookout.close();
  }

  /** How much time is left, in milliseconds, whenever it is asked. */
  #deadline(timeoutMs: number): () => number {
    const { clock } = this.#options.world;
    const endMs = clock.monotonicMs() + timeoutMs;
    return () => endMs - clock.monotonicMs();
  }

  #callOf(
    kind: Call["kind"],
    id: string,
    { to, method, payload, placed }: Errand,
    { idempotencyKey, trace }: CallOptions,
    leftMs: number,
  ): Call {
    return {
      ...{ kind, id, from: this.#options.address, to, method, leftMs, hops: 0 },
      ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
      ...(trace === undefined ? {} : { trace }),
      ...(placed ? { placed } : {}),
      payload,
    };
  }

  #timeoutOf({ timeoutMs = this.#options.settings.timeoutMs }: CallOptions): number {
    checkTimeout(timeoutMs);
    return timeoutMs;
  }
}
