/**
 * The leader's work: a level-triggered loop that compares who is alive with what is assigned, and publishes until they agree.
 * No event has to be seen: every wake-up looks at everything, and what failed is tried again. There is one look at a time, so
 * nothing computed from an older state of the world is published after something newer.
 *
 * @module
 */
import { announceRelease } from "../consumption/release_notices.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { Prober } from "../membership/prober.ts";
import { Roster } from "../membership/roster.ts";
import { rightful } from "./attendance.ts";
import { computeSnapshot, imbalanceOf } from "./computation.ts";
import { Evictor } from "./evictor.ts";
import type { GroupLeaderOptions } from "./group_leader_options.ts";
import { LaneReaper } from "./lane_reaper.ts";
import { LaneSweeper } from "./lane_sweeper.ts";
import { LookLoop } from "./look_loop.ts";
import type { PlannerDecision } from "./planner.ts";
import { Progress } from "./progress.ts";
import { Publication } from "./publication.ts";
import { callRoll } from "./roll_call.ts";
import { type Findings, Situation } from "./situation.ts";
import type { RebalanceReason, Snapshot } from "./snapshot.ts";
import type { GuardedSource } from "./sources/guarded_source.ts";

export type { GroupLeaderOptions, LeaderPhase } from "./group_leader_options.ts";

/** When to try again what an otherwise good look could not do, in milliseconds. */
const RETRY_MS = 100;
/** How long further verdicts are waited for after one, in milliseconds: nothing against the time that it took to come. */
const VERDICTS_MS = 10;
/** A chunk of the assignment that stays missing for so many tries is lost. */
const UNREADABLE_TRIES = 5;
/** Lanes are looked at without a reason once in so many TTLs. */
const SWEEP_TTLS = 5;

/** What the term has opened once the assignment was taken over. */
interface Claimed {
  publication: Publication;
  readonly source: GuardedSource;
  readonly sourceWatch: { close(): Promise<void> };
}

/** Runs one term of leadership. */
export class GroupLeader {
  readonly #options: GroupLeaderOptions;
  readonly #roster: Roster;
  readonly #prober: Prober;
  readonly #evictor: Evictor;
  readonly #sweeper: LaneSweeper;
  readonly #situation: Situation;
  readonly #progress: Progress;
  readonly #loop: LookLoop;
  readonly #ready = Promise.withResolvers<void>();
  #claimed: Claimed | undefined;
  #remembered: Snapshot | undefined;
  #unreadable = 0;
  /** Evicted by this leader and not buried yet. */
  readonly #proven = new Set<string>();
  #refreshWaiters: { resolve(generation: number): void; reject(error: unknown): void }[] = [];
  #beginning: Promise<unknown> | undefined;

