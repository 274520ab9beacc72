/**
 * A slot: one partition as a worker holds it — what waits, what runs, what is done.
 *
 * @module
 */
import type { Partition, PartitionId } from "../assignment/partition.ts";
import { invariant } from "../errors.ts";
import type { FeedMessage } from "../ports/feed.ts";
import type { Lane } from "./lane.ts";

/** A message that is being handled. */
export interface Running {
  /** The latest delivery of it: acks go there. */
  message: FeedMessage;
  /** Ends the right to handle it. */
  readonly abort: AbortController;
  /** Settles when the handler has come back for good. */
  readonly finished: Promise<void>;
}

/** The right under which a partition is held. */
export interface Ownership {
  /** The epoch in which it was acquired. */
  readonly epoch: number;
  /** The generation in which it was acquired. */
  readonly generation: number;
}

/** What became of a delivery. */
export type Taken = "queued" | "already-done" | "replaced" | "out-of-order";

/** One partition as a worker holds it. */
export class Slot {
  /** The partition. */
  readonly partition: Partition;
  /** Its identity. */
  readonly id: PartitionId;
  /** Its subject. */
  readonly subject: string;
  /** Whether the assignment wants it here. */
  wanted = true;
  /** Slots with the same one are acquired together: they are expected to come free together. */
  batch: string | undefined;
  /** Under what right it is, or will be, held. */
  ownership: Ownership;
  /** The lane that feeds it; undefined while it is not held. */
  lane: Lane | undefined;
  /** A create is under way. */
  acquiring = false;
  /** No new message is started any more. */
  releasing = false;
  /** The handler had its time to finish; the release waits for it no longer. */
  drainOver = false;
  /** Poison stopped it. */
  stopped = false;
  /** When the next try to acquire is due, on the monotonic clock. */
  nextTryAtMs = 0;
  /** How often acquiring has been refused in a row. */
  refusals = 0;
  /** When it was first wanted here, on the monotonic clock. */
  wantedSinceMs = 0;
  /** What waits, in stream order. */
  readonly queue: FeedMessage[] = [];
  /** What runs. */
  running: Running | undefined;
  /** Whether it is in the dispatcher's ready list. */
  ready = false;
  /** The highest stream sequence handled to the end here. */
  doneSequence = 0;
  /** The highest stream sequence started here. */
  startedSequence = 0;
  #queuedSequence = 0;

  /**
   * @param partition the partition
   * @param id its identity
   * @param subject its subject
   * @param ownership under what right it is wanted
   */
  constructor(partition: Partition, id: PartitionId, subject: string, ownership: Ownership) {
    this.partition = partition;
    this.id = id;
    this.subject = subject;
    this.ownership = ownership;
  }

  /**
   * Takes a delivery.
   *
   * @param message the delivery
   * @returns what became of it; after `out-of-order` the lane must start anew, since an older message was lost on the way
   */
  take(message: FeedMessage): Taken {
    const sequence = message.streamSequence;
    if (sequence <= this.doneSequence) return "already-done";
    if (this.running?.message.streamSequence === sequence) {
      this.running.message = message;
      return "replaced";
    }
    const index = this.queue.findIndex((queued) => queued.streamSequence === sequence);
    if (index >= 0) {
      this.queue[index] = message;
      return "replaced";
    }
    if (sequence <= this.#queuedSequence) return "out-of-order";
    this.#queuedSequence = sequence;
    this.queue.push(message);
    return "queued";
  }

  /** Takes the next message out of the queue to run it. */
  next(): FeedMessage {
    const message = this.queue.shift();
    invariant(message !== undefined, `nothing to run in partition ${this.id}`);
    invariant(
      message.streamSequence > this.doneSequence && message.streamSequence >= this.startedSequence,
      `partition ${this.id} would go back from ${this.startedSequence} to ${message.streamSequence}`,
    );
    this.startedSequence = message.streamSequence;
    return message;
  }

  /** Notes that the running message was handled to the end. */
  done(sequence: number): void {
    invariant(sequence > this.doneSequence, `partition ${this.id} did ${sequence} twice`);
    this.doneSequence = sequence;
  }

  /** Forgets what waits; it stays unacknowledged and comes again on another lane. Returns how many messages that were. */
  drop(): number {
    const dropped = this.queue.length;
    this.queue.length = 0;
    this.#queuedSequence = this.running?.message.streamSequence ?? this.doneSequence;
    return dropped;
  }
}
