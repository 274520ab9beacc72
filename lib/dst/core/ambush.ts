/**
 * Ambushes: what strikes whoever gets into a certain situation next. Faults at times drawn beforehand hit workers that are Stable, since
 * that is what workers are nearly always.
 *
 * @module
 */
import type { Snapshot } from "../../assignment/snapshot.ts";
import type { ManagerState } from "../../manager/state.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Member } from "./member.ts";

/**
 * When somebody is struck: in a state of its own, or when an assignment is written that it has not seen yet. An `heir` is a newcomer whom that
 * names, a `loser` one from whom it takes partitions.
 */
export type Moment = ManagerState | "heir" | "loser";

/** An ambush. */
export interface Ambush {
  /** When it strikes. */
  readonly moment: Moment;
  /** How long after that moment, in milliseconds. */
  readonly delayMs: number;
  /** Done at once in that moment. */
  prepare?(member: Member): void;
  /** What is done after the delay, if the worker still lives. */
  strike(member: Member): void;
}

/** What may be on its way: a message to a worker, or acks of its. */
export type InFlight = "message" | "acks";

interface Trap {
  readonly what: InFlight;
  readonly strike: () => void;
  /** When the last ack set out, in true virtual milliseconds. */
  lastAckMs: number;
}

/** All ambushes of a run. Each strikes once. */
export class Ambushes {
  readonly #kernel: Kernel;
  readonly #waiting = new Set<Ambush>();
  readonly #traps = new Map<Member, Trap>();
  /** What each instance was given last. */
  #given = new Map<string, readonly string[]>();
  #over = false;

  /** @param kernel time */
  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Waits for somebody. */
  arm(ambush: Ambush): void {
    if (!this.#over) this.#waiting.add(ambush);
  }

  /**
   * Waits until something is on its way, and strikes then: the next message to somebody, or the second of two acks of his.
   *
   * @param what what is waited for
   * @param member whom it strikes
   * @param strike what is done
   */
  armInFlight(what: InFlight, member: Member, strike: () => void): void {
    if (!this.#over) this.#traps.set(member, { what, strike, lastAckMs: -Infinity });
  }

  /** Strikes nobody any more. */
  end(): void {
    this.#over = true;
    this.#waiting.clear();
    this.#traps.clear();
  }

  /** A message may have set out to an instance. */
  sent(instance: string | undefined): void {
    this.#closeTraps(instance, (trap) => trap.what === "message");
  }

  /**
   * A handler of an instance has ended well, and its ack sets out.
   *
   * @param instance whose
   * @param wayMs how long an ack is about under way, in milliseconds
   */
  acked(instance: string, wayMs: number): void {
    const { nowMs } = this.#kernel;
    this.#closeTraps(instance, (trap) => {
      const isSecond = nowMs - trap.lastAckMs <= wayMs;
      trap.lastAckMs = nowMs;
      return trap.what === "acks" && isSecond;
    });
  }

  /** Strikes whoever is in a trap that closes now. What happens in this instant still does. */
  #closeTraps(instance: string | undefined, isClosing: (trap: Trap) => boolean): void {
    if (instance === undefined) return;
    for (const [member, trap] of this.#traps) {
      if (member.instance !== instance || !isClosing(trap)) continue;
      this.#traps.delete(member);
      this.#kernel.schedule(0, "ambush", () => {
        if (!this.#over && !member.owner.dead) trap.strike();
      });
    }
  }

  /** A worker has got into a state. */
  entered(member: Member, state: ManagerState): void {
    if (this.#waiting.size > 0) this.#spring(member, state);
  }

  /**
   * An assignment was written; nobody has heard of it yet.
   *
   * @param snapshot the assignment
   * @param members all who live
   */
  published({ workers, leader }: Snapshot, members: readonly Member[]): void {
    const before = this.#given;
    this.#given = new Map(workers.map(({ instance, partitions }) => [instance, partitions]));
    if (this.#waiting.size === 0) return;
    for (const member of members) {
      const { instance, state } = member.manager;
      const given = instance === undefined ? undefined : this.#given.get(instance);
      if (given === undefined) continue;
      const kept = new Set(given);
      if (before.get(instance!)?.some((id) => !kept.has(id))) this.#spring(member, "loser");
      if (state === "WaitingAssignment" && instance !== leader.instance) {
        this.#spring(member, "heir");
      }
    }
  }

  #spring(member: Member, moment: Moment): void {
    for (const ambush of [...this.#waiting]) {
      if (ambush.moment !== moment) continue;
      this.#waiting.delete(ambush);
      ambush.prepare?.(member);
      this.#kernel.schedule(ambush.delayMs, "ambush", () => {
        if (!this.#over && !member.owner.dead) ambush.strike(member);
      });
    }
  }
}
