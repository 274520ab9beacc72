/**
 * A lane: one durable pull consumer whose filter is a set of partitions acquired together. It never grows.
 *
 * @module
 */
import type { FeedMessage, FeedStore, Pull } from "../ports/feed.ts";
import type { Slot, Taken } from "./slot.ts";

/** Why a lane cannot go on. */
export type LaneEnd = "deleted" | "stalled" | "failed" | "gap";

/** What a lane needs. */
export interface LaneOptions {
  /** Where consumers are. */
  readonly feed: FeedStore;
  /** The stream. */
  readonly stream: string;
  /** The durable name. */
  readonly name: string;
  /** What it feeds. */
  readonly slots: readonly Slot[];
  /** Told of each delivery that a slot has taken. */
  readonly onTaken: (
    slot: Slot,
    message: FeedMessage,
    taken: Exclude<Taken, "out-of-order">,
  ) => void;
  /** Told once when the lane cannot go on. */
  readonly onEnd: (lane: Lane, reason: LaneEnd, detail: string) => void;
}

/** A running lane. */
export class Lane {
  /** The durable name. */
  readonly name: string;
  /** What it feeds, by subject. */
  readonly slots: Map<string, Slot>;
  /** A change of its consumer is under way. */
  busy = false;
  /** The last message acknowledged on it and not yet confirmed. */
  lastAcked: FeedMessage | undefined;
  /** It was split off for one slow partition and is not merged again. */
  isolated = false;
  readonly #options: LaneOptions;
  readonly #pull: Pull;
  #delivered = 0;
  #buffered = 0;
  #limit = 1;
  #closed = false;

  /** @param options what it needs; the consumer must exist */
  constructor(options: LaneOptions) {
    this.#options = options;
    this.name = options.name;
    this.slots = new Map(options.slots.map((slot) => [slot.subject, slot]));
    this.#pull = options.feed.pull(options.stream, options.name, {
      onMessage: (message) => this.#take(message),
      onLost: (reason, detail) => this.#end(reason, detail),
    });
  }

  /** Whether it has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  /** How many messages wait in its slots. */
  get buffered(): number {
    return this.#buffered;
  }

  /** The delivery sequence of the last message that arrived. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Sets how many messages may wait, and asks for as many as there is room for. */
  setLimit(limit: number): void {
    this.#limit = limit;
    this.refill();
  }

  /** Whether no more room is left. */
  get full(): boolean {
    return this.#buffered >= this.#limit;
  }

  /** Notes that messages left the queues of its slots, and asks for more. */
  removed(count: number): void {
    this.#buffered = Math.max(0, this.#buffered - count);
    this.refill();
  }

  /** Asks for as many messages as there is room for. */
  refill(): void {
    if (!this.#closed) this.#pull.request(Math.max(0, this.#limit - this.#buffered));
  }

  /** Takes a slot out: its deliveries are ignored from now on. */
  detach(slot: Slot): void {
    this.#buffered = Math.max(0, this.#buffered - slot.drop());
    this.slots.delete(slot.subject);
    if (slot.lane === this) slot.lane = undefined;
  }

  /** Stops pulling. The consumer stays as it is. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pull.close();
  }

  /** Ends it because a delivery is missing or the consumer is in doubt. */
  fail(reason: LaneEnd, detail: string): void {
    this.#end(reason, detail);
  }

  #end(reason: LaneEnd, detail: string): void {
    if (this.#closed) return;
    this.close();
    this.#options.onEnd(this, reason, detail);
  }

  #take(message: FeedMessage): void {
    if (this.#closed) return;
    const expected = this.#delivered + 1;
    this.#delivered = message.deliverySequence;
    if (message.deliverySequence !== expected) {
      // Something was sent and never arrived, as on a connection that was cut. It would come again only after the ack wait,
      // behind younger messages. A fresh lane starts at the oldest one instead.
      this.#end("gap", `delivery ${message.deliverySequence} came instead of ${expected}`);
      return;
    }
    const slot = this.slots.get(message.subject);
    // Of a partition that was released or is about to be: not ours to handle, nor to ack.
    if (slot === undefined || slot.releasing) return;
    const taken = slot.take(message);
    if (taken === "out-of-order") {
      this.#end("gap", `sequence ${message.streamSequence} of ${slot.id} came out of order`);
      return;
    }
    if (taken === "queued") this.#buffered++;
    this.#options.onTaken(slot, message, taken);
  }
}
