/**
 * Watches when leaders write: moves without need keep their distance and wait for their windows, newcomers wait until the group is quiet
 * and no longer than the windows are, and the dead are not waited for at all. Every bound is a cautious one: where it cannot be known from
 * outside what the leader could see, nothing is said.
 *
 * @module
 */
import type { RebalanceReason, Snapshot } from "../../assignment/snapshot.ts";
import type { WorkerRecord } from "../../membership/worker_lease.ts";
import type { Assertions } from "../assertions/assertions.ts";
import type { CoreCatalog } from "./catalog.ts";
import { Differences } from "./differences.ts";

/** What leaders go by, and how long things take. All times in milliseconds. */
export interface CadenceRules {
  /** See `GroupConfig`. */
  readonly coldStartWindowMs: number;
  /** See `GroupConfig`. */
  readonly plannedScaleWindowMs: number;
  /** See `GroupConfig`. */
  readonly settleMs: number;
  /** See `GroupConfig`. */
  readonly minRebalanceIntervalMs: number;
  /** See `GroupConfig`. */
  readonly emergencyGracePeriodMs: number;
  /** How long a leader that comes back from an outage may wait for others. */
  readonly recoveryGracePeriodMs: number;
  /** See `GroupConfig`. */
  readonly heartbeatTtlMs: number;
  /** See `GroupConfig`. */
  readonly electionTimeoutMs: number;
  /** How long a lease counts that ends without a word from the server, after the leader has seen it first. 0 where the server says it. */
  readonly silentTtlMs: number;
  /** How long a leader may take to see something and to write what follows from it. */
  readonly slackMs: number;
}

