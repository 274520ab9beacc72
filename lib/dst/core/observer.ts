/**
 * The observer sees everything at once, which nobody in the group can, and holds it against what must always be so. Nothing reaches it but
 * plain facts, so that a test can tell it of things that must not happen.
 *
 * @module
 */
import { partitionId } from "../../assignment/partition.ts";
import type { Snapshot } from "../../assignment/snapshot.ts";
import { describeError, isPartiError } from "../../errors.ts";
import type { AssignmentChange } from "../../manager/hooks.ts";
import type { WorkerRecord } from "../../membership/worker_lease.ts";
import { type ManagerState, TRANSITIONS } from "../../manager/state.ts";
import type { Assertions } from "../assertions/assertions.ts";
import { AppliedWatch } from "./applied_watch.ts";
import { AssignmentWatch } from "./assignment_watch.ts";
import { Cadence, type CadenceRules } from "./cadence.ts";
import { changeName, type CoreCatalog } from "./catalog.ts";
import { Excuses, SURELY_ALIVE } from "./excuses.ts";
import { LeaderWatch } from "./leader_watch.ts";
import { MessageWatch } from "./message_watch.ts";
import type { Problem } from "./stability.ts";

export type { CadenceRules } from "./cadence.ts";
export type { Right, WorkerView } from "./handler_start.ts";
export type { Effect } from "./message_watch.ts";

/** What the world looks like in the instant in which a lease is written. */
export interface LeaseScene {
  /** When, in true virtual milliseconds. */
  readonly nowMs: number;
  /** Whether the process of whoever wrote it runs and its connection carries both ways. */
  readonly isFit: boolean;
  /** The instances that act under this stable ID, as they themselves see it. */
  readonly holders: readonly string[];
  /** The generation that whoever wrote it follows; undefined if that is not known. */
  readonly following: number | undefined;
}

/** How long a leader that was cut off may need to have everything before its eyes again, in milliseconds. */
const RECOVERY_MS = 1_000;

/** A verdict that comes later than this after somebody was away for an instant has other reasons, in milliseconds. */
const BLIP_MS = 1_000;

/** Sees everything. */
export class Observer {
  /** What becomes of messages. */
  readonly messages: MessageWatch;
  /** What leaders write. */
  readonly assignments: AssignmentWatch;
  /** Who leads. */
  readonly leaders: LeaderWatch;
  /** What workers say that they hold. */
  readonly applied: AppliedWatch;
  readonly #rules: CadenceRules;
  readonly #assertions: Assertions<CoreCatalog>;
  readonly #cadence: Cadence;
  readonly #excuses = new Excuses();
  /** What each instance took for the assignment last. */
  readonly #followed = new Map<string, Pick<Snapshot, "epoch" | "generation">>();
  /** When each instance's connection was away for an instant. */
  readonly #blips = new Map<string, number>();
  /** Who holds each stable ID, as the bucket of leases says. */
  readonly #holders = new Map<string, string>();

