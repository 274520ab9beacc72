/**
 * Watches what workers say that they have applied: a leader goes by it when it takes the group for settled.
 *
 * @module
 */
import type { Snapshot } from "../../assignment/snapshot.ts";
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
  /** What each instance said last. */
  readonly #applied = new Map<string, number>();

  /** @param assertions where it tells what it finds */
  constructor(assertions: Assertions<CoreCatalog>) {
    this.#assertions = assertions;
  }

  /** An assignment was written. */
  published(snapshot: Snapshot): void {
    this.#snapshots.set(snapshot.generation, snapshot);
    this.#snapshots.delete(snapshot.generation - REMEMBERED);
  }

  /** A worker has got partitions. */
  acquired(instance: string, ids: readonly string[]): void {
    const held = this.#held.get(instance) ?? new Set();
    this.#held.set(instance, held);
    for (const id of ids) held.add(id);
  }

  /** A worker has let partitions go. */
  released(instance: string, ids: readonly string[]): void {
    for (const id of ids) this.#held.get(instance)?.delete(id);
  }

  /** A worker says what it has applied. What it says of an earlier one than it follows proves nothing: it may be letting go already. */
  says({ instance, applied, following }: AppliedClaim): void {
    const isNews = this.#applied.get(instance) !== applied;
    this.#applied.set(instance, applied);
    const part = this.#snapshots.get(applied)?.workers.find((one) => one.instance === instance);
    if (!isNews || applied !== following || part === undefined) return;
    const held = this.#held.get(instance);
    const missing = part.partitions.filter((id) => held?.has(id) !== true);
    this.#assertions.always(
      "what is acknowledged is held",
      missing.length === 0,
      () => `${part.id} has applied generation ${applied} without ${missing}`,
    );
  }
}
