/**
 * A slot: one partition as a worker holds it — what waits, what runs, what is done. The README of this folder has its states. What it is
 * held by is a `Hold`, which the keys of a shard have in common (`shard_slot.ts`).
 *
 * @module
 */
import type { Partition, PartitionId } from "../../assignment/partition.ts";
import { invariant, type PartiError } from "../../errors.ts";
import { type Clock, sleep } from "../../ports/clock.ts";
import type { FeedMessage } from "../../ports/feed.ts";
import type { Lane } from "../lanes/lane.ts";
import type { Hold, Ownership } from "./hold.ts";
import { isSameMessage, Mark } from "./mark.ts";
import type { Run } from "./run.ts";

/** What became of a delivery. */
export type Taken = "queued" | "already-done" | "replaced" | "out-of-order";

/** One partition as a worker holds it. */
export class Slot {
  /** The partition. */
  partition: Partition;
  /** Its identity. */
  readonly id: PartitionId;
  /** Its subject. */
  readonly subject: string;
  /** The stream it lies in. */
  readonly stream: string;
  /** By what it is held. */
  readonly hold: Hold;
  /** As far as this worker knows nobody holds it: who did has told so, or has gone. */
  believedFree = false;
  /** Poison stopped it. */
  stopped = false;
  /** Its poison message finds no stream that takes it. */
  blocked = false;
  /** When the message that runs first failed, on the monotonic clock, in milliseconds; undefined if it has not. */
  failingSinceMs: number | undefined;
  /** Slots with the same one are acquired together: they are expected to come free together. */
  batch: string | undefined;
  /** When the next try to acquire would be due if it were not outranked, on the monotonic clock. */
  nextTryAtMs = 0;
  /** How often acquiring has been refused or has failed in a row. */
  refusals = 0;
  /** When it was first wanted here, on the monotonic clock. */
  wantedSinceMs = 0;
  /** What waits, in stream order. */
  readonly queue: FeedMessage[] = [];
  /** Whether it is in the dispatcher's ready list. */
  ready = false;
  /** The last message handled to the end here. */
  readonly #done = new Mark();
  /** The last message taken, or expected to come again. */
  readonly #queued = new Mark();
  #running: Run | undefined;
  /** Ends what is waited for between two tries of what runs. */
  #wake: AbortController | undefined;

  /**
   * @param partition the partition
   * @param id its identity
   * @param subject its subject
   * @param stream the stream it lies in
   * @param hold by what it is, or will be, held
   */
  constructor(partition: Partition, id: PartitionId, subject: string, stream: string, hold: Hold) {
    this.partition = partition;
    this.id = id;
    this.subject = subject;
    this.stream = stream;
    this.hold = hold;
  }

  /** What is handled in order, each by itself: the partition, or the keys of a shard that are known. */
  get parts(): Iterable<Slot> {
    return [this];
  }

  /** What a message under a subject belongs to; undefined if to nothing here. */
  part(subject: string): Slot | undefined {
    return subject === this.subject ? this : undefined;
  }

  /** Why none of its messages may be handled, ever; undefined for nothing of the kind. */
  get unfit(): PartiError | undefined {
    return undefined;
  }

  /** The server has confirmed all acks that were sent for it before it was asked to: what they were for never comes again. */
  confirmed(): void {}

  /** Whether the assignment wants it here. Once it does not, what runs pauses no longer. */
  get wanted(): boolean {
    return this.hold.wanted;
  }

  set wanted(wanted: boolean) {
    this.hold.wanted = wanted;
    if (!wanted) this.wake();
  }

  /** Under what right it is, or will be, held. */
  get ownership(): Ownership {
    return this.hold.ownership;
  }

  set ownership(ownership: Ownership) {
    this.hold.ownership = ownership;
  }

  /** The lane that feeds it; undefined while it is not held. */
  get lane(): Lane | undefined {
    return this.hold.lane;
  }

  set lane(lane: Lane | undefined) {
    this.hold.lane = lane;
  }

  /** It is being put on a lane or taken off one: nothing is started meanwhile. */
  get moving(): boolean {
    return this.hold.moving;
  }

  set moving(moving: boolean) {
    this.hold.moving = moving;
  }

  /** Its next message is not in the queue and will not come on this lane: it needs a fresh one. */
  get stale(): boolean {
    return this.hold.stale;
  }

  set stale(stale: boolean) {
    this.hold.stale = stale;
  }

  /**
   * A fenced write has shown that somebody newer owns it. Until the next assignment, or until one of its messages is handled after all,
   * it is acquired only now and then.
   */
  get outranked(): boolean {
    return this.hold.outranked;
  }

  set outranked(outranked: boolean) {
    if (outranked) this.hold.fenced(this.id);
    else this.hold.unfence();
  }

  /** While it is outranked it is not acquired before this, on the monotonic clock, in milliseconds. */
  get outrankedUntilMs(): number {
    return this.hold.outrankedUntilMs;
  }

