/**
 * The leader's attendance list: who is there, since when that has not changed, who has been missed since when, and from whom there
 * has been a sign of life in this term. Kept from look to look, so that a look costs no more than its members.
 *
 * @module
 */
import type { Member } from "../../membership/roster.ts";
import type { PlannerAssigned, PlannerMember } from "./planner.ts";
import type { Snapshot } from "../snapshot.ts";

interface Present {
  readonly worker: string;
  /** The revision of its lease when it was seen first. */
  readonly firstRevision: number;
  leaving: boolean;
  heard: boolean;
}

/**
 * The members that count. A lease that does not carry the ID of its own key is not one of ours, and would give two workers one ID;
 * of two leases of one instance, which a claim with an unknown outcome can leave behind, only the one renewed last is kept alive by
 * anybody.
 *
 * @param members all leases
 * @returns those that count, in the same order: no ID and no instance twice
 */
export function rightful(members: readonly Member[]): Member[] {
  const latest = new Map<string, Member>();
  for (const member of members) {
    if (!member.record.worker.endsWith(`-${member.idNumber}`)) continue;
    const other = latest.get(member.record.instance);
    if (other === undefined || other.revision < member.revision) {
      latest.set(member.record.instance, member);
    }
  }
  return members.filter((member) => latest.get(member.record.instance) === member);
}

/** Who is there. */
export class Attendance {
  readonly #present = new Map<string, Present>();
  #goneSinceMs = new Map<string, number>();
  #changedAtMs: number;
  #begun = false;

  /** @param nowMs the monotonic clock, in milliseconds */
  constructor(nowMs: number) {
    this.#changedAtMs = nowMs;
  }

  /** When somebody came, went or began to leave last, on the monotonic clock, in milliseconds. */
  get changedAtMs(): number {
    return this.#changedAtMs;
  }

  /**
   * A sign of life.
   *
   * @param instance whose
   * @returns true if it is the first
   */
  hear(instance: string): boolean {
    const present = this.#present.get(instance);
    if (present === undefined || present.heard) return false;
    present.heard = true;
    return true;
  }

  /**
   * Takes attendance.
   *
   * @param members the members that count
   * @param snapshot the assignment in force
   * @param nowMs the monotonic clock, in milliseconds
   * @returns the instances that have gone since the last time, assigned or not; the first time, those that are assigned and not there
   */
  take(members: readonly Member[], snapshot: Snapshot, nowMs: number): string[] {
    const living = new Set(members.map((member) => member.record.instance));
    const gone = [...this.#present.keys()].filter((instance) => !living.has(instance));
    for (const instance of gone) this.#present.delete(instance);
    let changed = gone.length > 0;
    for (const member of members) changed = this.#note(member) || changed;
    const missed = this.#miss(living, snapshot, nowMs);
    if (changed) this.#changedAtMs = nowMs;
    const first = !this.#begun;
    this.#begun = true;
    return first ? missed : gone;
  }

  /**
   * The members, as the planner sees them.
   *
   * @param members the members last taken
   * @returns one for each
   */
  members(members: readonly Member[]): PlannerMember[] {
    return members.map(({ record }) => ({
      id: record.worker,
      instance: record.instance,
      leaving: record.leaving,
      heard: this.#present.get(record.instance)?.heard ?? false,
    }));
  }

  /**
   * The workers of an assignment, as the planner sees them.
   *
   * @param snapshot the assignment last taken
   * @param wasBack whether an instance had been there since the leader's own connection was back
   * @returns one for each
   */
  assigned(snapshot: Snapshot, wasBack: (instance: string) => boolean): PlannerAssigned[] {
    return snapshot.workers.map(({ id, instance, partitions }) => ({
      id,
      instance,
      partitionCount: partitions.length,
      goneSinceMs: this.#goneSinceMs.get(instance),
      wasBack: wasBack(instance),
    }));
  }

  #note(member: Member): boolean {
    const { worker, instance, leaving } = member.record;
    const known = this.#present.get(instance);
    if (known === undefined || known.worker !== worker) {
      // Who comes later is seen coming: that is a sign of life.
      this.#present.set(instance, {
        worker,
        firstRevision: member.revision,
        leaving,
        heard: this.#begun,
      });
      return true;
    }
    if (member.revision > known.firstRevision) known.heard = true;
    const changed = known.leaving !== leaving;
    known.leaving = leaving;
    return changed;
  }

  /** Keeps since when each assigned instance has been missed; returns those missed now. */
  #miss(living: ReadonlySet<string>, snapshot: Snapshot, nowMs: number): string[] {
    const missed = snapshot.workers.map((worker) => worker.instance).filter((instance) =>
      !living.has(instance)
    );
    this.#goneSinceMs = new Map(
      missed.map((instance) => [instance, this.#goneSinceMs.get(instance) ?? nowMs]),
    );
    return missed;
  }
}
