/**
 * Keeps an eye on whoever leads: a few workers probe the leader, and remember the verdict for the one of them that leads next.
 *
 * @module
 */
import type { Snapshot } from "../assignment/snapshot.ts";
import { withDeadline } from "../assignment/sources/deadline.ts";
import type { Candidate } from "../leadership/election_agent.ts";
import { Prober } from "../membership/prober.ts";
import { decodeWorkerRecord } from "../membership/worker_lease.ts";
import { workerKey } from "../names.ts";
import type { SessionOptions } from "./session_options.ts";

/** What watching the leader needs. */
export interface LeaderWatchOptions {
  /** The session's. */
  readonly session: Pick<
    SessionOptions,
    "world" | "config" | "leases" | "events" | "reconnectedAtMs"
  >;
  /** Who watches. */
  readonly self: Candidate;
  /** The assignment as this worker knows it. */
  readonly latest: () => Snapshot | undefined;
  /** Whether this worker is in office itself: then there is nobody to watch. */
  readonly isInOffice: () => boolean;
  /** A verdict: the leader is dead. Told again while it is known as the leader. Must not throw. */
  readonly onGone: (instance: string) => void;
}

/** A leader is dead. */
export interface LeaderVerdict {
  /** Which one. */
  readonly instance: string;
  /** Of its lease, as it was between the two questions: if that has been renewed since, it is alive. */
  readonly revision: number;
  /** It had been there again since this worker's connection was back: nobody has to wait for its return from an outage. */
  readonly wasBack: boolean;
}

/** So many workers besides the leader keep an eye on it: enough to notice, too few to be a load. */
const LEADER_WATCHERS = 3;

/** Watches the leader. */
export class LeaderWatch {
  readonly #options: LeaderWatchOptions;
  readonly #prober: Prober;
  #leader: Candidate | undefined;
  #dead: { readonly verdict: LeaderVerdict; readonly untilMs: number } | undefined;
  /** Ends the reading of the leader's lease. */
  readonly #end = new AbortController();

  /**
   * Begins to watch.
   *
   * @param options what it needs
   */
  constructor(options: LeaderWatchOptions) {
    this.#options = options;
    const { world, config, events, reconnectedAtMs } = options.session;
    this.#prober = new Prober({
      group: config.group,
      clock: world.clock,
      random: world.random,
      messaging: world.messaging,
      ...config.probe,
      targets: () => this.#probed(),
      revisionOf: (instance) => this.#revisionOf(instance),
      onGone: (gone, revision) => {
        // A verdict ages soon: the dead one's place is taken within a few round trips. Where an election takes longer, or its lease could not
        // be read, the new leader's own prober finds out anew.
        const { timeoutMs, graceMs } = config.probe;
        const untilMs = world.clock.monotonicMs() + timeoutMs + graceMs;
        const wasBack = this.#prober.wasBack(gone);
        this.#dead = revision === undefined
          ? undefined
          : { verdict: { instance: gone, revision, wasBack }, untilMs };
        options.onGone(gone);
      },
      onMiss: (missed, kind) => events.onProbeMiss(missed, kind),
    });
    // A life that begins right after a reconnect knows as little of the others as one that has gone on through it.
    const backAtMs = reconnectedAtMs?.() ?? -Infinity;
    this.hold(Math.max(0, backAtMs + config.heartbeatTtlMs - world.clock.monotonicMs()));
  }

  /**
   * The election says who leads.
   *
   * @param leader the leader; undefined while nobody leads
   */
  leaderIs(leader: Candidate | undefined): void {
    this.#leader = leader;
    this.#prober.wake();
  }

  /** Another assignment is in force: other workers may be the first now. */
  assignmentChanged(): void {
    this.#prober.wake();
  }

  /**
   * No verdicts for a while: the silence of others proves nothing.
   *
   * @param durationMs how long, in milliseconds
   */
  hold(durationMs: number): void {
    this.#prober.hold(durationMs);
  }

  /** How much longer there are no verdicts, in milliseconds; 0 if there are. */
  get heldForMs(): number {
    return this.#prober.heldForMs;
  }

  /**
   * The last verdict, and forgets it.
   *
   * @returns who is dead; undefined if there was no verdict, or too long ago
   */
  takeVerdict(): LeaderVerdict | undefined {
    const dead = this.#dead;
    this.#dead = undefined;
    if (dead === undefined) return undefined;
    const nowMs = this.#options.session.world.clock.monotonicMs();
    return nowMs < dead.untilMs ? dead.verdict : undefined;
  }

  /** Ends it: no call-back comes afterwards. */
  close(): void {
    this.#prober.close();
    this.#end.abort();
  }

  /** The revision of the leader's lease as a worker; undefined if it has none, or it cannot be read as soon as the probes are answered. */
  async #revisionOf(instance: string): Promise<number | undefined> {
    const { leases, world: { clock }, config: { probe } } = this.#options.session;
    const number = /-(\d+)$/.exec(this.#leader?.worker ?? "")?.[1];
    if (number === undefined) return undefined;
    const read = () => leases.get(workerKey(Number(number)));
    try {
      const entry = await withDeadline(clock, probe.timeoutMs, read, this.#end.signal);
      const isItsOwn = entry !== undefined && decodeWorkerRecord(entry)?.instance === instance;
      return isItsOwn ? entry.revision : undefined;
    } catch {
      return undefined; // No proof then. Who leads next has a prober of its own.
    }
  }

  /** The leader, if this worker is one of the few that watch it. */
  #probed(): readonly string[] {
    const leader = this.#leader;
    const { instance } = this.#options.self;
    if (leader === undefined || this.#options.isInOffice() || leader.instance === instance) {
      return [];
    }
    let place = 0;
    for (const { instance: other } of this.#options.latest()?.workers ?? []) {
      if (other === instance) return place < LEADER_WATCHERS ? [leader.instance] : [];
      if (other !== leader.instance) place++;
    }
    // Nobody listed, or not listed oneself: at the beginning everybody watches.
    return [leader.instance];
  }
}
