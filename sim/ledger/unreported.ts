/**
 * Handlers that have begun and whose end nobody has reported: those at work now, and those that were killed with their worker.
 *
 * @module
 */
import type { Effect } from "../streams/effect.ts";
import type { Span } from "./spans.ts";

/** A handler that has begun and whose end is not known. */
export interface Begun {
  readonly partition: number;
  readonly instance: string;
  readonly sequence: number;
  readonly startUs: number;
  /** When its effect was stored, if it was: nothing that it does after that harms anybody. */
  readonly doneUs?: number;
}

/** A worker that was killed. */
export interface Victim {
  readonly process: string;
  readonly atUs: number;
}

/** A report that was under way when its worker was killed is here by then. */
const LAST_WORDS_US = 5_000_000;

/** What is known of them, as JSON holds it. */
export interface SavedUnreported {
  /** Handlers that had begun. */
  readonly begun: readonly (Begun & { readonly process: string })[];
  /** Who was killed a moment ago. */
  readonly victims: readonly Victim[];
  /** How many handlers were killed with their worker. */
  readonly killed: number;
}

/** Those of a run. */
export class UnreportedHandlers {
  readonly #begun = new Map<string, Map<string, Begun>>();
  readonly #victims: Victim[] = [];
  /** All effects that were stored before this have been seen. */
  #seenUntilUs = Number.NEGATIVE_INFINITY;
  #killed = 0;

  /** How many there are. */
  get count(): number {
    let count = this.#killed;
    for (const begun of this.#begun.values()) count += begun.size;
    return count;
  }

  /**
   * A handler begins.
   *
   * @param process the worker's process and incarnation
   * @param begun the handler
   */
  begun(process: string, begun: Begun): void {
    const all = this.#begun.get(process) ?? new Map<string, Begun>();
    all.set(keyOf(begun), begun);
    this.#begun.set(process, all);
  }

  /**
   * A handler's end was reported.
   *
   * @param process the worker's process and incarnation
   * @param handler the handler
   */
  ended(process: string, handler: Pick<Begun, "partition" | "sequence" | "startUs">): void {
    this.#begun.get(process)?.delete(keyOf(handler));
  }

  /**
   * A handler's effect was stored; the last one counts. Effects come in the order in which they were stored.
   *
   * @param effect the effect
   * @param clockDoubtUs by how much the clock that has stamped it may be behind, in microseconds
   */
  effective(
    effect: Pick<Effect, "process" | "partition" | "sequence" | "startUs" | "storedUs">,
    clockDoubtUs: number,
  ): void {
    const doneUs = effect.storedUs + clockDoubtUs;
    this.#seenUntilUs = Math.max(this.#seenUntilUs, doneUs);
    const begun = this.#begun.get(effect.process)?.get(keyOf(effect));
    if (begun !== undefined) this.begun(effect.process, { ...begun, doneUs });
  }

  /**
   * A worker was killed.
   *
   * @param victim the worker, and when that was
   */
  killed(victim: Victim): void {
    this.#victims.push(victim);
  }

  /**
   * Those that were killed so long ago that their last words are here, and the effects that they had.
   *
   * @param nowUs the time, in microseconds since 1970
   * @returns each once, with its end
   */
  buried(nowUs: number): [partition: number, span: Span][] {
    return this.#bury(Math.min(nowUs - LAST_WORDS_US, this.#seenUntilUs));
  }

  /** All that were killed: nothing is to come any more. */
  allBuried(): [partition: number, span: Span][] {
    return this.#bury(Number.POSITIVE_INFINITY);
  }

  #bury(beforeUs: number): [partition: number, span: Span][] {
    const dead: [number, Span][] = [];
    for (let victim = this.#victims[0]; victim !== undefined; victim = this.#victims[0]) {
      const { process, atUs } = victim;
      if (atUs > beforeUs) break;
      this.#victims.shift();
      for (const begun of this.#begun.get(process)?.values() ?? []) {
        const { partition, doneUs = atUs, ...handler } = begun;
        const endUs = Math.max(begun.startUs, Math.min(atUs, doneUs));
        dead.push([partition, { process, ...handler, endUs }]);
      }
      this.#begun.delete(process);
    }
    this.#killed += dead.length;
    return dead;
  }

  /** What is known, as JSON holds it. */
  save(): SavedUnreported {
    return {
      begun: [...this.#begun].flatMap(([process, all]) =>
        all.values().map((begun) => ({ process, ...begun })).toArray()
      ),
      victims: this.#victims,
      killed: this.#killed,
    };
  }

  /**
   * Goes on from there.
   *
   * @param saved what was known
   */
  load({ begun, victims, killed }: SavedUnreported): void {
    for (const { process, ...handler } of begun) this.begun(process, handler);
    this.#victims.push(...victims);
    this.#killed = killed;
  }
}

function keyOf(
  { partition, sequence, startUs }: Pick<Begun, "partition" | "sequence" | "startUs">,
) {
  return `${partition} ${sequence} ${startUs}`;
}
