/**
 * The evictor ends the leases of the dead: whoever was probed twice without a responder, or has not renewed for a TTL. By
 * compare-and-delete, so whoever has renewed since the verdict lives on.
 *
 * @module
 */
import type { Member } from "../../membership/roster.ts";

/** What the evictor needs of the roster. */
export interface EvictorRoster {
  /** Everybody whose lease is in the bucket. */
  readonly members: readonly Member[];
  /** Whether a member's lease is over by the observer's clock. */
  isLapsed(member: Member): boolean;
  /** Ends a lease: true if it is gone, false if the worker turned out to be alive. */
  evict(member: Member): Promise<boolean>;
}

/** What the evictor needs. */
export interface EvictorOptions {
  /** Who is there. */
  readonly roster: EvictorRoster;
  /** The leader's own instance, which it never evicts. */
  readonly self: string;
  /** Whether the leader's own connection is up: without it the silence of others proves nothing. */
  readonly isConnected: () => boolean;
  /** Told of each lease ended. */
  readonly onEvicted: (member: Member, reason: string) => void;
  /** Told when a lease could not be ended; it is tried again. */
  readonly onError: (error: unknown) => void;
}

/** A verdict: on whoever had its lease at this revision. A renewal since proves it wrong. */
interface Verdict {
  readonly reason: string;
  readonly revision: number;
}

/** Ends the leases of the dead. */
export class Evictor {
  readonly #options: EvictorOptions;
  readonly #condemned = new Map<string, Verdict>();
  #closed = false;

  /** @param options what it needs */
  constructor(options: EvictorOptions) {
    this.#options = options;
  }

  /**
   * A verdict: this instance is dead.
   *
   * @param instance whose
   * @param reason for people
   * @param revision its lease as it was known when it was missed first: whoever has renewed since is alive, whatever came of the second
   * question. Where it was not known nothing is proven of whoever has one
   */
  condemn(instance: string, reason: string, revision: number | undefined): void {
    if (instance === this.#options.self || revision === undefined) return;
    this.#condemned.set(instance, { reason, revision });
  }

  /** The revision at which an instance's lease is known. */
  revisionOf(instance: string): number | undefined {
    const { members } = this.#options.roster;
    return members.find((member) => member.record.instance === instance)?.revision;
  }

  /** Takes back every verdict. */
  pardonAll(): void {
    this.#condemned.clear();
  }

  /** Ends it: nobody is evicted any more. */
  close(): void {
    this.#closed = true;
    this.#condemned.clear();
  }

  /**
   * Carries out all verdicts, those that come meanwhile included: a rack that dies is one rebalance and not ten. What fails for one
   * worker does not keep the others from it.
   *
   * @returns true if nothing is left to be done; false if it has to be tried again
   */
  async evictAll(): Promise<boolean> {
    const tried = new Set<string>();
    let isDone = true;
    while (!this.#closed && this.#options.isConnected()) {
      const due = this.#due().filter(({ member }) => !tried.has(member.record.instance));
      if (due.length === 0) break;
      for (const { member } of due) tried.add(member.record.instance);
      const done = await Promise.all(due.map(({ member, reason }) => this.#evict(member, reason)));
      isDone = isDone && !done.includes(false);
    }
    this.#forgetStrangers();
    return isDone && this.#due().length === 0;
  }

  #due(): { member: Member; reason: string }[] {
    const due: { member: Member; reason: string }[] = [];
    for (const member of this.#options.roster.members) {
      const { instance } = member.record;
      if (instance === this.#options.self) continue;
      const reason = this.#verdictOn(member) ??
        (this.#options.roster.isLapsed(member) ? "lease not renewed" : undefined);
      if (reason !== undefined) due.push({ member, reason });
    }
    return due;
  }

  /** Where carrying it out has failed, the worker may have shown since that it is alive. */
  #verdictOn({ record: { instance }, revision }: Member): string | undefined {
    const verdict = this.#condemned.get(instance);
    if (verdict === undefined) return undefined;
    if (revision === verdict.revision) return verdict.reason;
    this.#condemned.delete(instance);
    return undefined;
  }

  /** True if the matter is closed, one way or the other. */
  async #evict(member: Member, reason: string): Promise<boolean> {
    const { roster, onEvicted, onError } = this.#options;
    try {
      const gone = await roster.evict(member);
      // Either way the verdict is spent: whoever is alive after all needs a new one.
      this.#condemned.delete(member.record.instance);
      if (gone && !this.#closed) onEvicted(member, reason);
      return true;
    } catch (error) {
      if (!this.#closed) onError(error);
      return false;
    }
  }

  /** Verdicts on nobody: whoever is not in the roster is gone already. */
  #forgetStrangers(): void {
    if (this.#condemned.size === 0) return;
    const present = new Set(this.#options.roster.members.map((member) => member.record.instance));
    for (const instance of this.#condemned.keys()) {
      if (!present.has(instance)) this.#condemned.delete(instance);
    }
  }
}
