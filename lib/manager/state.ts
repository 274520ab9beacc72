/**
 * The states of a worker, and the only place that changes them.
 *
 * @module
 */
import type { LeaderPhase } from "../assignment/leader/group_leader.ts";
import { PartiError } from "../errors.ts";

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
 * - `Degraded`: the server has been out of reach for long; whatever else the worker does meanwhile shows afterwards.
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
  // Whatever the worker was doing meanwhile is what it shows afterwards.
  Degraded: [
    "Election",
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

/** How far a worker has come on its way into the group; the last one stands for all that follows. */
export type JoinStep = "ClaimingID" | "Election" | "WaitingAssignment";

/** What the state of a running worker follows from. */
export interface StateFacts {
  /** The server has been out of reach for long. */
  readonly degraded: boolean;
  /** How far it has come. */
  readonly step: JoinStep;
  /** What the leader in it is busy with; `idle` where it does not lead. */
  readonly leaderPhase: LeaderPhase;
  /** An assignment names it. */
  readonly assigned: boolean;
  /** It holds exactly the partitions that the assignment gives it. */
  readonly settled: boolean;
}

/**
 * The state of a running worker. The one place that decides between them.
 *
 * @param facts what it follows from
 * @returns the state
 */
export function stateOf(facts: StateFacts): ManagerState {
  if (facts.degraded) return "Degraded";
  if (facts.step !== "WaitingAssignment") return facts.step;
  switch (facts.leaderPhase) {
    case "emergency":
      return "Emergency";
    case "scaling":
      return "Scaling";
    case "rebalancing":
      return "Rebalancing";
    case "idle":
      if (!facts.assigned) return "WaitingAssignment";
      return facts.settled ? "Stable" : "Rebalancing";
  }
}

/** Who is told by a {@linkcode StateMachine}. */
export interface StateEvents {
  /** The state changed, after `durationMs` in the first. */
  onChange(from: ManagerState, to: ManagerState, durationMs: number): void;
  /** A change was not in {@linkcode TRANSITIONS}: a bug in parti. */
  onIllegal(error: PartiError): void;
}

/** Holds a worker's state and tells of each change. */
export class StateMachine {
  #state: ManagerState = "Init";
  #sinceMs: number;
  readonly #now: () => number;
  readonly #events: StateEvents;
  readonly #waiters = new Set<() => void>();

  /**
   * @param now the monotonic clock, in milliseconds
   * @param events who is told
   */
  constructor(now: () => number, events: StateEvents) {
    this.#now = now;
    this.#sinceMs = now();
    this.#events = events;
  }

  /** The state. */
  get state(): ManagerState {
    return this.#state;
  }

  /**
   * Changes the state. The same one again changes nothing, and after `Shutdown` nothing does.
   *
   * A change that is not in the table is reported and made all the same: the state is what people look at, and a hole in a table
   * must never stop a worker.
   *
   * @param to the new state
   */
  set(to: ManagerState): void {
    const from = this.#state;
    if (from === to || from === "Shutdown") return;
    if (!TRANSITIONS[from].includes(to)) {
      this.#events.onIllegal(
        new PartiError("PARTI_INVARIANT", `no transition from ${from} to ${to}`, {
          value: { from, to },
          hint: "this is a bug in parti; please report it with the log",
        }),
      );
    }
    const now = this.#now();
    const durationMs = now - this.#sinceMs;
    this.#state = to;
    this.#sinceMs = now;
    this.#events.onChange(from, to, durationMs);
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
