/**
 * The observer sees everything at once, which nobody in the group can, and holds it against what must always be so.
 *
 * @module
 */
import type { Snapshot } from "../../assignment/snapshot.ts";
import { compareSnapshots } from "../../assignment/snapshot.ts";
import { partitionId } from "../../assignment/partition.ts";
import type { HandlerContext } from "../../consumption/handler.ts";
import type { AssignmentChange } from "../../hooks.ts";
import { type ManagerState, TRANSITIONS } from "../../state.ts";
import type { Assertions } from "../assertions/assertions.ts";
import { changeName, type CoreCatalog } from "./catalog.ts";

/** A handler's right, as far as it matters here. */
export type Right = Pick<
  HandlerContext,
  "partitionId" | "worker" | "instance" | "epoch" | "generation" | "signal"
>;

/** An effect in the output stream. */
export interface Effect {
  /** The partition. */
  readonly partition: string;
  /** The input's sequence in the feed. */
  readonly input: number;
  /** The writer's epoch. */
  readonly epoch: number;
  /** The writer's generation. */
  readonly generation: number;
}

interface Span {
  readonly right: Right;
  readonly sequence: number;
}

/** What is known of one partition. */
interface PartitionFacts {
  /** Sequences in the feed, in order. */
  readonly stored: number[];
  /** How many of them have their effect. */
  effective: number;
  epoch: number;
  generation: number;
  readonly open: Set<Span>;
  last: Right | undefined;
}

/** So long what was sent before a fault may still arrive, in milliseconds. */
const EXCUSE_MS = 1_000;

/** Sees everything. */
export class Observer {
  readonly #assertions: Assertions<CoreCatalog>;
  readonly #partitions = new Map<string, PartitionFacts>();
  readonly #lists = new Set<string>();
  readonly #writers = new Map<number, string>();
  /** Who holds each stable ID, as the bucket of leases says. */
  readonly #holders = new Map<string, string>();
  /** Instances whose process is dead, or that the others may take for dead although it is not, and since when. */
  readonly #excused = new Map<string, number>();
  #latest: Snapshot | undefined;

  /** @param assertions where it tells what it finds */
  constructor(assertions: Assertions<CoreCatalog>) {
    this.#assertions = assertions;
  }

  /** The assignment in force. */
  get latest(): Snapshot | undefined {
    return this.#latest;
  }

  /**
   * How many messages wait for their effect.
   *
   * @param partitions in which partitions
   */
  waiting(partitions: Iterable<string>): number {
    let count = 0;
    for (const id of partitions) {
      const facts = this.#partitions.get(id);
      if (facts !== undefined) count += facts.stored.length - facts.effective;
    }
    return count;
  }

  /** The source says this from now on. */
  sourceSays(ids: readonly string[]): void {
    this.#lists.add([...ids].sort().join(" "));
  }

