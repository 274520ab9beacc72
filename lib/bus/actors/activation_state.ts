/**
 * The states of one life of an actor on a node, and the only place that sets them.
 *
 * @module
 */
import { invariant } from "../../errors.ts";

/** The states. */
export type ActivationState = "creating" | "activating" | "valid" | "deactivating" | "invalid";

/** From each state, where it may go. */
export const ACTIVATION_TRANSITIONS: Readonly<
  Record<ActivationState, readonly ActivationState[]>
> = {
  /** It looks for where the actor is, and gets its place if it is nowhere. */
  creating: ["activating", "invalid"],
  /** It has its place, and `onActivate` runs. */
  activating: ["valid", "invalid"],
  /** It takes its turns. */
  valid: ["deactivating", "invalid"],
  /** `onDeactivate` runs, then its place is given back. */
  deactivating: ["invalid"],
  invalid: [],
};

/** The state of one life. */
export class ActivationMachine {
  readonly #onChange: (to: ActivationState) => void;
  #state: ActivationState = "creating";

  /** @param onChange told of each change */
  constructor(onChange: (to: ActivationState) => void) {
    this.#onChange = onChange;
  }

  /** The state. */
  get state(): ActivationState {
    return this.#state;
  }

  /**
   * Changes it.
   *
   * @param to the next state
   * @throws {PartiError} `PARTI_INVARIANT` if there is no such transition
   */
  set(to: ActivationState): void {
    invariant(
      ACTIVATION_TRANSITIONS[this.#state].includes(to),
      `an activation goes from ${this.#state} to ${to}`,
    );
    this.#state = to;
    this.#onChange(to);
  }
}
