/**
 * The states of a worker, and the only place that changes them.
 *
 * @module
 */
import { invariant, PartiError } from "./errors.ts";

/**
 * What a worker is doing.
 *
 * - `Init`: not started.
 * - `ClaimingID`: claiming a stable ID, at the start or again after its lease was lost.
 * - `Election`: running for leadership the first time.
 * - `WaitingAssignment`: it has an ID and waits for the first assignment that names it.
 * - `Stable`: it holds exactly what the assignment in force gives it.
 * - `Scaling`: it leads, and waits for the roster to settle.
 * - `Rebalancing`: it leads and partitions are moving, or its own partitions are changing.
 * - `Emergency`: it leads, and somebody died.
 * - `Degraded`: the server is out of reach.
 * - `Shutdown`: stopped, for good.
 */
export type ManagerState =
  | "Init"
  | "ClaimingID"
  | "Election"
  | "WaitingAssignment"
  | "Stable"
  | "Scaling"
  | "Rebalancing"
  | "Emergency"
  | "Degraded"
  | "Shutdown";

/** Every legal transition. */
export const TRANSITIONS: Readonly<Record<ManagerState, readonly ManagerState[]>> = {
  Init: ["ClaimingID", "Shutdown"],
  ClaimingID: ["Election", "Degraded", "Shutdown"],
  Election: ["WaitingAssignment", "ClaimingID", "Degraded", "Shutdown"],
  WaitingAssignment: [
    "Stable",
    "Scaling",
    "Rebalancing",
    "Emergency",
    "ClaimingID",
    "Degraded",
    "Shutdown",
  ],
  Stable: ["Scaling", "Rebalancing", "Emergency", "ClaimingID", "Degraded", "Shutdown"],
  Scaling: [
    "Stable",
    "Rebalancing",
    "Emergency",
    "WaitingAssignment",
    "ClaimingID",
    "Degraded",
    "Shutdown",
  ],
  Rebalancing: [
    "Stable",
    "Scaling",
    "Emergency",
    "WaitingAssignment",
    "ClaimingID",
    "Degraded",
    "Shutdown",
  ],
  Emergency: [
    "Stable",
    "Scaling",
    "Rebalancing",
    "WaitingAssignment",
    "ClaimingID",
    "Degraded",
    "Shutdown",
  ],
  Degraded: [
    "Stable",
    "Scaling",
    "Rebalancing",
    "Emergency",
    "WaitingAssignment",
    "ClaimingID",
    "Shutdown",
  ],
  Shutdown: [],
};

/** Holds a worker's state and tells of each change. */
export class StateMachine {
  #state: ManagerState = "Init";
  #sinceMs: number;
  readonly #now: () => number;
  readonly #onChange: (from: ManagerState, to: ManagerState, durationMs: number) => void;
  readonly #waiters = new Set<() => void>();

  /**
   * @param now the monotonic clock, in milliseconds
   * @param onChange told of each change, with how long the former state lasted in milliseconds
   */
  constructor(
    now: () => number,
    onChange: (from: ManagerState, to: ManagerState, durationMs: number) => void,
  ) {
    this.#now = now;
    this.#sinceMs = now();
    this.#onChange = onChange;
  }

  /** The state. */
  get state(): ManagerState {
    return this.#state;
  }

  /**
   * Changes the state; the same one again changes nothing.
   *
   * @param to the new state
   * @throws {PartiError} `PARTI_INVARIANT` for a transition that is not in {@linkcode TRANSITIONS}
   */
  set(to: ManagerState): void {
    const from = this.#state;
    if (from === to) return;
    invariant(TRANSITIONS[from].includes(to), `no transition from ${from} to ${to}`);
    const now = this.#now();
    const durationMs = now - this.#sinceMs;
    this.#state = to;
    this.#sinceMs = now;
    this.#onChange(from, to, durationMs);
    for (const look of this.#waiters) look();
  }

  /**
   * Waits for a state. States that last for an instant only are seen too.
   *
   * @param wanted the state
   * @param signal gives up
   * @throws {PartiError} `PARTI_ABORTED` when the signal fires, `PARTI_STOPPED` if it is `Shutdown` and will never be anything else
   */
  reached(wanted: ManagerState, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const finish = (settle: () => void) => {
      this.#waiters.delete(look);
      signal.removeEventListener("abort", look);
      settle();
    };
    const look = () => {
      if (this.#state === wanted) return finish(resolve);
      if (this.#state === "Shutdown") {
        finish(() => reject(new PartiError("PARTI_STOPPED", `shut down, never ${wanted}`)));
      } else if (signal.aborted) {
        finish(() => reject(new PartiError("PARTI_ABORTED", `given up while ${this.#state}`)));
      }
    };
    this.#waiters.add(look);
    signal.addEventListener("abort", look);
    look();
    return promise;
  }
}