  /**
   * @param assertions where it tells what it finds
   * @param rules what leaders go by
   * @param unitOf what of the group's a partition is in, where that is its shard
   */
  constructor(
    assertions: Assertions<CoreCatalog>,
    rules: CadenceRules,
    unitOf: (partition: string) => string = (partition) => partition,
  ) {
    this.#assertions = assertions;
    this.#rules = rules;
    this.#cadence = new Cadence(assertions, rules);
    this.applied = new AppliedWatch(assertions);
    this.assignments = new AssignmentWatch(assertions, this.#cadence, this.applied);
    const excuses = this.#excuses;
    this.leaders = new LeaderWatch({ assertions, excuses, ttlMs: rules.electionTimeoutMs });
    this.messages = new MessageWatch({
      assertions,
      excuses,
      holderOf: (worker) => this.#holders.get(worker),
      unitOf,
    });
  }

  /** The assignment in force. */
  get latest(): Snapshot | undefined {
    return this.assignments.latest;
  }

  /** The others may take this instance for dead from now on: its process was killed or paused, or it was cut off. */
  excuse(instance: string, nowMs: number): void {
    this.#blips.delete(instance);
    this.#excuses.add(instance, nowMs);
    if (instance === this.#cadence.leader) this.disturbed(nowMs);
  }

  /**
   * The source says something else from now on.
   *
   * @param ids the partitions there are
   * @param nowMs when, in true virtual milliseconds
   * @param weights those of their weights that are not 1
   */
  sourceSays(ids: readonly string[], nowMs: number, weights: Snapshot["weights"] = {}): void {
    this.assignments.sourceSays(ids);
    this.#cadence.sourceSays(ids, weights, nowMs);
  }

  /** A leader's source has answered. */
  sourceAnswered(nowMs: number): void {
    this.#cadence.sourceAnswered(nowMs);
  }

  /** Something kept leaders from doing what they should, until now. */
  disturbed(nowMs: number): void {
    this.#cadence.disturbed(nowMs + RECOVERY_MS);
  }

  /**
   * A lease was written.
   *
   * @param record what it says
   * @param scene what else is so in this instant
   */
  leased(
    record: Pick<WorkerRecord, "worker" | "instance" | "leaving" | "applied">,
    { nowMs, isFit, holders, following }: LeaseScene,
  ): void {
    const { worker, instance, applied, leaving } = record;
    const before = this.#holders.get(worker);
    if (before !== instance) {
      const rival = holders.find((other) => other !== instance && !this.#excuses.has(other));
      this.#assertions.always(
        "a stable ID has one holder",
        rival === undefined,
        () => `${instance} has ${worker}, and ${rival} acts under it too`,
      );
      if (before !== undefined) this.unleased(worker, nowMs);
    }
    this.#holders.set(worker, instance);
    if (this.#excuses.renewed(instance, nowMs, isFit)) this.messages.unexcused(instance);
    if (nowMs - (this.#blips.get(instance) ?? Infinity) > BLIP_MS) {
      this.#blips.delete(instance);
      this.#assertions.always("a blip evicts nobody", true);
    }
    this.#cadence.leased(record, nowMs);
    // Whoever leaves lets go of what it is still given, and says that it has applied that too.
    if (!leaving) this.applied.says({ instance, applied, following });
  }

  /**
   * A lease is gone.
   *
   * @param worker the stable ID
   * @param nowMs when, in true virtual milliseconds
   */
  unleased(worker: string, nowMs: number): void {
    const instance = this.#holders.get(worker);
    this.#holders.delete(worker);
    if (instance !== undefined) this.#cadence.unleased(instance, nowMs);
  }

  /** A worker's state changes. */
  stateChanged(from: ManagerState, to: ManagerState): void {
    const isLegal = TRANSITIONS[from].includes(to);
    this.#assertions.always("transitions are legal", isLegal, changeName(from, to));
    // Nobody is told of the first state: it is known by being left.
    this.#assertions.sometimesEach("states", from);
    this.#assertions.sometimesEach("states", to);
    if (isLegal) this.#assertions.sometimesEach("state changes", changeName(from, to));
  }

  /**
   * A worker's assignment hook is called.
   *
   * @param held what it was told to hold before; brought up to date
   * @param change what it is told
   */
  assignmentChanged(held: Set<string>, change: AssignmentChange): void {
    const removed = change.removed.map(partitionId);
    const added = change.added.map(partitionId);
    const fits = removed.every((id) => held.has(id)) && added.every((id) => !held.has(id));
    for (const id of removed) held.delete(id);
    for (const id of added) held.add(id);
    const all = new Set(change.all.map(partitionId));
    this.#assertions.always(
      "hooks tell the difference",
      fits && all.size === held.size && all.isSubsetOf(held),
      () => `added ${added}, removed ${removed}, all ${[...all]}, held ${[...held]}`,
    );
  }

  /**
   * A worker takes this for the assignment.
   *
   * @param instance the worker's instance
   * @param version epoch and generation of the assignment
   */
  followed(instance: string, { epoch, generation }: Pick<Snapshot, "epoch" | "generation">): void {
    const before = this.#followed.get(instance);
    const isOlder = before !== undefined &&
      (epoch - before.epoch || generation - before.generation) < 0;
    this.#assertions.always(
      "no assignment goes back",
      !isOlder,
      () => `${instance}: ${epoch}.${generation} after ${before!.epoch}.${before!.generation}`,
    );
    this.#followed.set(instance, { epoch, generation });
  }

  /**
   * An instance's connection goes and comes back at once, sooner than anybody may take it for dead.
   *
   * @param instance the instance
   * @param nowMs when, in true virtual milliseconds
   */
  blinked(instance: string, nowMs: number): void {
    this.#blips.set(instance, nowMs);
  }

  /** Something else may have kept somebody from coming back at once. */
  blinkedForLong(): void {
    this.#blips.clear();
  }

  /**
   * A lease was taken from an instance that lives and knows nothing of it.
   *
   * @param instance the instance
   * @param nowMs when, in true virtual milliseconds
   */
  evicted(instance: string, nowMs: number): void {
    const silentMs = nowMs - this.#excuses.renewedMs(instance);
    this.#assertions.always(
      "whoever lives is not evicted",
      // A leader that is new may have its verdict from before the renewal that it sees first.
      this.#excuses.has(instance) || silentMs > SURELY_ALIVE * this.#rules.heartbeatTtlMs,
      () => `${instance} has lost its lease ${silentMs} ms after it renewed it`,
    );
    const sinceMs = this.#blips.get(instance);
    if (sinceMs === undefined) return;
    this.#blips.delete(instance);
    this.#assertions.always(
      "a blip evicts nobody",
      nowMs - sinceMs > BLIP_MS,
      () =>
        `${instance} was away for an instant and has lost its lease ${nowMs - sinceMs} ms later`,
    );
  }

  /** A worker tells of an error. What is none of parti's own is a mistake in the code that was caught somewhere. */
  told(error: unknown): void {
    const isOwn = isPartiError(error) && !isMistake(error.cause);
    this.#assertions.always(
      "no invariant of parti breaks",
      isOwn && !isPartiError(error, "PARTI_INVARIANT"),
      () => describeError(error),
    );
  }

  /**
   * The time after the last fault is over. Where all else is whole and messages wait all the same, these are what is wrong: that is told
   * first, since a run ends with the first promise that breaks. While the group is not whole nobody can say that they are lost.
   *
   * @param tookMs how long it took until the group was whole, in virtual milliseconds, or has taken so far
   * @param problem why it is not whole; undefined if it is
   * @param partitions the partitions there are
   */
  converged(tookMs: number, problem: Problem | undefined, partitions: readonly string[]): void {
    if (problem === undefined || problem.isOfFeed) {
      const lost = this.messages.waiting(partitions);
      this.#assertions.always("nothing is lost", lost === 0, `${lost} messages`);
    }
    this.#assertions.alwaysAtMost("the group converges", tookMs, problem?.text ?? "");
  }

  /**
   * Something has stopped.
   *
   * @param left what is left of it, for people
   */
  stopped(left: readonly string[]): void {
    this.#assertions.always("nothing leaks", left.length === 0, () => left.join(", "));
  }
}

/** What only wrong code throws. */
function isMistake(cause: unknown): boolean {
  return cause instanceof TypeError || cause instanceof RangeError ||
    cause instanceof ReferenceError;
}
