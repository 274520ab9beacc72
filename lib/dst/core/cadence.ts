/**
 * Watches when leaders write: moves without need keep their distance, newcomers wait no longer than the windows are, and the dead are
 * not waited for at all. Every bound is a cautious one: where it cannot be known from outside what the leader could see, nothing is said.
 *
 * @module
 */
import type { RebalanceReason, Snapshot } from "../../assignment/snapshot.ts";
import type { WorkerRecord } from "../../membership/worker_lease.ts";
import type { Assertions } from "../assertions/assertions.ts";
import type { CoreCatalog } from "./catalog.ts";

/** What leaders go by, and how long things take. All times in milliseconds. */
export interface CadenceRules {
  /** See `GroupConfig`. */
  readonly coldStartWindowMs: number;
  /** See `GroupConfig`. */
  readonly plannedScaleWindowMs: number;
  /** See `GroupConfig`. */
  readonly minRebalanceIntervalMs: number;
  /** See `GroupConfig`. */
  readonly emergencyGracePeriodMs: number;
  /** How long a leader that comes back from an outage may wait for others. */
  readonly recoveryGracePeriodMs: number;
  /** How long a leader may take to see something and to write what follows from it. */
  readonly slackMs: number;
}

/** What a leader does without need. */
const PLANNED: readonly RebalanceReason[] = ["planned_scale", "partition_change", "imbalance"];
/** The slowest clock still shows this share of the true time. */
const SLOWEST_CLOCK = 0.97;
/** Whoever said that it wants to go counts for so long after it has gone: the leader may have looked before. */
const LEAVER_MS = 10_000;

/** The present term, as seen from what it writes. */
interface Term {
  readonly epoch: number;
  readonly instance: string;
  readonly sinceMs: number;
  /** It has written a generation of its own. */
  hasPublished: boolean;
  /** When it last began the group anew. */
  startedAtMs: number;
  /** When it last moved something without need, as far as that is certain. */
  plannedAtMs: number;
}

/** Sees when assignments are written. */
export class Cadence {
  readonly #assertions: Assertions<CoreCatalog>;
  readonly #rules: CadenceRules;
  #term: Term | undefined;
  #disturbedUntilMs = 0;
  /** Since when there has been a lease of each instance that no assignment names yet. */
  readonly #newcomers = new Map<string, number>();
  /** Since when partitions have belonged to an instance without a lease. */
  readonly #gone = new Map<string, number>();
  /** When each instance that wants to go was last heard of. */
  readonly #leavers = new Map<string, number>();
  #owners = new Map<string, number>();
  #listed = new Set<string>();

  /**
   * @param assertions where it tells what it finds
   * @param rules what leaders go by
   */
  constructor(assertions: Assertions<CoreCatalog>, rules: CadenceRules) {
    this.#assertions = assertions;
    this.#rules = rules;
  }

  /** The instance that wrote last. */
  get leader(): string | undefined {
    return this.#term?.instance;
  }

  /** Something keeps leaders from doing what they should, until then: nothing is expected of them before. */
  disturbed(untilMs: number): void {
    this.#disturbedUntilMs = Math.max(this.#disturbedUntilMs, untilMs);
  }

  /** A lease was written. */
  leased({ instance, leaving }: Pick<WorkerRecord, "instance" | "leaving">, nowMs: number): void {
    if (leaving) {
      this.#leavers.set(instance, nowMs);
      this.#newcomers.delete(instance);
    } else if (!this.#listed.has(instance) && !this.#newcomers.has(instance)) {
      this.#newcomers.set(instance, nowMs);
    }
  }

