/**
 * The leader's work: a level-triggered loop that compares who is alive with what is assigned, and publishes until they agree.
 * No event has to be seen: every wake-up looks at everything, and what failed is tried again. There is one look at a time, so
 * nothing computed from an older state of the world is published after something newer.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import { rightful } from "./attendance.ts";
import { ChunkSweep } from "./chunk_sweep.ts";
import { computeNext, imbalanceOf } from "./computation.ts";
import type { GroupLeaderOptions } from "./group_leader_options.ts";
import { Liveness } from "./liveness.ts";
import { LookLoop } from "./look_loop.ts";
import type { PlannerDecision } from "./planner.ts";
import { Progress } from "./progress.ts";
import { Publication } from "./publication.ts";
import { RefreshWaiters } from "./refresh_waiters.ts";
import { callRoll } from "./roll_call.ts";
import { Setbacks } from "./setbacks.ts";
import { type Findings, Situation } from "./situation.ts";
import type { RebalanceReason, Snapshot } from "../snapshot.ts";
import type { StoredPart } from "../snapshot_parts.ts";
import { type Layout, layoutFor } from "../snapshot_store.ts";
import type { GuardedSource } from "../sources/guarded_source.ts";

export type { GroupLeaderOptions, LeaderPhase } from "./group_leader_options.ts";

/** When to try again what an otherwise good look could not do, in milliseconds. */
const RETRY_MS = 100;
/** How long further verdicts are waited for after one, in milliseconds: nothing against the time that it took to come. */
const VERDICTS_MS = 10;
/** A chunk of the assignment that stays missing for so many tries is lost. */
const UNREADABLE_TRIES = 5;

/** What the term has opened once the assignment was taken over. */
interface Claimed {
  publication: Publication;
  readonly source: GuardedSource;
  readonly sourceWatch: { close(): Promise<void> };
}

/** Runs one term of leadership. */
export class GroupLeader {
  readonly #options: GroupLeaderOptions;
  readonly #liveness: Liveness;
  readonly #situation: Situation;
  readonly #progress: Progress;
  readonly #loop: LookLoop;
  readonly #sweep: ChunkSweep;
  readonly #layout: Layout;
  readonly #ready = Promise.withResolvers<void>();
  #claimed: Claimed | undefined;
  /** The parts that tries to take over have written. */
  readonly #written: StoredPart[] = [];
  #remembered: Snapshot | undefined;
  #unreadable = 0;
  #reopening: Promise<void> | undefined;
  readonly #refreshWaiters = new RefreshWaiters();
  readonly #setbacks = new Setbacks();
  #beginning: Promise<unknown> | undefined;

