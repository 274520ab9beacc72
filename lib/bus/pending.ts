/**
 * The calls that wait for an answer. Each gets exactly one outcome; whatever comes after it is counted and forgotten.
 *
 * @module
 */
import { invariant, PartiError } from "../errors.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Answer } from "./envelope.ts";
import type { Address } from "./names.ts";

/** What a call waits with. */
export interface Waiting {
  /** Its correlation ID. */
  readonly id: string;
  /** The answer, whatever it says. Rejects with `PARTI_TIMEOUT`, `PARTI_ABORTED`, or what {@linkcode PendingCalls.fail} says. */
  readonly answer: Promise<Answer>;
}

/** How a call waits. */
export interface WaitOptions {
  /** Where it is sent; none where it does not travel by a subject. */
  readonly subject?: string | undefined;
  /** How long it waits, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
}

interface Pending {
  readonly subject: string | undefined;
  readonly sinceMs: number;
  readonly timer: Timer;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: PartiError) => void;
  readonly unlisten: () => void;
}

/** The calls of one life of a node. */
export class PendingCalls {
  readonly #clock: Clock;
  readonly #address: Address;
  readonly #max: number;
  readonly #pending = new Map<string, Pending>();
  #issued = 0;
  #settled = 0;
  #orphans = 0;

  /**
   * Nobody waits yet.
   *
   * @param clock time
   * @param address whose calls they are: IDs of two lives never meet
   * @param max how many may wait at once
   */
  constructor(clock: Clock, address: Address, max: number) {
    this.#clock = clock;
    this.#address = address;
    this.#max = max;
  }

  /** How many wait. */
  get count(): number {
    return this.#pending.size;
  }

  /** How many were ever opened. */
  get issued(): number {
    return this.#issued;
  }

  /** How many have had their outcome. */
  get settled(): number {
    return this.#settled;
  }

  /** How many answers came for which nobody waited any more: late ones, and second ones. */
  get orphans(): number {
    return this.#orphans;
  }

  /** Whether a call waits. */
  has(id: string): boolean {
    return this.#pending.has(id);
  }

  /**
   * Refuses a call where too many wait.
   *
   * @param others how many wait for something else, to wait for an answer later
   * @throws {PartiError} `PARTI_OVERLOADED`
   */
  checkRoom(others = 0): void {
    if (this.#pending.size + others < this.#max) return;
    throw new PartiError("PARTI_OVERLOADED", `${this.#max} calls wait for an answer already`, {
      value: this.#max,
      hint: "wait for some of them, or allow more by pendingMax",
    });
  }

  /**
   * Lets a call wait.
   *
   * @param options how
   * @returns its ID, and its answer
   * @throws {PartiError} `PARTI_OVERLOADED` if too many wait, `PARTI_ABORTED` if it was given up before
   */
  open({ subject, timeoutMs, signal }: WaitOptions): Waiting {
    if (signal?.aborted) throw new PartiError("PARTI_ABORTED", "the call was given up");
    this.checkRoom();
    const id = `${this.#address}:${++this.#issued}`;
    const { promise: answer, resolve, reject } = Promise.withResolvers<Answer>();
    const onAbort = (): void => {
      this.fail(id, new PartiError("PARTI_ABORTED", "the call was given up"));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer = this.#clock.setTimer(timeoutMs, () => {
      this.fail(
        id,
        new PartiError("PARTI_TIMEOUT", `no answer within ${timeoutMs} ms`, {
          value: timeoutMs,
          hint: "whether it was handled is unknown",
        }),
      );
    });
    const unlisten = (): void => signal?.removeEventListener("abort", onAbort);
    const sinceMs = this.#clock.monotonicMs();
    this.#pending.set(id, { subject, sinceMs, timer, resolve, reject, unlisten });
    return { id, answer };
  }

  /**
   * An answer has come.
   *
   * @param answer the answer
   * @returns false if nobody waits for it
   */
  settle(answer: Answer): boolean {
    const pending = this.#take(answer.id);
    if (pending === undefined) this.#orphans++;
    else pending.resolve(answer);
    return pending !== undefined;
  }

  /**
   * A call will have no answer.
   *
   * @param id its ID
   * @param error why
   * @returns false if it does not wait any more
   */
  fail(id: string, error: PartiError): boolean {
    const pending = this.#take(id);
    pending?.reject(error);
    return pending !== undefined;
  }

  /**
   * Many calls will have no answer.
   *
   * @param makeError says why, for each
   * @param subject only those that were sent there; all unless given
   */
  failAll(makeError: () => PartiError, subject?: string): void {
    for (const [id, pending] of [...this.#pending]) {
      if (subject === undefined || pending.subject === subject) this.fail(id, makeError());
    }
  }

  /**
   * Where calls wait for longer than usual.
   *
   * @param ageMs how long, in milliseconds
   * @returns the subjects they were sent to
   */
  subjectsOlderThan(ageMs: number): ReadonlySet<string> {
    const since = this.#clock.monotonicMs() - ageMs;
    const subjects = new Set<string>();
    for (const { subject, sinceMs } of this.#pending.values()) {
      // They are in the order in which they began.
      if (sinceMs > since) break;
      if (subject !== undefined) subjects.add(subject);
    }
    return subjects;
  }

  #take(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    pending.timer.cancel();
    pending.unlisten();
    this.#settled++;
    invariant(this.#issued - this.#settled === this.#pending.size, "a pending call is miscounted");
    return pending;
  }
}