/** What a leader does without need. */
const PLANNED: readonly RebalanceReason[] = ["planned_scale", "partition_change", "imbalance"];
/** The slowest clock still shows this share of the true time. */
const SLOWEST_CLOCK = 0.97;
/** Whoever said that it wants to go counts while its lease lies, and for so long after that: the leader may have looked before. */
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
  /** When it last wrote a generation of its own. */
  publishedAtMs: number;
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
  /** Until when each instance that wants to go had a lease: `Infinity` while it has. */
  readonly #leavers = new Map<string, number>();
  /** Those who have a lease and do not want to go: where there are none, there is nobody to give anything to. */
  readonly #heirs = new Set<string>();
  /** Since when there has been one. */
  #heirSinceMs = 0;
  /** Since when something may have differed from the assignment. */
  readonly #differences: Differences;
  #owners = new Map<string, number>();
  /** When the source first answered in the present term; undefined as long as it has not. */
  #answeredAtMs: number | undefined;
  #listed = new Set<string>();

  /**
   * @param assertions where it tells what it finds
   * @param rules what leaders go by
   */
  constructor(assertions: Assertions<CoreCatalog>, rules: CadenceRules) {
    this.#assertions = assertions;
    this.#rules = rules;
    this.#differences = new Differences(rules.slackMs);
  }

  /** The instance that wrote last. */
  get leader(): string | undefined {
    return this.#term?.instance;
  }

  /** Something keeps leaders from doing what they should, until then: nothing is expected of them before. */
  disturbed(untilMs: number): void {
    this.#disturbedUntilMs = Math.max(this.#disturbedUntilMs, untilMs);
  }

  /** See {@linkcode Differences.sourceSays}. */
  sourceSays(ids: readonly string[], weights: Snapshot["weights"], nowMs: number): void {
    this.#differences.sourceSays(ids, weights, nowMs);
  }

  /** The source has told a leader which partitions there are. */
  sourceAnswered(nowMs: number): void {
    this.#answeredAtMs ??= nowMs;
  }

  /** A lease was written. */
  leased({ instance, leaving }: Pick<WorkerRecord, "instance" | "leaving">, nowMs: number): void {
    if (!leaving && this.#heirs.size === 0) this.#heirSinceMs = nowMs;
    if (leaving) this.#heirs.delete(instance);
    else this.#heirs.add(instance);
    if (leaving) {
      this.#differences.begin(nowMs);
      this.#leavers.set(instance, Infinity);
      this.#newcomers.delete(instance);
    } else if (!this.#listed.has(instance) && !this.#newcomers.has(instance)) {
      this.#differences.begin(nowMs);
      this.#newcomers.set(instance, nowMs);
    }
  }

  /** An instance has no lease any more. */
  unleased(instance: string, nowMs: number): void {
    this.#differences.begin(nowMs);
    this.#heirs.delete(instance);
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
    const isClaim = this.#term?.epoch !== snapshot.epoch;
    const term = this.#termOf(snapshot, nowMs);
    const isNews = snapshot.generation > (before?.generation ?? 0);
    if (isClaim) this.#answeredAtMs = undefined;
    if (!isNews) return;
    // Where nothing is assigned there is nothing to go by before the source has answered.
    const knownMs = this.#owners.size > 0 ? -Infinity : this.#answeredAtMs ?? nowMs;
    this.#owners = new Map(
      snapshot.workers.filter(({ partitions }) => partitions.length > 0)
        .map(({ instance, partitions }) => [instance, partitions.length]),
    );
    this.#listed = new Set(snapshot.workers.map(({ instance }) => instance));
    // A leader's first word says what it goes on from, and decides nothing: also where a part was lost, and it counts one generation on.
    if (isClaim) return;
    this.#checkHaste(term, snapshot, before, nowMs);
    this.#checkNewcomers(term, knownMs, nowMs);
    this.#checkGone(term, nowMs);
    this.#checkDistance(term, snapshot, before, nowMs);
    this.#checkWindow(term, snapshot, nowMs);
    term.hasPublished = true;
    term.publishedAtMs = nowMs;
    const pending = [...this.#newcomers.values(), ...this.#gone.values()];
    this.#differences.published(snapshot, pending, nowMs);
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
        publishedAtMs: -Infinity,
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

  #checkNewcomers(term: Term, knownMs: number, nowMs: number): void {
    const { plannedScaleWindowMs, minRebalanceIntervalMs, emergencyGracePeriodMs } = this.#rules;
    const windowMs = term.hasPublished
      ? Math.max(plannedScaleWindowMs, minRebalanceIntervalMs) + emergencyGracePeriodMs
      : Math.max(this.#firstWindowMs(), minRebalanceIntervalMs);
    for (const [instance, sinceMs] of this.#newcomers) {
      if (!this.#listed.has(instance)) continue;
      this.#newcomers.delete(instance);
      const seenMs = Math.max(sinceMs, knownMs);
      const name = "a newcomer waits for the windows, and no longer";
      this.#judge(name, instance, seenMs, { term, windowMs, nowMs });
    }
  }

  /**
   * A window that settles stays open for the settle time after the last newcomer, or until its cap. What the leader has seen before it
   * saw a newcomer may have opened the window; the cap is counted from the earliest that this can have been.
   */
  #checkHaste(
    term: Term,
    { reason, generation }: Snapshot,
    before: Snapshot | undefined,
    nowMs: number,
  ): void {
    if (reason !== "planned_scale" && reason !== "cold_start") return;
    const { coldStartWindowMs, plannedScaleWindowMs, settleMs, slackMs } = this.#rules;
    const named = [...this.#newcomers].filter(([instance]) => this.#listed.has(instance));
    if (named.length === 0 || this.#servesLeaver(before)) return;
    const seenMs = (sinceMs: number) => Math.max(sinceMs, term.sinceMs);
    const lastMs = seenMs(Math.max(...named.map(([, sinceMs]) => sinceMs)));
    const openMs = this.#openMs(term, this.#differences.sinceMs ?? lastMs);
    // Whoever does not know whether it has written tries again at once, and whoever was disturbed may not know.
    if (openMs <= this.#disturbedUntilMs || nowMs - term.publishedAtMs <= slackMs) return;
    const capMs = reason === "cold_start" ? coldStartWindowMs : plannedScaleWindowMs;
    const dueMs = Math.min(lastMs + settleMs * SLOWEST_CLOCK, openMs + capMs * SLOWEST_CLOCK);
    this.#assertions.alwaysAtLeast(
      "a newcomer waits until the group is quiet",
      nowMs - dueMs,
      () => `${reason} in epoch ${term.epoch}, generation ${generation}`,
    );
  }

  /**
   * When the leader can have opened the window for a change at the earliest. Loads that its term finds uneven open one at once; it closes
   * by itself within its cap, and after the first generation only changes open any.
   */
  #openMs(term: Term, changedMs: number): number {
    const { plannedScaleWindowMs, slackMs } = this.#rules;
    const evenAtMs = term.sinceMs + plannedScaleWindowMs / SLOWEST_CLOCK + slackMs;
    if (!term.hasPublished && changedMs <= evenAtMs) return term.sinceMs;
    return Math.max(term.sinceMs, changedMs);
  }

  #servesLeaver(before: Snapshot | undefined): boolean {
    const holders = before?.workers.filter(({ partitions }) => partitions.length > 0) ?? [];
    return holders.some(({ instance }) => this.#leavers.has(instance));
  }

  #checkGone(term: Term, nowMs: number): void {
    const { emergencyGracePeriodMs, silentTtlMs } = this.#rules;
    // Whoever has just begun to look, or to look again, cannot know how old a lease is.
    const knownMs = Math.max(term.sinceMs, this.#disturbedUntilMs) + silentTtlMs;
    const windowMs = term.hasPublished ? emergencyGracePeriodMs : this.#firstWindowMs();
    for (const [instance, sinceMs] of this.#gone) {
      const isOwner = this.#owners.has(instance);
      // It lives on under another stable ID, and is given something as that one.
      if (!isOwner || this.#heirs.has(instance)) this.#gone.delete(instance);
      if (isOwner) continue;
      const seenMs = Math.max(sinceMs, knownMs, this.#heirSinceMs);
      this.#judge("an emergency waits for nothing", instance, seenMs, { term, windowMs, nowMs });
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
    if (!this.#servesLeaver(before) && term.plannedAtMs > -Infinity) {
      this.#assertions.alwaysAtLeast(
        "moves without need keep their distance",
        nowMs - term.plannedAtMs - minRebalanceIntervalMs * SLOWEST_CLOCK,
        () => `${reason} in epoch ${term.epoch}, generation ${snapshot.generation}`,
      );
    }
    // The group is still gathering, or somebody who leaves was served as well: then there is no distance to keep.
    const isGathering = nowMs - term.startedAtMs <= coldStartWindowMs / SLOWEST_CLOCK + slackMs;
    const hadLeavers = [...this.#leavers.values()].some((untilMs) => nowMs - untilMs <= LEAVER_MS);
    if (isGathering || hadLeavers) return;
    // Whoever was disturbed may have written it long before it came, and counts from then.
    term.plannedAtMs = nowMs < this.#disturbedUntilMs ? -Infinity : nowMs;
  }

  /**
   * What is done for the source's or for balance's sake waits for its window, which closes after the settle time, or at its cap if that is
   * sooner. The leader may have opened it for something else that it saw before, but not before its last generation, with which it was done.
   */
  #checkWindow(term: Term, { reason, generation }: Snapshot, nowMs: number): void {
    if (reason !== "partition_change" && reason !== "imbalance") return;
    const { plannedScaleWindowMs, settleMs, slackMs } = this.#rules;
    const sinceMs = reason === "partition_change" ? this.#differences.sinceMs : undefined;
    const openMs = Math.max(this.#openMs(term, sinceMs ?? -Infinity), term.publishedAtMs);
    // Whoever does not know whether it has written goes on from before.
    if (openMs <= this.#disturbedUntilMs || nowMs - term.publishedAtMs <= slackMs) return;
    this.#assertions.alwaysAtLeast(
      "a move without need waits for its window",
      nowMs - openMs - Math.min(settleMs, plannedScaleWindowMs) * SLOWEST_CLOCK,
      () => `${reason} in epoch ${term.epoch}, generation ${generation}`,
    );
  }
}
