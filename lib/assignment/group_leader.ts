/**
 * The leader's work: a level-triggered loop that compares who is alive with what is assigned, and publishes until they agree.
 * No event has to be seen: every wake-up looks at everything, and what failed is tried again.
 *
 * @module
 */
import type { GroupConfig } from "../config.ts";
import { isPartiError, PartiError } from "../errors.ts";
import type { Term } from "../leadership/election_agent.ts";
import { Prober } from "../membership/prober.ts";
import { type Member, Roster } from "../membership/roster.ts";
import type { KvBucket } from "../ports/kv.ts";
import type { Timer } from "../ports/clock.ts";
import { jitter } from "../ports/random.ts";
import type { World } from "../ports/world.ts";
import { announceRelease } from "../consumption/release_notices.ts";
import { LaneReaper } from "./lane_reaper.ts";
import type { AssignmentStrategy } from "./partition.ts";
import { plan, type PlannerDecision } from "./planner.ts";
import { computeSnapshot, differsFromSource } from "./computation.ts";
import { Publication } from "./publication.ts";
import type { RebalanceReason, Snapshot } from "./snapshot.ts";
import type { SourceView } from "./source_view.ts";

/** What the leader is busy with, as the manager shows it. */
export type LeaderPhase = "idle" | "scaling" | "rebalancing" | "emergency";

/** What the leader needs. */
export interface GroupLeaderOptions {
  /** The world. */
  readonly world: World;
  /** The group's configuration. */
  readonly config: GroupConfig;
  /** The leader itself. */
  readonly self: { readonly worker: string; readonly instance: string };
  /** Its term. */
  readonly term: Term;
  /** The lease bucket. */
  readonly leases: KvBucket;
  /** The assignment bucket. */
  readonly assignments: KvBucket;
  /** Where partitions come from. */
  readonly source: SourceView;
  /** Who gets what. */
  readonly strategy: AssignmentStrategy;
  /** Told when the phase changes. */
  readonly onPhase: (phase: LeaderPhase) => void;
  /** Told after each publication. */
  readonly onPublished: (snapshot: Snapshot, movedCount: number, durationMs: number) => void;
  /** Told when a rebalance failed; it is tried again. */
  readonly onRebalanceFailed?: (reason: RebalanceReason, error: unknown) => void;
  /** Told each time a worker did not answer a probe. */
  readonly onProbeMiss?: (instance: string, kind: "no-responders" | "timeout") => void;
  /** Told when this leader must not go on: its epoch is over. */
  readonly onStale: (error: unknown) => void;
  /** Told when something failed and will be tried again. */
  readonly onError: (error: unknown) => void;
  /** Told of each worker judged dead. */
  readonly onEvicted?: (member: Member, reason: string) => void;
}

const RETRY_MS = 100;
const RETRY_MAX_MS = 5_000;
/** Workers that have not applied a generation after this long are waited for no longer before the leader calls it done. */
const APPLY_PATIENCE_MS = 10_000;

/** Runs one term of leadership. */
export class GroupLeader {
  readonly #options: GroupLeaderOptions;
  readonly #roster: Roster;
  readonly #prober: Prober;
  readonly #reaper: LaneReaper;
  readonly #dead = new Map<string, string>();
  #publication: Publication | undefined;
  #sourceWatch: { close(): void | Promise<void> } | undefined;
  #refreshWaiters: { resolve(generation: number): void; reject(error: unknown): void }[] = [];
  #refreshRequested = false;
  #firstOfTerm = true;
  #firstLook = true;
  #phase: LeaderPhase = "idle";
  #rosterChangedAtMs: number;
  #rosterShape = "";
  #differenceSinceMs: number | undefined;
  #lastRebalanceAtMs: number | undefined;
  #appliedWaitSinceMs: number | undefined;
  #timer: Timer | undefined;
  #running = false;
  #again = false;
  #failures = 0;
  #closed = false;