  /** @param options what it needs */
  constructor(options: GroupLeaderOptions) {
    this.#options = options;
    const { world, config, self } = options;
    const { clock, random } = world;
    this.#situation = new Situation(self.instance, config, clock.monotonicMs());
    this.#progress = new Progress(options.onPhase);
    this.#layout = layoutFor(world.buggify);
    this.#loop = new LookLoop({
      clock,
      random,
      look: () => this.#look(),
      onFailure: (error) => this.#recover(error),
    });
    this.#sweep = new ChunkSweep((error) => {
      if (this.#loop.ended) return;
      options.onError(error);
      this.#loop.wakeBy(clock.monotonicMs() + RETRY_MS);
    });
    // Most terms end without anybody waiting for their beginning.
    this.#ready.promise.catch(() => {});
    this.#liveness = new Liveness(options, {
      onChange: () => this.#loop.wake(),
      // Verdicts of one round come within milliseconds: whole racks die, and that is one rebalance.
      onVerdict: () => this.#loop.wakeBy(clock.monotonicMs() + VERDICTS_MS),
    });
    this.#loop.wake();
  }

  /**
   * Takes it as known that this instance is dead; evicted at the next look, unless its lease was renewed since.
   *
   * @param instance whose death it is
   * @param reason for people
   * @param revision of its lease, when it was known to be dead
   * @param wasBack whether it had been there since this worker's own connection was back: then nobody waits for its return from an outage
   */
  markDead(instance: string, reason: string, revision: number, wasBack = false): void {
    this.#liveness.condemn(instance, reason, revision, wasBack);
    this.#loop.wake();
  }

  /** After the leader's own connection was away: silence of others proves nothing for a while. */
  excuseAll(): void {
    this.#liveness.excuseAll();
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
    const answered = this.#refreshWaiters.wait();
    this.#loop.wake();
    return await answered;
  }

  /** Ends the term's work. Nothing is published any more once this has been called, but for a write under way, which is waited for. */
  async close(): Promise<void> {
    this.#end();
    this.#liveness.end();
    await Promise.all([
      this.#claimed?.sourceWatch.close(),
      this.#liveness.close(),
      this.#loop.idle(),
      this.#beginning,
      this.#reopening,
      this.#sweep.idle(),
    ]);
  }

  #end(): void {
    this.#loop.end();
    this.#ready.reject(ended());
    this.#refreshWaiters.refuse(ended());
  }

  /** A look failed. As long as the term is in force the next one follows soon; afterwards there is none. */
  #recover(error: unknown): void {
    const { world, term, onStale, onUnable, onError } = this.#options;
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
    if (isPartiError(error, "PARTI_NOT_FOUND", "PARTI_NO_RESPONDERS")) this.#reopen();
    onError(error);
    const isUnable = this.#setbacks.failed(error, world.clock.monotonicMs());
    if (!isUnable && !world.buggify("unable-early", 0.1)) return;
    this.#end();
    onUnable(error);
  }

  /**
   * The bucket may be gone, which nobody but the leader would notice, and make it anew, before a worker joins. Or it is without a leader of its
   * own for a moment: no look waits for this. Never rejects.
   */
  #reopen(): void {
    const { openBuckets, onError } = this.#options;
    this.#reopening ??= openBuckets().then(() => {}, (error) => {
      if (!this.#loop.ended) onError(error);
    }).finally(() => this.#reopening = undefined);
  }

  /** One look at everything. */
  async #look(): Promise<void> {
    const { term, world } = this.#options;
    if (!term.valid) throw new PartiError("PARTI_NOT_LEADER", "the leader's lease is over");
    if (world.buggify("look-fails", 0.1)) throw new PartiError("PARTI_TIMEOUT", "on purpose");
    this.#claimed ??= await this.#claim();
    this.#ready.resolve();
    if (this.#loop.ended || !this.#liveness.initialized) return;
    const isDone = await this.#liveness.evictAll();
    if (this.#loop.ended) return;
    if (!isDone) this.#loop.wakeBy(world.clock.monotonicMs() + RETRY_MS);
    this.#sweep.start(this.#claimed.publication);
    // Not waited for: an emergency must not wait for a database. News wake the leader.
    void this.#claimed.source.refresh();
    const found = this.#survey(this.#claimed);
    const decision = this.#situation.decide(found);
    if (decision.kind === "rebalance") await this.#rebalance(decision.reason, found);
    else if (this.#claimed.publication.inDoubt) {
      return await this.#settle(this.#claimed.publication);
    }
    if (this.#loop.ended) return;
    // Having to wait proves nothing: what failed before may fail again.
    if (decision.kind !== "wait") this.#setbacks.succeeded();
    this.#answerRefresh(decision);
    this.#follow(decision);
    // Who is late may be unable to read it: they look again where it lies anew.
    if (this.#progress.isOverdue) await this.#claimed.publication.renew();
    this.#progress.renewed();
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
      written: this.#written,
      layout: this.#layout,
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
    const members = rightful(this.#liveness.members);
    const found: Findings = {
      nowMs: this.#options.world.clock.monotonicMs(),
      members,
      snapshot,
      partitions: claimed.source.known ? claimed.source.partitions : undefined,
      refreshRequested: this.#refreshWaiters.any,
      recoveringUntilMs: this.#options.recoveringUntilMs?.(),
      wasBack: (instance) => this.#liveness.wasBack(instance),
    };
    for (const instance of this.#situation.take(found)) this.#bury(instance, found);
    this.#beginning ??= this.#begin(found);
    return found;
  }

  /**
   * The dead worker's lanes are freed while the new assignment is on its way. Dead for certain, even if nobody has evicted it, is
   * whoever has come back as another instance, or was missing before this term.
   */
  #bury(instance: string, found: Findings): void {
    const part = found.snapshot.workers.find((worker) => worker.instance === instance);
    const isBack = found.members.some((member) => member.record.worker === part?.id);
    const isKnownDead = isBack || this.#beginning === undefined;
    this.#liveness.bury(instance, part?.partitions ?? [], isKnownDead);
  }

  /** What a term begins with, in the background. Never rejects. */
  async #begin(found: Findings): Promise<void> {
    const { config, self, world } = this.#options;
    // The last leader may have died between a verdict and the rest.
    this.#liveness.sweep();
    const listed = found.snapshot.workers.map((worker) => worker.instance);
    // A leader that is not of the group has to find out whether the group is alive, or only written.
    const roll = listed.includes(self.instance) ? [] : listed;
    const how = { messaging: world.messaging, group: config.group, ...config.probe };
    await callRoll(
      how,
      roll,
      (instance) => void (this.#situation.hear(instance) && this.#loop.wake()),
    );
  }

  async #rebalance(reason: RebalanceReason, found: Findings): Promise<void> {
    try {
      await this.#publishNext(reason, found);
    } catch (error) {
      if (!this.#loop.ended) this.#options.onRebalanceFailed?.(reason, error);
      this.#refreshWaiters.refuse(error);
      throw error;
    }
  }

  async #publishNext(reason: RebalanceReason, found: Findings): Promise<void> {
    const { world, self, strategy, term, onError } = this.#options;
    const { publication } = this.#claimed!;
    const startedAtMs = world.clock.monotonicMs();
    const members = found.members.map((member) => member.record);
    const { snapshot, movedCount } = computeNext({
      before: found.snapshot,
      generation: publication.nextGeneration,
      members,
      partitions: found.partitions ?? [],
      strategy,
      leader: self,
      reason,
      nowMs: world.clock.wallMs(),
    }, (error) => {
      onError(error);
      // What is new is still to be placed.
      this.#loop.wake();
    });
    const isNoBetter = reason === "imbalance" &&
      imbalanceOf(snapshot, members) >= imbalanceOf(found.snapshot, members);
    if (isNoBetter) return this.#situation.settled(found.snapshot, found.members);
    this.#progress.begin(reason === "emergency");
    if (!term.valid) throw new PartiError("PARTI_NOT_LEADER", "the leader's lease is over");
    this.#situation.tries(snapshot, found.members, startedAtMs);
    const inForce = await publication.publish(snapshot);
    const nowMs = world.clock.monotonicMs();
    this.#progress.published(nowMs);
    this.#situation.published(inForce, nowMs);
    // An earlier try had been applied after all: look again from there.
    if (inForce !== snapshot) this.#loop.wake();
    if (this.#loop.ended) return;
    this.#options.onPublished(inForce, inForce === snapshot ? movedCount : 0, nowMs - startedAtMs);
  }

  /**
   * There is nothing to do as far as known, but the last write is in doubt: the group may live by what it said, and nothing would ever tell.
   */
  async #settle(publication: Publication): Promise<void> {
    const { snapshot } = publication;
    const inForce = await publication.settle();
    if (inForce !== snapshot) {
      this.#situation.published(inForce, this.#options.world.clock.monotonicMs());
      if (!this.#loop.ended) this.#options.onPublished(inForce, 0, 0);
    }
    this.#loop.wake();
  }

  /** Shows the phase and sees to the next look. */
  #follow(decision: PlannerDecision): void {
    const nowMs = this.#options.world.clock.monotonicMs();
    const { snapshot } = this.#claimed!.publication;
    const dueMs = this.#progress.follow(decision, snapshot, this.#liveness.members, nowMs);
    if (dueMs !== undefined) this.#loop.wakeBy(dueMs);
    // Renewals are signs of life too, but nobody is woken by them.
    if (decision.kind === "wait" && this.#situation.firstOfTerm) {
      this.#loop.wakeBy(nowMs + this.#options.config.heartbeatIntervalMs);
    }
  }

  /** Whoever asked for a fresh look is answered, unless what it found is still to come: it has to wait, or was found during a publication. */
  #answerRefresh(decision: PlannerDecision): void {
    const { publication, source } = this.#claimed!;
    const { snapshot } = publication;
    const isToCome = decision.kind !== "idle" &&
      this.#situation.partitionsDiffer({ snapshot, partitions: source.partitions });
    if (isToCome) return;
    this.#refreshWaiters.answer(snapshot.generation);
  }
}

function ended(): PartiError {
  return new PartiError("PARTI_NOT_LEADER", "leadership has ended");
}
