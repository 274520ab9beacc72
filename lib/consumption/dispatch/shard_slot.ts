/**
 * A shard as a worker holds it: one right and one lane for many keys. Each key has a slot of its own, made when its first message comes; so
 * order is kept by key, and keys are handled at the same time, as partitions are.
 *
 * @module
 */
import type { Partition, PartitionId } from "../../assignment/partition.ts";
import { invariant, isPartiError, type PartiError } from "../../errors.ts";
import type { FeedMessage } from "../../ports/feed.ts";
import type { Lane } from "../lanes/lane.ts";
import type { Hold } from "./hold.ts";
import type { Run } from "./run.ts";
import { Slot, type Taken } from "./slot.ts";

/** Idle keys are forgotten when there are more than this: those whose acks the server has confirmed. */
export const KEYS_MAX = 1_024;

/** A key within a shard: what waits and what runs is its own, what it is held by is the shard's. */
class KeySlot extends Slot {
  readonly #shard: ShardSlot;
  readonly #unfit: PartiError | undefined;

  constructor(shard: ShardSlot, id: PartitionId, subject: string, unfit: PartiError | undefined) {
    super({ keys: id.split(".") }, id, subject, shard.stream, shard.hold);
    this.#shard = shard;
    this.#unfit = unfit;
  }

  override get unfit(): PartiError | undefined {
    return this.#unfit;
  }

  /** Nothing waits, runs or is to run. */
  get idle(): boolean {
    return this.queue.length === 0 && this.running === undefined && !this.ready && !this.stopped;
  }

  override get stale(): boolean {
    return super.stale;
  }

  override set stale(stale: boolean) {
    this.#shard.stale = stale;
  }

  override get mayRetry(): boolean {
    return !this.stale && this.lane?.closed === false;
  }

  override take(message: FeedMessage, lane: Lane): Taken {
    this.#shard.passed(message.streamSequence);
    return super.take(message, lane);
  }

  override get running(): Run | undefined {
    return super.running;
  }

  override set running(run: Run | undefined) {
    super.running = run;
    this.#shard.noteRunning(this, run !== undefined);
  }
}

/** A shard as a worker holds it. */
export class ShardSlot extends Slot {
  readonly #keyPrefix: string;
  readonly #checkKey: (key: PartitionId) => void;
  /** Keys by subject: those that something came for since the last look, or that were at work then; and those that were idle. */
  #recent = new Map<string, KeySlot>();
  #older = new Map<string, KeySlot>();
  readonly #running = new Set<KeySlot>();
  /** The highest sequence that the present lane has brought. */
  #passed = 0;

  /**
   * @param partition the shard, as the group shares it
   * @param id its identity
   * @param keyPrefix what the subjects of its messages begin with
   * @param stream its stream
   * @param hold by what it is, or will be, held
   * @param checkKey throws if a key does not belong into it
   */
  constructor(
    partition: Partition,
    id: PartitionId,
    keyPrefix: string,
    stream: string,
    hold: Hold,
    checkKey: (key: PartitionId) => void,
  ) {
    super(partition, id, `${keyPrefix}>`, stream, hold);
    this.#keyPrefix = keyPrefix;
    this.#checkKey = checkKey;
  }

  /** A lane begins at the oldest message left: what the one before has not acknowledged comes before anything younger. */
  override get lane(): Lane | undefined {
    return super.lane;
  }

  override set lane(lane: Lane | undefined) {
    if (lane !== super.lane) this.#passed = 0;
    super.lane = lane;
  }

  /** Notes how far the lane has come. */
  passed(streamSequence: number): void {
    this.#passed = Math.max(this.#passed, streamSequence);
  }

  override get stale(): boolean {
    return super.stale;
  }

  override set stale(stale: boolean) {
    super.stale = stale;
    if (stale) this.#wakeAll();
  }

  /** How many keys are known. */
  get keyCount(): number {
    return this.#recent.size + this.#older.size;
  }

  override get parts(): Iterable<Slot> {
    return [...this.#older.values(), ...this.#recent.values()];
  }

  override part(subject: string): Slot {
    const recent = this.#recent.get(subject);
    if (recent !== undefined) return recent;
    const key = this.#older.get(subject) ?? this.#make(subject);
    this.#older.delete(subject);
    this.#recent.set(subject, key);
    return key;
  }

  override get wanted(): boolean {
    return super.wanted;
  }

  override set wanted(wanted: boolean) {
    super.wanted = wanted;
    if (!wanted) this.#wakeAll();
  }

  /** Something that runs in it: by full right if anything does. So the shard is let go when nothing does any more. */
  override get running(): Run | undefined {
    let some: Run | undefined;
    for (const { running } of this.#running) {
      if (running?.aborted === false) return running;
      some = running;
    }
    return some;
  }

  override set running(_: Run | undefined) {
    invariant(false, `shard ${this.id} runs nothing itself: its keys do`);
  }

  override get holdsUp(): boolean {
    return this.running?.aborted === false && (this.stale || this.lane?.closed === true);
  }

  /** Notes that a key runs something, or nothing any more. */
  noteRunning(key: KeySlot, runs: boolean): void {
    if (runs) this.#running.add(key);
    else this.#running.delete(key);
  }

  override abort(reason: PartiError): void {
    for (const key of this.#running) key.abort(reason);
  }

  /** Its lane ends: what is between two tries waits no longer, since the lane is kept for as long as anything runs. */
  override drop(): number {
    this.#wakeAll();
    let dropped = 0;
    for (const key of this.parts) dropped += key.drop();
    return dropped;
  }

  override confirmed(): void {
    if (this.#recent.size < KEYS_MAX) return;
    // What was idle at the last look, and nothing has come for since, had sent its acks before this confirmation: it can be forgotten.
    this.#older = new Map();
    const busy = new Map<string, KeySlot>();
    for (const [subject, key] of this.#recent) {
      const isOver = key.idle && key.doneSequence <= this.#passed;
      (isOver ? this.#older : busy).set(subject, key);
    }
    this.#recent = busy;
  }

  #make(subject: string): KeySlot {
    const id = subject.slice(this.#keyPrefix.length);
    let unfit: PartiError | undefined;
    try {
      this.#checkKey(id);
    } catch (error) {
      if (!isPartiError(error)) throw error;
      unfit = error;
    }
    return new KeySlot(this, id, subject, unfit);
  }

  #wakeAll(): void {
    for (const key of this.#running) key.wake();
  }
}
