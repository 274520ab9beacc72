/**
 * A session's part in leading: it runs for leadership, leads while elected, watches whoever leads instead, and passes requests on
 * to the leader.
 *
 * An elected candidate that cannot lead would be the worst of all: it keeps the lease fresh and the group without a leader. So
 * whenever leading ends for another reason than the election's own word, the candidacy is given up and begun anew.
 *
 * @module
 */
import { GroupLeader, type LeaderPhase } from "../assignment/leader/group_leader.ts";
import type { Snapshot } from "../assignment/snapshot.ts";
import { withDeadline } from "../assignment/sources/deadline.ts";
import { describeError, PartiError } from "../errors.ts";
import { type CopyHealth, LeaderCopy } from "./leader_copy.ts";
import { LeaderWatch } from "./leader_watch.ts";
import type {
  Candidacy,
  Candidate as Person,
  ElectionHandlers,
  Term,
} from "../leadership/election_agent.ts";
import { refreshSubject } from "../names.ts";
import { sleep } from "../ports/clock.ts";
import type { Subscription } from "../ports/messaging.ts";
import { jitter } from "../ports/random.ts";
import {
  decodeRefreshAnswer,
  encodeRefreshed,
  encodeRefreshFailure,
  REFRESH,
} from "./refresh_answer.ts";
import type { SessionOptions } from "./session_options.ts";

/** What a candidate needs. */
export interface CandidateOptions {
  /** The session's. */
  readonly session: SessionOptions;
  /** Who runs. */
  readonly self: Person;
  /** The assignment as this worker knows it. */
  readonly latest: () => Snapshot | undefined;
}

/** A running term. */
interface Office {
  readonly term: Term;
  readonly leader: GroupLeader;
  readonly requests: Subscription;
  readonly copy: LeaderCopy | undefined;
  phase: LeaderPhase;
}

const STAND_AGAIN_MS = 200;
const STAND_AGAIN_MAX_MS = 5_000;
/** Whoever could not lead stands back for so many election timeouts: time enough for somebody else to win and to do better. */
const STAND_BACK_FACTOR = 2;

/** Runs for leadership as long as the session lasts. */
export class Candidate {
  readonly #options: CandidateOptions;
  readonly #watch: LeaderWatch;
  readonly #end = new AbortController();
  #endsHow: "resign" | "abandon" = "abandon";
  #candidacy: Candidacy | undefined;
  /** Settles when whatever is under way with the agent has come to an end. */
  #standing: Promise<void> = Promise.resolve();
  /** Counts candidacies: what an older one says is not listened to. */
  #run = 0;
  #office: Office | undefined;

