/**
 * A shard as a worker holds it: one right and one lane for many keys. Each key has a slot of its own, made when its first message comes; so
 * order is kept by key, and keys are handled at the same time, as partitions are.
 *
 * @module
 */
import type { Partition, PartitionId } from "../../assignment/partition.ts";
import { invariant, type PartiError } from "../../errors.ts";
import type { Hold } from "./hold.ts";
import type { Run } from "./run.ts";
import { Slot } from "./slot.ts";

/** Idle keys are forgotten when there are more than this: those whose acks the server has confirmed. */
export const KEYS_MAX = 4_096;

/** A key within a shard: what waits and what runs is its own, what it is held by is the shard's. */
class KeySlot extends Slot {
  readonly #shard: ShardSlot;

  constructor(shard: ShardSlot, id: PartitionId, subject: string) {
    super({ keys: id.split(".") }, id, subject, shard.stream, shard.hold);
    this.#shard = shard;
  }

  /** Nothing waits, runs or is to run. */
  get idle(): boolean {
    return this.queue.length === 0 && this.running === undefined && !this.ready && !this.stopped;
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
  /** Keys by subject: those that something came for since the last look, or that were at work then; and those that were idle. */
  #recent = new Map<string, KeySlot>();
  #older = new Map<string, KeySlot>();
  readonly #running = new Set<KeySlot>();

  /**
   * @param partition the shard, as the group shares it
   * @param id its identity
   * @param keyPrefix what the subjects of its messages begin with
   * @param stream its stream
   * @param hold by what it is, or will be, held
   */
  constructor(
    partition: Partition,
    id: PartitionId,
    keyPrefix: string,
    stream: string,
    hold: Hold,
  ) {
    super(partition, id, `${keyPrefix}>`, stream, hold);
    this.#keyPrefix = keyPrefix;
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
    const key = this.#older.get(subject) ??
      new KeySlot(this, subject.slice(this.#keyPrefix.length), subject);
    this.#older.delete(subject);
    this.#recent.set(subject, key);
    return key;
  }

  override get wanted(): boolean {
    return super.wanted;
  }

  override set wanted(wanted: boolean) {
    super.wanted = wanted;
    if (wanted) return;
    for (const key of this.#running) key.wake();
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

  /** Notes that a key runs something, or nothing any more. */
  noteRunning(key: KeySlot, runs: boolean): void {
    if (runs) this.#running.add(key);
    else this.#running.delete(key);
  }

  override abort(reason: PartiError): void {
    for (const key of this.#running) key.abort(reason);
  }

  override drop(): number {
    let dropped = 0;
    for (const key of this.parts) dropped += key.drop();
    return dropped;
  }

  override confirmed(): void {
    if (this.#recent.size < KEYS_MAX) return;
    // What was idle at the last look, and nothing has come for since, had sent its acks before this confirmation: it can be forgotten.
    this.#older = new Map();
    const busy = new Map<string, KeySlot>();
    for (const [subject, key] of this.#recent) (key.idle ? this.#older : busy).set(subject, key);
    this.#recent = busy;
  }
}
