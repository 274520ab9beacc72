/**
 * Applies the group's assignment to one session: takes the session's own part of each snapshot, tells the consumer and the
 * application, and acknowledges the generation when both are done.
 *
 * @module
 */
import type { PartitionId } from "../assignment/partition.ts";
import type { Snapshot, SnapshotWorker } from "../assignment/snapshot.ts";
import type { WorkerConsumer } from "../consumption/worker_consumer.ts";
import type { Assignment } from "../manager/hooks.ts";
import { assignmentOf, desiredOf, sameIds } from "./own_assignment.ts";
import type { SessionEvents } from "./session_options.ts";

/** What applying needs. */
export interface AssignmentApplierOptions {
  /** The session's instance: its part of each snapshot is taken. */
  readonly instance: string;
  /** The consumer as it is now; undefined before it is made, and where the application consumes by itself. */
  readonly consumer: () => Pick<WorkerConsumer, "update" | "settled" | "close"> | undefined;
  /** Who is told. */
  readonly events: Pick<SessionEvents, "onAssignment" | "onProgress" | "onError">;
  /** Told each time a snapshot gives this worker nothing. Must not throw. */
  readonly onEmpty: () => void;
  /** Makes what {@linkcode AssignmentApplier.applied} says now known to the leader. */
  readonly acknowledge: () => Promise<void> | undefined;
  /** Fires when the session is over: nothing is taken or acknowledged any more. */
  readonly signal: AbortSignal;
}

/** Applies one assignment after another. */
export class AssignmentApplier {
  readonly #options: AssignmentApplierOptions;
  #assignment: Assignment | undefined;
  /** What was this worker's and is not any more. Until it is settled it may still hold it. */
  readonly #leaving = new Set<PartitionId>();
  #settled = false;
  #applied = 0;
  #closing = false;

  /** @param options what it needs */
  constructor(options: AssignmentApplierOptions) {
    this.#options = options;
  }

  /** The assignment in force for this worker; frozen. Undefined before the first that names it. */
  get assignment(): Assignment | undefined {
    return this.#assignment;
  }

  /** Whether the worker holds exactly the partitions that the assignment gives it. */
  get isSettled(): boolean {
    return this.#settled;
  }

  /** The last generation that was fully applied; 0 before the first. */
  get applied(): number {
    return this.#applied;
  }

  /**
   * Takes this worker's part of a new snapshot. What follows from it is done in the background.
   *
   * @param snapshot the group's assignment
   * @param before the one before it; undefined if this worker has seen none
   */
  take(snapshot: Snapshot, before: Snapshot | undefined): void {
    const { instance, events, onEmpty } = this.#options;
    if (this.#over) return;
    const mine = snapshot.workers.find((worker) => worker.instance === instance);
    if (mine === undefined && this.#assignment === undefined) return;
    const last = this.#assignment;
    const assignment = assignmentOf(snapshot, mine);
    const samePartitions = last !== undefined && sameIds(last, assignment);
    this.#assignment = assignment;
    // Whoever keeps what it has is not disturbed by what others get.
    if (!samePartitions) this.#settled = false;
    // Closing, it has let go of everything for good.
    if (!this.#closing) {
      this.#noteLeaving(last, mine);
      const desired = desiredOf(assignment, instance, snapshot, before, this.#leaving);
      this.#options.consumer()?.update(desired);
    }
    if (assignment.partitions.length === 0) onEmpty();
    // A new leader's first word has its epoch and the old generation: nothing to apply.
    if (samePartitions && last.generation === assignment.generation) return;
    events.onProgress();
    this.#apply(assignment).catch((error) => events.onError(error));
  }

  /**
   * Lets go of everything for good: what runs is finished, and no later snapshot brings anything back.
   *
   * @returns when the consumer is closed; undefined if there is none
   */
  letGo(): Promise<void> | undefined {
    this.#closing = true;
    return this.#options.consumer()?.close();
  }

  #noteLeaving(last: Assignment | undefined, mine: SnapshotWorker | undefined): void {
    for (const { keys } of last?.partitions ?? []) this.#leaving.add(keys.join("."));
    for (const id of mine?.partitions ?? []) this.#leaving.delete(id);
  }

  get #over(): boolean {
    return this.#options.signal.aborted;
  }

  async #apply(assignment: Assignment): Promise<void> {
    const { consumer, events, acknowledge } = this.#options;
    await events.onAssignment(assignment);
    await consumer()?.settled();
    // A newer one has come meanwhile: that one is acknowledged instead.
    if (this.#over || this.#assignment?.generation !== assignment.generation) return;
    this.#applied = assignment.generation;
    this.#settled = true;
    this.#leaving.clear();
    events.onProgress();
    await acknowledge();
  }
}
