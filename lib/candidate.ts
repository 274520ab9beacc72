/**
 * A session's part in leading: it runs for leadership, leads while elected, watches whoever leads instead, and passes requests on
 * to the leader.
 *
 * An elected candidate that cannot lead would be the worst of all: it keeps the lease fresh and the group without a leader. So
 * whenever leading ends for another reason than the election's own word, the candidacy is given up and begun anew.
 *
 * @module
 */
import { GroupLeader, type LeaderPhase } from "./assignment/group_leader.ts";
import type { Snapshot } from "./assignment/snapshot.ts";
import { withDeadline } from "./assignment/sources/deadline.ts";
import { decodeJsonObject, encodeJson } from "./codec.ts";
import { describeError, isPartiError, PartiError } from "./errors.ts";
import type {
  Candidacy,
  Candidate as Person,
  ElectionHandlers,
  Term,
} from "./leadership/election_agent.ts";
import { Prober } from "./membership/prober.ts";
import { refreshSubject } from "./names.ts";
import { sleep } from "./ports/clock.ts";
import type { Subscription } from "./ports/messaging.ts";
import { jitter } from "./ports/random.ts";
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
  phase: LeaderPhase;
}

/** So many workers besides the leader keep an eye on it: enough to notice, too few to be a load. */
const LEADER_WATCHERS = 3;
const STAND_AGAIN_MS = 200;
const STAND_AGAIN_MAX_MS = 5_000;

/** Runs for leadership as long as the session lasts. */
export class Candidate {
  readonly #options: CandidateOptions;
  readonly #prober: Prober;
  readonly #end = new AbortController();
  #endsHow: "resign" | "abandon" = "abandon";
  #candidacy: Candidacy | undefined;
  /** Settles when whatever is under way with the agent has come to an end. */
  #standing: Promise<void> = Promise.resolve();
  /** Counts candidacies: what an older one says is not listened to. */
  #run = 0;
  #office: Office | undefined;
  #knownLeader: Person | undefined;
  #deadLeader: { readonly instance: string; readonly untilMs: number } | undefined;

  /** @param options what it needs */
  constructor(options: CandidateOptions) {
    this.#options = options;
    const { world, config, events } = options.session;
    this.#prober = new Prober({
      group: config.group,
      clock: world.clock,
      random: world.random,
      messaging: world.messaging,
      ...config.probe,
      targets: () => this.#probed(),
      onGone: (gone) => {
        // A verdict ages: whoever still leads an hour later was not dead.
        const untilMs = world.clock.monotonicMs() + config.electionTimeoutMs;
        this.#deadLeader = { instance: gone, untilMs };
        this.#candidacy?.suspect(gone);
      },
      onMiss: (missed, kind) => events.onProbeMiss(missed, kind),
    });
  }

  /** Whether it leads now: elected, and the term in force at this moment. */
  get isLeader(): boolean {
    return this.#office?.term.valid ?? false;
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

  /** After the connection was away: the silence of others proves nothing for a while. */
  excuseAll(): void {
    this.#prober.hold(this.#options.session.config.heartbeatTtlMs);
    this.#office?.leader.excuseAll();
  }

  /**
   * Has the leader, whoever it is, read the partitions again.
   *
   * @returns the generation in force afterwards
   * @throws {PartiError} `PARTI_SOURCE_FAILED`, `PARTI_NOT_LEADER` or `PARTI_NO_RESPONDERS` while nobody leads, `PARTI_TIMEOUT`
   */
  async refresh(): Promise<number> {
    const { world, config } = this.#options.session;
    const { operationTimeoutMs } = config;
    const office = this.#office;
    if (office !== undefined) {
      return await withDeadline(world.clock, operationTimeoutMs, () => office.leader.refresh());
    }
    const answer = decodeJsonObject(
      await world.messaging.request(
        refreshSubject(config.group),
        new Uint8Array(),
        operationTimeoutMs,
      ),
    );
    const generation = answer?.["generation"];
    if (typeof generation === "number") return generation;
    const code = answer?.["code"] === "PARTI_SOURCE_FAILED"
      ? "PARTI_SOURCE_FAILED"
      : "PARTI_NOT_LEADER";
    throw new PartiError(code, "the leader could not refresh the partitions", {
      value: answer?.["error"],
    });
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
    this.#prober.close();
    const candidacy = this.#candidacy;
    this.#candidacy = undefined;
    // Whoever is asked to end must not keep the others from it.
    await Promise.all([
      this.#leaveOffice(undefined),
      this.#attempt(() => candidacy?.[how]()),
      this.#standing,
    ]);
  }

  /** The leader, if this worker is one of the few that watch it. */
  #probed(): readonly string[] {
    const leader = this.#knownLeader;
    const { instance } = this.#options.self;
    if (leader === undefined || this.#office !== undefined || leader.instance === instance) {
      return [];
    }
    const others = (this.#options.latest()?.workers ?? [])
      .filter((worker) => worker.instance !== leader.instance)
      .map((worker) => worker.instance);
    const place = others.indexOf(instance);
    // Nobody listed, or not listed oneself: at the beginning everybody watches.
    return place < 0 || place < LEADER_WATCHERS ? [leader.instance] : [];
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
        if (current()) this.#knownLeader = leader;
      },
      onError: (error) => void (current() && events.onError(error)),
    };
  }

  /** Gives up a candidacy whose leader cannot lead, and runs anew. */
  #standAgain(reason: string): void {
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
      for (let pauseMs = STAND_AGAIN_MS;; pauseMs = Math.min(pauseMs * 2, STAND_AGAIN_MAX_MS)) {
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
    const dead = this.#deadLeader;
    if (dead !== undefined && this.#options.session.world.clock.monotonicMs() < dead.untilMs) {
      this.#office.leader.markDead(dead.instance, "no responders");
    }
    this.#deadLeader = undefined;
    this.#options.session.events.onLeadership(true, term.epoch);
  }

  #takeOffice(term: Term): Office {
    const { world, config, leases, assignments, source, strategy, events } = this.#options.session;
    const run = this.#run;
    const leader = new GroupLeader({
      world,
      config,
      self: this.#options.self,
      term,
      leases,
      assignments,
      source,
      strategy,
      remembered: this.#options.latest,
      // Elected right after a reconnect: the others may still be on their way back.
      holdForMs: this.#prober.heldForMs,
      onPhase: (phase) => {
        if (this.#office?.term !== term) return;
        this.#office.phase = phase;
        events.onProgress();
      },
      onPublished: (snapshot, movedCount, durationMs) =>
        events.onPublished(snapshot, movedCount, durationMs),
      onRebalanceFailed: (reason, error) => events.onRebalanceFailed(reason, error),
      onProbeMiss: (missed, kind) => events.onProbeMiss(missed, kind),
      // It may say so before it is even made: then the office is taken first and left afterwards.
      onStale: (error) =>
        void Promise.resolve().then(() => {
          if (run === this.#run) this.#standAgain(describeError(error));
        }),
      onError: events.onError,
      onEvicted: (member, reason) =>
        events.onEvicted(member.record.worker, member.record.instance, reason),
    });
    const subject = refreshSubject(config.group);
    const requests = world.messaging.subscribe(subject, (notice) => {
      leader.refresh().then(
        (generation) => notice.respond(encodeJson({ generation })),
        (error) =>
          notice.respond(
            encodeJson({
              error: describeError(error),
              code: isPartiError(error) ? error.code : undefined,
            }),
          ),
      ).catch(events.onError);
    });
    return { term, leader, requests, phase: "idle" };
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
    await this.#attempt(() => office.leader.close());
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
