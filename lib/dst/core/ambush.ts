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

/** An ambush. */
export interface Ambush {
  /** The state in which it strikes; `heir` is a newcomer whom an assignment names that it has not seen yet. */
  readonly moment: ManagerState | "heir";
  /** How long after that moment, in milliseconds. */
  readonly delayMs: number;
  /** Done at once in that moment. */
  prepare?(member: Member): void;
  /** What is done after the delay, if the worker still lives. */
  strike(member: Member): void;
}

/** All ambushes of a run. Each strikes once. */
export class Ambushes {
  readonly #kernel: Kernel;
  readonly #waiting = new Set<Ambush>();
  /** What is done to whom in the instant in which the next message sets out to him. */
  readonly #atMessage = new Map<Member, () => void>();
  #over = false;

  /** @param kernel time */
  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Waits for somebody. */
  arm(ambush: Ambush): void {
    if (!this.#over) this.#waiting.add(ambush);
  }

  /** Waits for the next message that sets out to somebody, and strikes while that is on its way. */
  armAtMessage(member: Member, strike: () => void): void {
    if (!this.#over) this.#atMessage.set(member, strike);
  }

  /** Strikes nobody any more. */
  end(): void {
    this.#over = true;
    this.#waiting.clear();
    this.#atMessage.clear();
  }

  /** A message may have set out to an instance. */
  sent(instance: string | undefined): void {
    if (instance === undefined) return;
    for (const [member, strike] of this.#atMessage) {
      if (member.instance !== instance) continue;
      this.#atMessage.delete(member);
      this.#kernel.schedule(0, "ambush", () => {
        if (!this.#over && !member.owner.dead) strike();
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
    if (this.#waiting.size === 0) return;
    for (const member of members) {
      const { instance, state } = member.manager;
      if (state !== "WaitingAssignment" || instance === leader.instance) continue;
      if (workers.some((worker) => worker.instance === instance)) this.#spring(member, "heir");
    }
  }

  #spring(member: Member, moment: Ambush["moment"]): void {
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
