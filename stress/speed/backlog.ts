/**
 * A backlog that is being handled: how much of it is, since when, and whether anything still comes. What is lost is told; nobody waits for it.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../lib/errors.ts";
import type { CaseOutcome } from "../case.ts";
import { patienceMsOf } from "../ground/loss.ts";

/** It is looked so many times while the patience lasts. */
const LOOKS = 10;

/** Counts what is handled. */
export class Backlog implements Disposable {
  readonly #count: number;
  readonly #over = Promise.withResolvers<number>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** The place of the last one of each partition. */
  readonly #last = new Map<string, number>();
  #handled = 0;
  #firstAtMs = 0;

  /**
   * @param count how many messages there are
   * @param quick whether it is a sanity check
   * @param patienceMs for how long nothing may come before it is given up
   */
  constructor(
    count: number,
    quick: boolean,
    patienceMs: number = patienceMsOf(quick),
  ) {
    this.#count = count;
    // Who waits is told; where nobody does, there is nothing to tell.
    this.#over.promise.catch(() => {});
    let [seen, looks] = [0, 0];
    this.#timer = setInterval(() => {
      looks = this.#handled === seen ? looks + 1 : 0;
      seen = this.#handled;
      if (looks >= LOOKS) this.#giveUp(patienceMs);
    }, patienceMs / LOOKS);
  }

  /** How many have been handled. */
  get handled(): number {
    return this.#handled;
  }

  /**
   * Resolves when all are handled, to how many that were per second since the first one.
   *
   * @throws {PartiError} `PARTI_TIMEOUT` if for a while there is no other one
   */
  get over(): Promise<number> {
    return this.#over.promise;
  }

  /** One has been handled. */
  note(): void {
    if (this.#handled++ === 0) this.#firstAtMs = performance.now();
    if (this.#handled !== this.#count) return;
    clearInterval(this.#timer);
    this.#over.resolve(this.#count * 1_000 / (performance.now() - this.#firstAtMs));
  }

  /**
   * One has been handled by a worker. However often it comes it counts once, or one that is lost would hide behind one that comes twice.
   *
   * @param partitionId its partition
   * @param streamSequence its place in the stream, which only rises within a partition
   */
  noteOnce(partitionId: string, streamSequence: number): void {
    if (streamSequence <= (this.#last.get(partitionId) ?? 0)) return;
    this.#last.set(partitionId, streamSequence);
    this.note();
  }

  /** Gives nothing up any more. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #giveUp(patienceMs: number): void {
    clearInterval(this.#timer);
    const what =
      `${this.#handled} of ${this.#count} messages were handled, and no other one within`;
    this.#over.reject(
      new PartiError("PARTI_TIMEOUT", `${what} ${patienceMs} ms`, { value: this.#handled }),
    );
  }
}

/** Messages that did not come to the library's handlers. */
class Lost extends PartiError {}

/**
 * Waits for a backlog that the library handles: that one is given up says something of it, while of a bare loop it does not.
 *
 * @param backlog the backlog
 * @throws {PartiError} what {@linkcode toldIfLost} tells as something wrong
 */
export async function overOfLibrary(backlog: Backlog): Promise<void> {
  try {
    await backlog.over;
  } catch (error) {
    if (!isPartiError(error, "PARTI_TIMEOUT")) throw error;
    throw new Lost("PARTI_TIMEOUT", error.message, { cause: error });
  }
}

/**
 * Measures, and tells messages that were lost as something wrong: it was found out.
 *
 * @param measure measures
 * @returns the figures, or what was lost
 */
export async function toldIfLost(measure: () => Promise<CaseOutcome>): Promise<CaseOutcome> {
  try {
    return await measure();
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
    return { samples: [], problems: [error.message] };
  }
}