  /** @param options what it needs */
  constructor(options: GroupLeaderOptions) {
    this.#options = options;
    const { world, config, self, leases, onError } = options;
    const { clock, random, messaging, feed } = world;
    const { group } = config;
    this.#situation = new Situation(self.instance, config, clock.monotonicMs());
    this.#progress = new Progress(options.onPhase);
    this.#loop = new LookLoop({
      clock,
      random,
      look: () => this.#look(),
      onFailure: (error) => this.#recover(error),
    });
    // Most terms end without anybody waiting for their beginning.
    this.#ready.promise.catch(() => {});
    this.#roster = new Roster({
      bucket: leases,
      clock,
      random,
      ttlMs: config.heartbeatTtlMs,
      relistEveryMs: config.heartbeatTtlMs * 2,
      onChange: () => this.#loop.wake(),
      onError,
    });
    this.#evictor = new Evictor({
      roster: this.#roster,
      self: self.instance,
      isConnected: () => messaging.connected,
      onEvicted: (member, reason) => {
        this.#proven.add(member.record.instance);
        options.onEvicted?.(member, reason);
      },
      onError,
    });
    this.#prober = new Prober({
      group,
      clock,
      random,
      messaging,
      ...config.probe,
      targets: () => this.#others(),
      onGone: (instance) => this.#suspect(instance),
      onMiss: (instance, kind) => options.onProbeMiss?.(instance, kind),
    });
    this.#prober.hold(options.holdForMs ?? 0);
    const reaper = new LaneReaper({ feed, group, stream: config.consumer?.stream, onError });
    this.#sweeper = new LaneSweeper({
      clock,
      random,
      everyMs: config.heartbeatTtlMs * SWEEP_TTLS,
      reap: (isAlive) => reaper.reap(isAlive),
      isAlive: (instance) => instance === self.instance || this.#others().includes(instance),
      // On behalf of the dead: what they held is free.
      onFreed: (instance, partitions) =>
        announceRelease({ messaging, group, instance }, partitions),
    });
    this.#loop.wake();
  }

  /**
   * Takes it as known that this instance is dead; evicted at the next look, unless its lease was renewed since.
   *
   * @param instance whose death it is
   * @param reason for people
   */
  markDead(instance: string, reason: string): void {
    this.#evictor.condemn(instance, reason);
    this.#loop.wake();
  }

  /** After the leader's own connection was away: silence of others proves nothing for a while. */
  excuseAll(): void {
    this.#roster.excuseAll();
    this.#evictor.pardonAll();
    this.#prober.hold(this.#options.config.heartbeatTtlMs);
    void this.#roster.relist().catch(this.#options.onError);
  }

  /**
   * Reads the partition source again and publishes if it differs.
   *
   * @returns the generation in force afterwards
   * @throws {PartiError} `PARTI_NOT_LEADER` if the term ends meanwhile, `PARTI_SOURCE_FAILED` if the source cannot be read, or why
   * publishing failed; that is tried again
   */
  async refresh(): Promise<number> {
    await this.#ready.promise;
    const problem = (await this.#claimed?.source.refresh(true))?.problem;
    if (this.#loop.ended || this.#claimed === undefined) throw ended();
    if (problem !== undefined) throw problem;
    return await new Promise((resolve, reject) => {
      this.#refreshWaiters.push({ resolve, reject });
      this.#loop.wake();
    });
  }

  /** Ends the term's work. Nothing is published any more once this has been called, but for a write under way, which is waited for. */
  async close(): Promise<void> {
    this.#end();
    this.#prober.close();
    this.#sweeper.close();
    this.#evictor.close();
    await Promise.all([
      this.#claimed?.sourceWatch.close(),
      this.#roster.close(),
      this.#loop.idle(),
      this.#beginning,
    ]);
  }

  /** A verdict of the prober. Those of one round come within milliseconds: whole racks die, and that is one rebalance. */
  #suspect(instance: string): void {
    this.#evictor.condemn(instance, "no responders");
    this.#loop.wakeBy(this.#options.world.clock.monotonicMs() + VERDICTS_MS);
  }

  #end(): void {
    this.#loop.end();
    this.#ready.reject(ended());
    this.#refuseRefresh(ended());
  }

  /** Every other instance with a lease. */
  #others(): string[] {
    const { instance: self } = this.#options.self;
    return this.#roster.members.map((member) => member.record.instance).filter((instance) =>
      instance !== self
    );
  }

  /** A look failed. As long as the term is in force the next one follows soon; afterwards there is none. */
  #recover(error: unknown): void {
    const { term, onStale, onError } = this.#options;
    if (!term.valid) {
      this.#end();
      onStale(error);
      return;
    }
    if (isPartiError(error, "PARTI_STALE_EPOCH") && this.#claimed !== undefined) {
      // Somebody wrote although the term is in force: the bucket was lost, or a successor has taken over and we have not
      // heard of it yet. Taking over again finds out, since that proves the term first.
      this.#remembered = this.#claimed.publication.snapshot;
      void this.#claimed.sourceWatch.close().catch(onError);
      this.#claimed = undefined;
    }
    if (this.#claimed === undefined && isPartiError(error, "PARTI_NOT_FOUND")) this.#unreadable++;
    onError(error);
  }

  /** One look at everything. */
  async #look(): Promise<void> {
    const { term, world } = this.#options;
    if (!term.valid) throw new PartiError("PARTI_NOT_LEADER", "the leader's lease is over");
    this.#claimed ??= await this.#claim();
    this.#ready.resolve();
    if (this.#loop.ended || !this.#roster.initialized) return;
    const isDone = await this.#evictor.evictAll();
    if (this.#loop.ended) return;
    if (!isDone) this.#loop.wakeBy(world.clock.monotonicMs() + RETRY_MS);
    // Not waited for: an emergency must not wait for a database. News wake the leader.
    void this.#claimed.source.refresh();
    const found = this.#survey(this.#claimed);
    const decision = this.#situation.decide(found);
    if (decision.kind === "rebalance") await this.#rebalance(decision.reason, found);
    if (this.#loop.ended) return;
    this.#answerRefresh(decision);
    this.#follow(decision);
  }

  async #claim(): Promise<Claimed> {
    const { assignments, self, term, world, source, remembered } = this.#options;
    const publication = await Publication.claim({
      bucket: assignments,
      leader: self,
      term,
      nowMs: world.clock.wallMs(),
      remembered: this.#remembered ?? remembered?.(),
      acceptLoss: this.#unreadable >= UNREADABLE_TRIES,
    });
    const opened = source.open(publication.snapshot);
    const sourceWatch = opened.watch(() => this.#loop.wake());
    // Closed meanwhile: nobody else would close it.
    if (this.#loop.ended) await sourceWatch.close();
    return { publication, source: opened, sourceWatch };
  }

  /** What there is to be seen; and whoever has gone since the last time is buried. */
  #survey(claimed: Claimed): Findings {
    const { snapshot } = claimed.publication;
    const members = rightful(this.#roster.members);
    const found: Findings = {
      nowMs: this.#options.world.clock.monotonicMs(),
      members,
      snapshot,
      partitions: claimed.source.known ? claimed.source.partitions : undefined,
      refreshRequested: this.#refreshWaiters.length > 0,
    };
    for (const instance of this.#situation.take(found)) this.#bury(instance, found);
    this.#beginning ??= this.#begin(claimed, found);
    return found;
  }

  /**
   * The dead worker's lanes are freed while the new assignment is on its way: their messages are deliverable at once. Proven dead
   * is whoever was evicted by a verdict, has come back as another instance, or was missing before this term.
   */
  #bury(instance: string, found: Findings): void {
    const part = found.snapshot.workers.find((worker) => worker.instance === instance);
    const isBack = found.members.some((member) => member.record.worker === part?.id);
    const isProven = this.#proven.delete(instance) || isBack || this.#beginning === undefined;
    // By the next renewal at the latest a worker knows that its lease is gone.
    const graceMs = isProven ? 0 : this.#options.config.heartbeatIntervalMs;
    this.#sweeper.bury(instance, part?.partitions ?? [], graceMs);
  }

  /** What a term begins with, in the background. Never rejects. */
  async #begin(claimed: Claimed, found: Findings): Promise<void> {
    const { config, self, world, onError } = this.#options;
    // The last leader may have died between a verdict and the rest.
    this.#sweeper.sweep();
    const listed = found.snapshot.workers.map((worker) => worker.instance);
    // A leader that is not of the group has to find out whether the group is alive, or only written.
    const roll = listed.includes(self.instance) ? [] : listed;
    const how = { messaging: world.messaging, group: config.group, ...config.probe };
    await Promise.all([
      callRoll(how, roll, (instance) => void (this.#situation.hear(instance) && this.#loop.wake())),
      claimed.publication.sweep().catch(onError),
    ]);
  }

  async #rebalance(reason: RebalanceReason, found: Findings): Promise<void> {
    try {
      await this.#publishNext(reason, found);
    } catch (error) {
      if (!this.#loop.ended) this.#options.onRebalanceFailed?.(reason, error);
      this.#refuseRefresh(error);
      throw error;
    }
  }

  async #publishNext(reason: RebalanceReason, found: Findings): Promise<void> {
    const { world, self, strategy, term } = this.#options;
    const { publication } = this.#claimed!;
    const startedAtMs = world.clock.monotonicMs();
    const members = found.members.map((member) => member.record);
    const { snapshot, movedCount } = computeSnapshot({
      before: found.snapshot,
      generation: publication.nextGeneration,
      members,
      partitions: found.partitions ?? [],
      strategy,
      leader: self,
      reason,
      nowMs: world.clock.wallMs(),
    });
    const isNoBetter = reason === "imbalance" &&
      imbalanceOf(snapshot, members) >= imbalanceOf(found.snapshot, members);
    if (isNoBetter) return this.#situation.settled(found.snapshot, found.members);
    this.#progress.begin(reason === "emergency");
    if (!term.valid) throw new PartiError("PARTI_NOT_LEADER", "the leader's lease is over");
    const inForce = await publication.publish(snapshot);
    const nowMs = world.clock.monotonicMs();
    this.#progress.published(nowMs);
    if (inForce === snapshot) this.#situation.published(snapshot, found.members, nowMs);
    // An earlier try had been applied after all: look again from there.
    else this.#loop.wake();
    if (this.#loop.ended) return;
    this.#options.onPublished(inForce, inForce === snapshot ? movedCount : 0, nowMs - startedAtMs);
  }

  /** Shows the phase and sees to the next look. */
  #follow(decision: PlannerDecision): void {
    const nowMs = this.#options.world.clock.monotonicMs();
    const { snapshot } = this.#claimed!.publication;
    const dueMs = this.#progress.follow(decision, snapshot, this.#roster.members, nowMs);
    if (dueMs !== undefined) this.#loop.wakeBy(dueMs);
    // Renewals are signs of life too, but nobody is woken by them.
    if (decision.kind === "wait" && this.#situation.firstOfTerm) {
      this.#loop.wakeBy(nowMs + this.#options.config.heartbeatIntervalMs);
    }
  }

  /** Whoever asked for a fresh look is answered, unless what it found still has to wait. */
  #answerRefresh(decision: PlannerDecision): void {
    const { publication, source } = this.#claimed!;
    const { snapshot } = publication;
    const hasToWait = decision.kind === "wait" &&
      this.#situation.partitionsDiffer({ snapshot, partitions: source.partitions });
    if (hasToWait) return;
    for (const waiter of this.#refreshWaiters.splice(0)) waiter.resolve(snapshot.generation);
  }

  #refuseRefresh(error: unknown): void {
    for (const waiter of this.#refreshWaiters.splice(0)) waiter.reject(error);
  }
}

function ended(): PartiError {
  return new PartiError("PARTI_NOT_LEADER", "leadership has ended");
}
