/**
 * What a life keeps, as its actor is given it: nothing is saved any more once its right is over, and its end can wait for what is still
 * being saved.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { ActorState } from "./actor.ts";

/** What one life keeps. */
export class GuardedState implements ActorState {
  readonly #state: ActorState;
  readonly #mayAct: () => boolean;
  #settled: Promise<void> = Promise.resolve();

  /**
   * @param state what the store has loaded
   * @param mayAct whether the life has its right in this instant
   */
  constructor(state: ActorState, mayAct: () => boolean) {
    this.#state = state;
    this.#mayAct = mayAct;
  }

  /** See {@linkcode ActorState.value}. */
  get value(): Uint8Array | undefined {
    return this.#state.value;
  }

  /** See {@linkcode ActorState.save}. After the right has ended it is refused without asking anybody. */
  save(value: Uint8Array): Promise<void> {
    if (!this.#mayAct()) return Promise.reject(lifeOver());
    const saving = this.#state.save(value);
    this.#settled = Promise.allSettled([this.#settled, saving]).then(() => {});
    return saving;
  }

  /** Resolves when all that was asked for so far is kept or refused; never rejects. */
  get settled(): Promise<void> {
    return this.#settled;
  }
}

/** What a life is told that saves although its right is over. */
export function lifeOver(): PartiError {
  return new PartiError("PARTI_FENCED", "the actor's right to act is over", {
    hint: "give up: whatever this life does must not count",
  });
}