  /** An instance has no lease any more. */
  unleased(instance: string, nowMs: number): void {
    this.#newcomers.delete(instance);
    if (this.#leavers.has(instance)) this.#leavers.set(instance, nowMs);
    if (this.#owners.has(instance) && !this.#gone.has(instance)) this.#gone.set(instance, nowMs);
  }

  /**
   * An assignment was written.
   *
   * @param snapshot the assignment
   * @param before the one before it
   * @param nowMs when, in true virtual milliseconds
   */
  published(snapshot: Snapshot, before: Snapshot | undefined, nowMs: number): void {
    const term = this.#termOf(snapshot, nowMs);
    const isNews = snapshot.generation > (before?.generation ?? 0);
    if (!isNews) return;
    this.#owners = new Map(
      snapshot.workers.filter(({ partitions }) => partitions.length > 0)
        .map(({ instance, partitions }) => [instance, partitions.length]),
    );
    this.#listed = new Set(snapshot.workers.map(({ instance }) => instance));
    this.#checkNewcomers(term, nowMs);
    this.#checkGone(term, nowMs);
    this.#checkDistance(term, snapshot, before, nowMs);
    term.hasPublished = true;
  }

  #termOf({ epoch, leader }: Snapshot, nowMs: number): Term {
    if (this.#term?.epoch !== epoch) {
      this.#term = {
        epoch,
        instance: leader.instance,
        sinceMs: nowMs,
        hasPublished: false,
        startedAtMs: -Infinity,
        plannedAtMs: -Infinity,
      };
    }
    return this.#term!;
  }

  /** How long the leader has been able to see something that has been so since then. */
  #seenForMs(sinceMs: number, term: Term, nowMs: number): number {
    return nowMs - Math.max(sinceMs, term.sinceMs, this.#disturbedUntilMs);
  }

  /** A leader new to the group may have to find out first whether the group is starting again. */
  #firstWindowMs(): number {
    const { coldStartWindowMs, emergencyGracePeriodMs, recoveryGracePeriodMs } = this.#rules;
    return coldStartWindowMs + emergencyGracePeriodMs + recoveryGracePeriodMs;
  }

  #checkNewcomers(term: Term, nowMs: number): void {
    const { plannedScaleWindowMs, minRebalanceIntervalMs, emergencyGracePeriodMs } = this.#rules;
    const windowMs = term.hasPublished
      ? Math.max(plannedScaleWindowMs, minRebalanceIntervalMs) + emergencyGracePeriodMs
      : Math.max(this.#firstWindowMs(), minRebalanceIntervalMs);
    for (const [instance, sinceMs] of this.#newcomers) {
      if (!this.#listed.has(instance)) continue;
      this.#newcomers.delete(instance);
      this.#judge("a newcomer waits for the windows, and no longer", instance, sinceMs, {
        term,
        windowMs,
        nowMs,
      });
    }
  }

  #checkGone(term: Term, nowMs: number): void {
    const { emergencyGracePeriodMs } = this.#rules;
    const windowMs = term.hasPublished ? emergencyGracePeriodMs : this.#firstWindowMs();
    for (const [instance, sinceMs] of this.#gone) {
      if (this.#owners.has(instance)) continue;
      this.#gone.delete(instance);
      this.#judge("an emergency waits for nothing", instance, sinceMs, { term, windowMs, nowMs });
    }
  }

  #judge(
    name: "a newcomer waits for the windows, and no longer" | "an emergency waits for nothing",
    instance: string,
    sinceMs: number,
    { term, windowMs, nowMs }: { term: Term; windowMs: number; nowMs: number },
  ): void {
    const seenForMs = this.#seenForMs(sinceMs, term, nowMs);
    const overMs = seenForMs - windowMs / SLOWEST_CLOCK - this.#rules.slackMs;
    this.#assertions.alwaysAtMost(
      name,
      overMs,
      () => `${instance}: ${seenForMs} ms under the leader of epoch ${term.epoch}`,
    );
  }

  /** Moves without need within one term. */
  #checkDistance(
    term: Term,
    snapshot: Snapshot,
    before: Snapshot | undefined,
    nowMs: number,
  ): void {
    const { reason } = snapshot;
    const { minRebalanceIntervalMs, coldStartWindowMs, slackMs } = this.#rules;
    if (reason === "cold_start" || reason === "restart") term.startedAtMs = nowMs;
    if (!PLANNED.includes(reason)) return;
    const holders = before?.workers.filter(({ partitions }) => partitions.length > 0) ?? [];
    const isForLeaver = holders.some(({ instance }) => this.#leavers.has(instance));
    if (!isForLeaver && term.plannedAtMs > -Infinity) {
      this.#assertions.alwaysAtLeast(
        "moves without need keep their distance",
        nowMs - term.plannedAtMs - minRebalanceIntervalMs * SLOWEST_CLOCK,
        () => `${reason} in epoch ${term.epoch}, generation ${snapshot.generation}`,
      );
    }
    // The group is still gathering, or somebody who leaves was served as well: then there is no distance to keep.
    const isGathering = nowMs - term.startedAtMs <= coldStartWindowMs / SLOWEST_CLOCK + slackMs;
    const hadLeavers = [...this.#leavers.values()].some((atMs) => nowMs - atMs <= LEAVER_MS);
    if (!isGathering && !hadLeavers) term.plannedAtMs = nowMs;
  }
}