  /** An assignment was written. */
  published(snapshot: Snapshot): void {
    const { epoch, leader, workers } = snapshot;
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
    this.#assertions.sometimesAtLeast("epochs in a run", this.#writers.size);
    if (workers.length === 0 || before?.generation === snapshot.generation) return;
    const assigned = workers.flatMap(({ partitions }) => partitions).sort().join(" ");
    this.#assertions.always(
      "an assignment is complete",
      this.#lists.has(assigned),
      () => `${describeVersion(snapshot)} (${snapshot.reason}) assigns: ${assigned}`,
    );
  }

  /** A message was stored in the feed. */
  stored(partition: string, sequence: number): void {
    this.#facts(partition).stored.push(sequence);
  }

  /** An effect was stored in the output. */
  effect({ partition, input, epoch, generation }: Effect): void {
    const facts = this.#facts(partition);
    const expected = facts.stored[facts.effective];
    this.#assertions.always(
      "effects are those of the feed, once and in order",
      input === expected,
      () => `${partition}: the effect of ${input} is stored; the next in the feed is ${expected}`,
    );
    facts.effective++;
    const isOlder = (epoch - facts.epoch || generation - facts.generation) < 0;
    this.#assertions.always(
      "effects are of the newest owner",
      !isOlder,
      () => `${partition}: ${epoch}.${generation} after ${facts.epoch}.${facts.generation}`,
    );
    facts.epoch = epoch;
    facts.generation = generation;
  }

  /**
   * A handler starts.
   *
   * @param right under what right
   * @param sequence the message's place in the feed
   * @returns to be called when it ends, however it does
   */
  begin(right: Right, sequence: number): () => void {
    this.#assertions.always(
      "only under a valid lease",
      this.#holders.get(right.worker) === right.instance || this.#excused.has(right.instance),
      () => `${describe({ right, sequence })} started; ${this.#holders.get(right.worker)} holds it`,
    );
    const facts = this.#facts(right.partitionId);
    const span: Span = { right, sequence };
    const other = [...facts.open].find((open) =>
      !open.right.signal.aborted && !this.#excused.has(open.right.instance)
    );
    this.#assertions.always(
      "one handler per partition",
      other === undefined,
      () => `${other && describe(other)} runs, and ${describe(span)} starts`,
    );
    const { last } = facts;
    const isOlder = last !== undefined &&
      (right.epoch - last.epoch || right.generation - last.generation) < 0;
    this.#assertions.always(
      "no right goes back",
      !isOlder || this.#excused.has(right.instance),
      () => `${describe(span)} after ${last!.worker}, ${last!.epoch}.${last!.generation}`,
    );
    facts.last = right;
    facts.open.add(span);
    return () => void facts.open.delete(span);
  }

  /**
   * The others may take this instance for dead from now on: its process was killed or paused, or it was cut off. What it does then may
   * overlap with its successor; its effects may not.
   */
  excuse(instance: string, nowMs: number): void {
    this.#excused.set(instance, nowMs);
  }

  /**
   * A lease was written.
   *
   * @param worker the stable ID
   * @param instance who wrote it
   * @param nowMs when, in true virtual milliseconds
   * @param isFit whether its process runs and its connection is up
   */
  leased(worker: string, instance: string, nowMs: number, isFit: boolean): void {
    this.#holders.set(worker, instance);
    // What was under way when the fault struck may still arrive; a renewal later than that proves that it has lived on.
    const sinceMs = this.#excused.get(instance);
    if (sinceMs !== undefined && isFit && nowMs - sinceMs > EXCUSE_MS) {
      this.#excused.delete(instance);
    }
  }

  /** A lease is gone. */
  unleased(worker: string): void {
    this.#holders.delete(worker);
  }

  /** Whether an instance runs a handler now. */
  handles(instance: string): boolean {
    for (const { open } of this.#partitions.values()) {
      for (const { right } of open) if (right.instance === instance) return true;
    }
    return false;
  }

  /** A worker's state changes. */
  stateChanged(from: ManagerState, to: ManagerState): void {
    const isLegal = TRANSITIONS[from].includes(to);
    this.#assertions.always("transitions are legal", isLegal, changeName(from, to));
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

  #facts(partition: string): PartitionFacts {
    let facts = this.#partitions.get(partition);
    if (facts === undefined) {
      facts = {
        stored: [],
        effective: 0,
        epoch: 0,
        generation: 0,
        open: new Set(),
        last: undefined,
      };
      this.#partitions.set(partition, facts);
    }
    return facts;
  }
}

function describeVersion({ epoch, generation, leader }: Snapshot): string {
  return `${epoch}.${generation} of ${leader.worker}`;
}

function describe({ right, sequence }: Span): string {
  const { partitionId, worker, instance, epoch, generation } = right;
  return `${sequence} of ${partitionId} at ${worker} (${
    instance.slice(0, 8)
  }, ${epoch}.${generation})`;
}

/** A leader that does not know whether its write was carried out may write the same again. */
function isSame(a: Snapshot, b: Snapshot): boolean {
  return compareSnapshots(a, b) === 0 && JSON.stringify(a.workers) === JSON.stringify(b.workers);
}