  /** @param options what it needs */
  constructor(options: GroupLeaderOptions) {
    this.#options = options;
    const { world, config, self, leases } = options;
    this.#rosterChangedAtMs = world.clock.monotonicMs();
    this.#roster = new Roster({
      bucket: leases,
      clock: world.clock,
      random: world.random,
      ttlMs: config.heartbeatTtlMs,
      relistEveryMs: config.heartbeatTtlMs * 2,
      onChange: () => this.#wake(),
      onError: options.onError,
    });
    this.#prober = new Prober({
      group: config.group,
      clock: world.clock,
      random: world.random,
      messaging: world.messaging,
      ...config.probe,
      targets: () =>
        this.#roster.members.map((member) => member.record.instance).filter((instance) =>
          instance !== self.instance
        ),
      onGone: (instance) => this.markDead(instance, "no responders"),
      onMiss: (instance, kind) => options.onProbeMiss?.(instance, kind),
    });
    this.#reaper = new LaneReaper({
      feed: world.feed,
      group: config.group,
      stream: config.consumer?.stream,
      onError: options.onError,
    });
    this.#sourceWatch = options.source.watch(() => this.#wake());
    this.#wake();
  }

  /** Takes it as known that this instance is dead; evicted at the next look, unless its lease was renewed since. */
  markDead(instance: string, reason: string): void {
    if (instance === this.#options.self.instance) return;
    this.#dead.set(instance, reason);
    this.#wake();
  }

  /** After the leader's own connection was away: silence of others proves nothing for a while. */
  excuseAll(): void {
    this.#roster.excuseAll();
    this.#dead.clear();
    this.#prober.hold(this.#options.config.heartbeatTtlMs);
    void this.#roster.relist().catch(this.#options.onError);
  }

  /**
   * Reads the partition source again and publishes if it differs.
   *
   * @returns the generation in force afterwards
   */
  refresh(): Promise<number> {
    if (this.#closed) {
      return Promise.reject(new PartiError("PARTI_NOT_LEADER", "leadership has ended"));
    }
    this.#refreshRequested = true;
    return new Promise((resolve, reject) => {
      this.#refreshWaiters.push({ resolve, reject });
      this.#wake();
    });
  }

  /** Ends the term's work; publishes nothing any more. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#prober.close();
    const waiters = this.#refreshWaiters.splice(0);
    for (const waiter of waiters) {
      waiter.reject(new PartiError("PARTI_NOT_LEADER", "leadership has ended"));
    }
    await this.#sourceWatch?.close();
    await this.#roster.close();
  }

  #wake(): void {
    if (this.#closed) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    do {
      this.#again = false;
      this.#timer?.cancel();
      try {
        await this.#look();
        this.#failures = 0;
      } catch (error) {
        if (this.#closed) break;
        if (isPartiError(error, "PARTI_STALE_EPOCH", "PARTI_NOT_LEADER")) {
          this.#options.onStale(error);
          break;
        }
        this.#failures++;
        this.#options.onError(error);
        const { clock, random } = this.#options.world;
        const delayMs = Math.min(RETRY_MS * 2 ** Math.min(this.#failures, 10), RETRY_MAX_MS);
        this.#timer = clock.setTimer(jitter(random, delayMs), () => this.#wake());
        break;
      }
    } while (this.#again && !this.#closed);
    this.#running = false;
  }

  /** One look at everything. */
  async #look(): Promise<void> {
    const options = this.#options;
    if (!options.term.valid) {
      throw new PartiError("PARTI_NOT_LEADER", "the leader's lease is over");
    }
    this.#publication ??= await Publication.claim(
      options.assignments,
      options.self,
      options.term,
      options.world.clock.wallMs(),
    );
    if (!this.#roster.initialized) return;
    // At the beginning of a term too: the last leader may have died between the verdict and this.
    const evictedNow = await this.#evictDead() || this.#firstLook;
    this.#firstLook = false;
    // The dead worker's lanes are freed while the new assignment is on its way: their messages are deliverable at once.
    if (evictedNow) void this.#reap();
    await this.#readSource();
    const decision = this.#decide();
    if (decision.kind === "rebalance") await this.#rebalance(decision.reason);
    this.#answerRefresh();
    this.#follow(decision);
  }

  /** Reads the partitions if there is reason to; a failing source is told to whoever asked and stops nothing. */
  async #readSource(): Promise<void> {
    try {
      await this.#options.source.refresh(this.#refreshRequested);
    } catch (error) {
      this.#refreshRequested = false;
      for (const waiter of this.#refreshWaiters.splice(0)) waiter.reject(error);
    }
  }

  /** Ends the leases of everybody judged dead: probed twice without responder, or silent for a TTL. */
  async #evictDead(): Promise<boolean> {
    let any = false;
    for (const member of this.#roster.members) {
      const { instance } = member.record;
      if (instance === this.#options.self.instance) continue;
      const reason = this.#dead.get(instance) ??
        (this.#roster.isLapsed(member) ? "lease not renewed" : undefined);
      if (reason === undefined) continue;
      this.#dead.delete(instance);
      if (await this.#roster.evict(member)) {
        any = true;
        this.#options.onEvicted?.(member, reason);
      }
    }
    return any;
  }

  async #reap(): Promise<void> {
    const living = new Set(this.#roster.members.map((member) => member.record.instance));
    living.add(this.#options.self.instance);
    const owned = this.#current().workers;
    const reaped = new Set(await this.#reaper.reap((instance) => living.has(instance)));
    // On behalf of the dead: what they held is free.
    for (const { instance, partitions } of owned) {
      if (!reaped.has(instance)) continue;
      announceRelease(
        this.#options.world.messaging,
        this.#options.config.group,
        instance,
        partitions,
      );
    }
  }

  #decide(): PlannerDecision {
    const { world, config, source } = this.#options;
    const nowMs = world.clock.monotonicMs();
    const members = this.#roster.members.map(({ record }) => ({
      id: record.worker,
      instance: record.instance,
      leaving: record.leaving,
    }));
    const shape = JSON.stringify(members);
    if (shape !== this.#rosterShape) {
      this.#rosterShape = shape;
      this.#rosterChangedAtMs = nowMs;
    }
    const snapshot = this.#current();
    const partitionsChanged = source.known && differsFromSource(snapshot, source.partitions);
    const decision = !source.known ? { kind: "idle" as const } : plan({
      nowMs,
      members,
      assigned: snapshot.workers.map((worker) => ({
        id: worker.id,
        instance: worker.instance,
        partitionCount: worker.partitions.length,
      })),
      partitionsChanged,
      refreshRequested: this.#refreshRequested,
      firstOfTerm: this.#firstOfTerm,
      rosterChangedAtMs: this.#rosterChangedAtMs,
      differenceSinceMs: this.#differenceSinceMs,
      lastRebalanceAtMs: this.#lastRebalanceAtMs,
    }, {
      coldStartWindowMs: config.coldStartWindowMs,
      plannedScaleWindowMs: config.plannedScaleWindowMs,
      settleMs: config.settleMs,
      minRebalanceIntervalMs: config.assignment.minRebalanceIntervalMs,
      restartDetectionRatio: config.restartDetectionRatio,
    });
    if (decision.kind === "idle") this.#differenceSinceMs = undefined;
    else this.#differenceSinceMs ??= nowMs;
    return decision;
  }

  async #rebalance(reason: RebalanceReason): Promise<void> {
    try {
      await this.#publishNext(reason);
    } catch (error) {
      this.#options.onRebalanceFailed?.(reason, error);
      throw error;
    }
  }

  async #publishNext(reason: RebalanceReason): Promise<void> {
    const { world, self, source, strategy, term } = this.#options;
    const startedAtMs = world.clock.monotonicMs();
    this.#setPhase(reason === "emergency" ? "emergency" : "rebalancing");
    const before = this.#current();
    const { snapshot, movedCount } = computeSnapshot({
      before,
      members: this.#roster.members.map((member) => member.record),
      partitions: source.partitions,
      strategy,
      leader: self,
      reason,
      nowMs: world.clock.wallMs(),
    });
    if (!term.valid) throw new PartiError("PARTI_NOT_LEADER", "the leader's lease is over");
    await this.#publication!.publish(snapshot);
    this.#firstOfTerm = false;
    this.#differenceSinceMs = undefined;
    this.#lastRebalanceAtMs = world.clock.monotonicMs();
    this.#appliedWaitSinceMs = this.#lastRebalanceAtMs;
    this.#options.onPublished(snapshot, movedCount, this.#lastRebalanceAtMs - startedAtMs);
  }

  /** Shows the phase and sets the next wake-up. */
  #follow(decision: PlannerDecision): void {
    const { clock } = this.#options.world;
    const nowMs = clock.monotonicMs();
    if (decision.kind === "wait") {
      this.#setPhase("scaling");
      this.#timer = clock.setTimer(Math.max(0, decision.untilMs - nowMs), () => this.#wake());
      return;
    }
    const { retryAtMs } = this.#options.source;
    if (retryAtMs !== undefined) {
      this.#timer = clock.setTimer(Math.max(1, retryAtMs - nowMs), () => this.#wake());
    }
    if (this.#appliedWaitSinceMs === undefined) return this.#setPhase("idle");
    const leftMs = this.#appliedWaitSinceMs + APPLY_PATIENCE_MS - nowMs;
    if (this.#allApplied() || leftMs <= 0) {
      this.#appliedWaitSinceMs = undefined;
      this.#setPhase("idle");
    } else if (retryAtMs === undefined) {
      this.#timer = clock.setTimer(leftMs, () => this.#wake());
    }
  }

  #allApplied(): boolean {
    const { generation, workers } = this.#current();
    const assigned = new Set(workers.map((worker) => worker.instance));
    return this.#roster.members.every(({ record }) =>
      !assigned.has(record.instance) || record.applied >= generation
    );
  }

  #answerRefresh(): void {
    this.#refreshRequested = false;
    const { generation } = this.#current();
    for (const waiter of this.#refreshWaiters.splice(0)) waiter.resolve(generation);
  }

  #current(): Snapshot {
    if (this.#publication === undefined) {
      throw new PartiError("PARTI_INVARIANT", "no assignment has been claimed yet");
    }
    return this.#publication.snapshot;
  }

  #setPhase(phase: LeaderPhase): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#options.onPhase(phase);
  }
}
