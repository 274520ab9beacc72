/**
 * Watches what leaders write.
 *
 * @module
 */
import { compareSnapshots, type Snapshot } from "../../assignment/snapshot.ts";
import { hasPart } from "../../assignment/snapshot_parts.ts";
import type { PartName } from "../../names.ts";
import type { Assertions } from "../assertions/assertions.ts";
import type { AppliedWatch } from "./applied_watch.ts";
import type { Cadence } from "./cadence.ts";
import type { CoreCatalog } from "./catalog.ts";

/** Sees all assignments. */
export class AssignmentWatch {
  readonly #assertions: Assertions<CoreCatalog>;
  readonly #cadence: Cadence;
  readonly #applied: AppliedWatch;
  readonly #writers = new Map<number, string>();
  /** Every list of partitions that the source has said. */
  readonly #lists = new Set<string>();
  #latest: Snapshot | undefined;
  #inForce: readonly PartName[] = [];
  readonly #late: PartName[] = [];
  #recent: { readonly generation: number; readonly parts: readonly PartName[] }[] = [];

  /**
   * @param assertions where it tells what it finds
   * @param cadence who watches when things are written
   * @param applied who watches what comes of them
   */
  constructor(assertions: Assertions<CoreCatalog>, cadence: Cadence, applied: AppliedWatch) {
    this.#assertions = assertions;
    this.#cadence = cadence;
    this.#applied = applied;
  }

  /** The assignment in force. */
  get latest(): Snapshot | undefined {
    return this.#latest;
  }

  /**
   * The parts of the assignment in force and of the one before it, which somebody may still be reading; each as every leader has written
   * it, since one whose term is short may end before it has cleared away what its predecessor left. And those that came too late to be
   * cleared away by anybody but the next leader.
   */
  get recent(): readonly PartName[] {
    return [...this.#recent.flatMap(({ parts }) => parts), ...this.#late];
  }

  /** The source says this from now on. */
  sourceSays(ids: readonly string[]): void {
    this.#lists.add([...ids].sort().join(" "));
  }

  /**
   * An assignment was written.
   *
   * @param snapshot the assignment
   * @param nowMs when, in true virtual milliseconds
   * @param parts how it lies in the bucket
   */
  published(snapshot: Snapshot, nowMs: number, parts: readonly PartName[] = []): void {
    const { epoch, leader } = snapshot;
    const writer = this.#writers.get(epoch) ?? leader.instance;
    this.#writers.set(epoch, writer);
    this.#assertions.always(
      "one leader per epoch",
      writer === leader.instance,
      () => `epoch ${epoch} was written by ${writer} and by ${leader.instance}`,
    );
    const before = this.#latest;
    this.#assertions.always(
      "generations rise",
      before === undefined || compareSnapshots(before, snapshot) < 0 || isSame(before, snapshot),
      () => `${describeVersion(snapshot)} after ${before && describeVersion(before)}`,
    );
    this.#latest = snapshot;
    this.#inForce = parts;
    this.#remember(snapshot.generation, parts);
    this.#assertions.sometimesAtLeast("epochs in a run", this.#writers.size);
    this.#cadence.published(snapshot, before, nowMs);
    this.#applied.published(snapshot);
    this.#checkComplete(snapshot, before);
  }

  /**
   * A chunk was stored.
   *
   * @param part the part to which it belongs
   */
  chunkStored(part: PartName): void {
    // It was under way for longer than its writer's term, or than a try of its writer that was followed by another one.
    const isLate = this.#latest !== undefined && compareSnapshots(part, this.#latest) <= 0;
    if (isLate) this.#late.push(part);
  }

  /**
   * A chunk was removed.
   *
   * @param part the part to which it belonged
   */
  chunkErased(part: PartName): void {
    this.#assertions.always(
      "what is in force stays",
      !hasPart(this.#inForce, part),
      () => `part ${part.epoch}.${part.generation}.${part.hash} was removed`,
    );
  }

  /**
   * An assignment was written that no worker takes for one, such as one that gives a partition to two workers. All stay with what they had,
   * so that nothing else would show it until the group should be whole.
   *
   * @param bytes what was written
   */
  unreadable(bytes: Uint8Array): void {
    this.#assertions.always(
      "an assignment is complete",
      false,
      () => `nobody can read: ${new TextDecoder().decode(bytes).slice(0, 2_000)}`,
    );
  }

  #remember(generation: number, parts: readonly PartName[]): void {
    const all = [...this.#recent, { generation, parts }];
    const [, previous = -1] = [...new Set(all.map((each) => each.generation))]
      .sort((a, b) => b - a);
    this.#recent = all.filter((each) => each.generation >= previous);
  }

  /** A leader's first word has its epoch and the generation that it found: there is nothing new to look at. */
  #checkComplete(snapshot: Snapshot, before: Snapshot | undefined): void {
    const { workers, generation, reason } = snapshot;
    if (workers.length === 0 || before?.generation === generation) return;
    const assigned = workers.flatMap(({ partitions }) => partitions).sort().join(" ");
    this.#assertions.always(
      "an assignment is complete",
      this.#lists.has(assigned),
      () => `${describeVersion(snapshot)} (${reason}) assigns: ${assigned.slice(0, 2_000)}`,
    );
  }
}

function describeVersion({ epoch, generation, leader }: Snapshot): string {
  return `${epoch}.${generation} of ${leader.worker}`;
}

/** A leader that does not know whether its write was carried out may write the same again. */
function isSame(a: Snapshot, b: Snapshot): boolean {
  return compareSnapshots(a, b) === 0 && JSON.stringify(a.workers) === JSON.stringify(b.workers);
}