  set outrankedUntilMs(untilMs: number) {
    this.hold.outrankedUntilMs = untilMs;
  }

  /** Whether what has failed may be tried again where it is. A key must not keep the others of its shard from a fresh lane. */
  get mayRetry(): boolean {
    return true;
  }

  /**
   * Whether what runs keeps others from being handled: the keys of a shard whose lane has ended, or is past a message that was given up. They
   * go on with a fresh lane, and the one there is stays the lock until nothing runs by right.
   */
  get holdsUp(): boolean {
    return false;
  }

  /** How often in a row its lane ended by itself before it was of any use. */
  get setbacks(): number {
    return this.hold.setbacks;
  }

  set setbacks(setbacks: number) {
    this.hold.setbacks = setbacks;
  }

  /** What runs. */
  get running(): Run | undefined {
    return this.#running;
  }

  set running(run: Run | undefined) {
    this.#running = run;
  }

  /** Ends what is waited for between two tries. */
  wake(): void {
    this.#wake?.abort();
  }

  /** The stream sequence of the last message handled to the end here; 0 before the first. */
  get doneSequence(): number {
    return this.#done.sequence;
  }

  /** Whether its next message may be started. */
  get canRun(): boolean {
    return this.queue.length > 0 && this.running === undefined && this.wanted && !this.moving &&
      !this.stale && !this.stopped;
  }

  /** When the next try to acquire it is due, on the monotonic clock, in milliseconds. */
  get dueAtMs(): number {
    return this.outranked ? Math.max(this.nextTryAtMs, this.outrankedUntilMs) : this.nextTryAtMs;
  }

  /**
   * Takes a delivery.
   *
   * @param message the delivery
   * @param lane the lane it came on
   * @returns what became of it; after `out-of-order` the lane must start anew, since an older message was lost on the way
   */
  take(message: FeedMessage, lane: Lane): Taken {
    if (this.#queued.isBefore(message)) {
      this.#queued.moveTo(message);
      this.queue.push(message);
      return "queued";
    }
    if (!this.#done.isBefore(message)) return "already-done";
    const { running } = this;
    if (running !== undefined && isSameMessage(running.message, message)) {
      running.message = message;
      running.lane = lane;
      return "replaced";
    }
    const index = this.queue.findIndex((queued) => isSameMessage(queued, message));
    if (index < 0) return "out-of-order";
    this.queue[index] = message;
    return "replaced";
  }

  /** Takes the next message out of the queue to run it. */
  next(): FeedMessage {
    const message = this.queue.shift();
    invariant(message !== undefined, `nothing to run in partition ${this.id}`);
    invariant(
      this.#done.isBefore(message),
      `partition ${this.id} would go back from ${this.doneSequence} to ${message.streamSequence}`,
    );
    return message;
  }

  /** Notes that a message was handled to the end. */
  done(message: FeedMessage): void {
    invariant(
      this.#done.isBefore(message),
      `partition ${this.id} did ${message.streamSequence} twice`,
    );
    this.#done.moveTo(message);
    this.setbacks = 0;
    this.hold.handled(this.id);
  }

  /**
   * Waits between two tries of what runs, no longer than it is any use: whoever is to have the partition next must not wait for a
   * pause.
   *
   * @param clock the clock to wait on
   * @param delayMs how long at most, in milliseconds
   * @returns when the time has passed, the partition is not wanted here or the right to handle what runs has ended: look which
   */
  pause(clock: Clock, delayMs: number): Promise<void> {
    return this.waitFor((signal) => sleep(clock, delayMs, signal));
  }

  /**
   * Lets what runs wait for something between two tries, no longer than it is any use.
   *
   * @param wait the wait; it ends when its signal fires
   * @returns when it has ended, as {@linkcode pause}
   */
  async waitFor(wait: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (!this.wanted || this.running?.aborted) return;
    this.#wake = new AbortController();
    await wait(this.#wake.signal);
    this.#wake = undefined;
  }

  /** Ends the right to handle what runs; it stays here until its handler comes back. */
  abort(reason: PartiError): void {
    if (this.running === undefined) return;
    this.running.abort(reason);
    this.wake();
    if (this.running.lane !== this.lane) this.#expectAgain();
  }

  /** Notes that a message that ran is not handled: it must come again before anything after it. */
  giveUp(run: Run): void {
    if (run.lane === this.lane && this.lane !== undefined) this.stale = true;
    else this.#expectAgain();
  }

  /** On another lane than the one that brought it, a message has come again by itself, or will. */
  #expectAgain(): void {
    if (this.queue.length === 0) this.#queued.set(this.#done);
  }

  /** Forgets what waits; it stays unacknowledged and comes again on another lane. Returns how many messages that were. */
  drop(): number {
    const dropped = this.queue.length;
    this.queue.length = 0;
    this.#queued.set(this.#done);
    // What runs with full right is expected again and then only noted; what was aborted must be handled again.
    if (this.running?.aborted === false) this.#queued.moveTo(this.running.message);
    return dropped;
  }
}