  /** @param options what it needs */
  constructor(options: CandidateOptions) {
    this.#options = options;
    this.#watch = new LeaderWatch({
      ...options,
      isInOffice: () => this.#office !== undefined,
      onGone: (gone) => this.#candidacy?.suspect(gone),
    });
  }

  /** Whether it leads now: elected, and the term in force at this moment. */
  get isLeader(): boolean {
    return this.#office?.term.valid ?? false;
  }

  /** How it copies as the leader; undefined unless it leads a group whose shards are made of a stream. */
  get copyHealth(): CopyHealth | undefined {
    return this.#office?.copy?.health;
  }

  /** What the leader in it is busy with. */
  get phase(): LeaderPhase {
    return this.#office?.phase ?? "idle";
  }

  /**
   * Begins to run.
   *
   * @throws what the election throws
   */
  start(): Promise<void> {
    const standing = this.#stand();
    this.#standing = standing.catch(() => {});
    return standing;
  }

  /** Another assignment is in force. */
  assignmentChanged(): void {
    this.#watch.assignmentChanged();
  }

  /** After the connection was away: the silence of others proves nothing for a while. */
  excuseAll(): void {
    this.#watch.hold(this.#options.session.config.heartbeatTtlMs);
    this.#office?.leader.excuseAll();
  }

  /**
   * Has the leader, whoever it is, read the partitions again.
   *
   * @returns the generation in force afterwards
   * @throws {PartiError} `PARTI_SOURCE_FAILED`, `PARTI_INVALID_ASSIGNMENT`, `PARTI_NOT_LEADER` or `PARTI_NO_RESPONDERS` while nobody leads, `PARTI_TIMEOUT`
   */
  async refresh(): Promise<number> {
    const { world, config } = this.#options.session;
    const { operationTimeoutMs } = config;
    const office = this.#office;
    if (office !== undefined) {
      return await withDeadline(world.clock, operationTimeoutMs, () => office.leader.refresh());
    }
    return decodeRefreshAnswer(
      await world.messaging.request(
        refreshSubject(config.group),
        REFRESH,
        operationTimeoutMs,
      ),
    );
  }

  /**
   * Ends it.
   *
   * @param how `resign` gives leadership back, so that a successor can start at once; `abandon` leaves everything to expire
   */
  async close(how: "resign" | "abandon"): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#endsHow = how;
    this.#end.abort();
    this.#run++;
    this.#watch.close();
    const candidacy = this.#candidacy;
    this.#candidacy = undefined;
    // Whoever is asked to end must not keep the others from it.
    await Promise.all([
      this.#leaveOffice(undefined),
      this.#attempt(() => candidacy?.[how]()),
      this.#standing,
    ]);
  }

  async #stand(): Promise<void> {
    const run = ++this.#run;
    const candidacy = await this.#options.session.election.run(
      this.#options.self,
      this.#handlers(run),
    );
    // It took its time, and the session is over or this candidacy given up: nobody else would ever end it.
    if (this.#end.signal.aborted) await this.#attempt(() => candidacy[this.#endsHow]());
    else if (run !== this.#run) await this.#attempt(() => candidacy.resign());
    else this.#candidacy = candidacy;
  }

  #handlers(run: number): ElectionHandlers {
    const { events } = this.#options.session;
    const current = () => run === this.#run;
    return {
      onElected: (term) => void (current() && this.#lead(term)),
      onDeposed: (reason) => void (current() && this.#leaveOffice(reason)),
      onLeader: (leader) => {
        if (current()) this.#watch.leaderIs(leader);
      },
      onError: (error) => void (current() && events.onError(error)),
    };
  }

  /** Gives up a candidacy whose leader cannot lead, and runs anew after about `firstPauseMs` milliseconds. */
  #standAgain(reason: string, firstPauseMs = STAND_AGAIN_MS): void {
    if (this.#end.signal.aborted) return;
    void this.#leaveOffice(reason);
    this.#run++;
    const candidacy = this.#candidacy;
    this.#candidacy = undefined;
    const before = this.#standing;
    this.#standing = (async () => {
      await before;
      await this.#attempt(() => candidacy?.resign());
      const { clock, random } = this.#options.session.world;
      const { signal } = this.#end;
      for (let pauseMs = firstPauseMs;; pauseMs = Math.min(pauseMs * 2, STAND_AGAIN_MAX_MS)) {
        await sleep(clock, jitter(random, pauseMs), signal);
        if (signal.aborted || await this.#attempt(() => this.#stand())) return;
      }
    })();
  }

  #lead(term: Term): void {
    void this.#leaveOffice("elected anew");
    try {
      this.#office = this.#takeOffice(term);
    } catch (error) {
      this.#options.session.events.onError(error);
      this.#standAgain(describeError(error));
      return;
    }
    const dead = this.#watch.takeVerdict();
    if (dead !== undefined) {
      this.#office.leader.markDead(dead.instance, "no responders", dead.revision, dead.wasBack);
    }
    this.#options.session.events.onLeadership(true, term.epoch);
  }

  #takeOffice(term: Term): Office {
    const { world, config, events } = this.#options.session;
    const leader = this.#makeLeader(term);
    try {
      const requests = this.#takeRequests(leader);
      const copy = config.consumer?.from && new LeaderCopy(world, config, events);
      return { term, leader, requests, copy, phase: "idle" };
    } catch (error) {
      // Of an office that is not taken nobody would end what it has begun.
      void this.#attempt(() => leader.close());
      throw error;
    }
  }

  #makeLeader(term: Term): GroupLeader {
    const { world, config, leases, assignments, source, strategy, events } = this.#options.session;
    const { recoveringUntilMs, openBuckets } = this.#options.session;
    const run = this.#run;
    // It may say so before it is even made: then the office is taken first and left afterwards.
    const unfit = (error: unknown, pauseMs: number) =>
      void Promise.resolve().then(() => {
        if (run === this.#run) this.#standAgain(describeError(error), pauseMs);
      });
    return new GroupLeader({
      world,
      config,
      self: this.#options.self,
      term,
      leases,
      assignments,
      openBuckets,
      source,
      strategy,
      remembered: this.#options.latest,
      // Elected right after a reconnect: the others may still be on their way back.
      holdForMs: this.#watch.heldForMs,
      recoveringUntilMs,
      onPhase: (phase) => {
        if (this.#office?.term !== term) return;
        this.#office.phase = phase;
        events.onProgress();
      },
      onPublished: (snapshot, movedCount, durationMs) =>
        events.onPublished(snapshot, movedCount, durationMs),
      onRebalanceFailed: (reason, error) => events.onRebalanceFailed(reason, error),
      onProbeMiss: (missed, kind) => events.onProbeMiss(missed, kind),
      onStale: (error) => unfit(error, STAND_AGAIN_MS),
      onUnable: (error) => unfit(error, config.electionTimeoutMs * STAND_BACK_FACTOR),
      onError: events.onError,
      onEvicted: (member, reason) =>
        events.onEvicted(member.record.worker, member.record.instance, reason),
    });
  }

  #takeRequests(leader: GroupLeader): Subscription {
    const { world: { messaging }, config, events } = this.#options.session;
    return messaging.subscribe(refreshSubject(config.group), (notice) => {
      leader.refresh().then(
        (generation) => notice.respond(encodeRefreshed(generation)),
        (error) => notice.respond(encodeRefreshFailure(error)),
      ).catch(events.onError);
    }, events.onError);
  }

  /** Leads no longer. With a reason that is news to the application; without one the session is ending. */
  async #leaveOffice(reason: string | undefined): Promise<void> {
    const office = this.#office;
    if (office === undefined) return;
    const { events } = this.#options.session;
    this.#office = undefined;
    office.requests.close();
    events.onLeadership(false, undefined);
    if (reason !== undefined) {
      events.onError(new PartiError("PARTI_NOT_LEADER", `no longer the leader: ${reason}`));
    }
    await Promise.all([
      this.#attempt(() => office.leader.close()),
      this.#attempt(() => office.copy?.close()),
    ]);
  }

  /** Runs what belongs to others; what it throws is told. True if it threw nothing. */
  async #attempt(run: () => Promise<void> | undefined): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      this.#options.session.events.onError(error);
      return false;
    }
  }
}
