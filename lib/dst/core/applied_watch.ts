/**
 * Watches what workers say that they have applied: a leader goes by it when it takes the group for settled.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import type { Snapshot, SnapshotWorker } from "../../assignment/snapshot.ts";
import type { Assertions } from "../assertions/assertions.ts";
import type { CoreCatalog } from "./catalog.ts";

/** So many generations are remembered: a worker that is further behind does not follow any of them. */
const REMEMBERED = 20;

/** What a worker says in its lease, and which generation it follows in that instant. */
export interface AppliedClaim {
  /** Who. */
  readonly instance: string;
  /** Which generation it says it has applied. */
  readonly applied: number;
  /** Which one it follows; undefined if that is not known. */
  readonly following: number | undefined;
}

/** Sees what workers get and let go, and what they say. */
export class AppliedWatch {
  readonly #assertions: Assertions<CoreCatalog>;
  readonly #snapshots = new Map<number, Snapshot>();
  /** What each instance has got and not let go since. */
  readonly #held = new Map<string, Set<string>>();
  /** The generations of which each instance has held all that they give it, at some moment. */
  readonly #whole = new Map<string, Set<number>>();
  /** What each instance said last. */
  readonly #applied = new Map<string, number>();

  /** @param assertions where it tells what it finds */
  constructor(assertions: Assertions<CoreCatalog>) {
    this.#assertions = assertions;
  }

  /** An assignment was written. */
  published(snapshot: Snapshot): void {
    this.#snapshots.set(snapshot.generation, snapshot);
    const forgotten = snapshot.generation - REMEMBERED;
    this.#snapshots.delete(forgotten);
    for (const whole of this.#whole.values()) whole.delete(forgotten);
    for (const { instance } of snapshot.workers) this.#noteWhole(instance, snapshot);
  }

  /** A worker has got partitions. */
  acquired(instance: string, ids: readonly string[]): void {
    const held = this.#held.get(instance) ?? new Set();
    this.#held.set(instance, held);
    for (const id of ids) held.add(id);
    for (const snapshot of this.#snapshots.values()) this.#noteWhole(instance, snapshot);
  }

  /** A worker has let partitions go. */
  released(instance: string, ids: readonly string[]): void {
    for (const id of ids) this.#held.get(instance)?.delete(id);
  }

  /**
   * A worker says what it has applied. What it says of an earlier one than it follows proves nothing: it may be letting go already. So may it
   * have let go of something since it said it, where that was held up on its way: it must have held all of it at some moment.
   */
  says({ instance, applied, following }: AppliedClaim): void {
    const isNews = this.#applied.get(instance) !== applied;
    this.#applied.set(instance, applied);
    const part = this.#snapshots.get(applied)?.workers.find((one) => one.instance === instance);
    if (!isNews || applied !== following || part === undefined) return;
    this.#assertions.always(
      "what is acknowledged is held",
      this.#whole.get(instance)?.has(applied) === true,
      () => `${part.id} has applied generation ${applied} without ${this.#missing(instance, part)}`,
    );
  }

  #noteWhole(instance: string, { generation, workers }: Snapshot): void {
    const part = workers.find((one) => one.instance === instance);
    if (part === undefined || this.#missing(instance, part).length > 0) return;
    const whole = this.#whole.get(instance) ?? new Set();
    this.#whole.set(instance, whole);
    whole.add(generation);
  }

  #missing(instance: string, { partitions }: SnapshotWorker): PartitionId[] {
    const held = this.#held.get(instance);
    return partitions.filter((id) => held?.has(id) !== true);
  }
}
