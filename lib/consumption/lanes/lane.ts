/**
 * A lane: one durable pull consumer whose filter is a set of partitions acquired together. It never grows. In a sharded feed it has no filter,
 * and reads one shard.
 *
 * @module
 */
import type { PartiError } from "../../errors.ts";
import type { ConsumerConfig, FeedMessage, FeedStore, Pull } from "../../ports/feed.ts";
import { AckLog } from "./ack_log.ts";
import type { Slot, Taken } from "../dispatch/slot.ts";

/** Why a lane cannot go on. */
export type LaneEnd = "deleted" | "stalled" | "failed" | "gap";

/** What a lane needs. */
export interface LaneOptions {
  /** Where consumers are. */
  readonly feed: Pick<FeedStore, "pull">;
  /** The stream. */
  readonly stream: string;
  /** Its consumer, as it was made. */
  readonly config: ConsumerConfig;
  /** What it feeds. */
  readonly slots: readonly Slot[];
  /** How long the confirmation of acks may take, in milliseconds. */
  readonly operationTimeoutMs: number;
  /** When it was made, on the monotonic clock, in milliseconds. */
  readonly openedAtMs: number;
  /** Told of each delivery that a slot has taken. */
  readonly onTaken: (
    slot: Slot,
    message: FeedMessage,
    taken: Exclude<Taken, "out-of-order">,
    lane: Lane,
  ) => void;
  /** Told once when the lane cannot go on. */
  readonly onEnd: (lane: Lane, reason: LaneEnd, detail: string) => void;
  /** Told when the server begins to refuse pulls or acks, because this user may not send them. */
  readonly onRefused: (refusal: PartiError) => void;
}

/** A running lane. */
export class Lane {
  /** The durable name. */
  readonly name: string;
  /** The stream it reads. */
  readonly stream: string;
  /** What it feeds, by subject. */
  readonly slots: Map<string, Slot>;
  /** Its acks. */
  readonly acks: AckLog;
  /** When it was made, on the monotonic clock, in milliseconds. */
  readonly openedAtMs: number;
  /** A change of its consumer is under way. */
  busy = false;
  /** It has ended, and that was dealt with. */
  cleared = false;
  /** When clearing it is tried again after a failure, on the monotonic clock, in milliseconds. */
  clearAgainAtMs = 0;
  /** The slot that held most of a full lane when it was last looked at. */
  suspect: Slot | undefined;
  /** Whether any message was handled to the end through it. */
  useful = false;
  readonly #options: LaneOptions;
  readonly #pull: Pull;
  #delivered = 0;
  #buffered = 0;
  #bufferedBytes = 0;
  #limit = 0;
  #limitBytes = 0;
  #pullRefusal: PartiError | undefined;
  #ended: LaneEnd | undefined;
  #config: ConsumerConfig;
  #closed = false;

  /** @param options what it needs; the consumer must exist */
  constructor(options: LaneOptions) {
    this.#options = options;
    this.#config = options.config;
    this.name = options.config.name;
    this.stream = options.stream;
    this.openedAtMs = options.openedAtMs;
    this.acks = new AckLog(options.operationTimeoutMs, options.onRefused, () => {
      for (const slot of this.slots.values()) slot.confirmed();
    });
    this.slots = new Map(options.slots.map((slot) => [slot.subject, slot]));
    this.#pull = options.feed.pull(options.stream, this.name, {
      onMessage: (message) => this.#take(message),
      onLost: (reason, detail) => this.fail(reason, detail),
      onDelivered: (sequence) => {
        if (sequence <= this.#delivered) return;
        this.fail("gap", `delivery ${sequence} was made, and ${this.#delivered} came last`);
      },
      onPermission: (refusal) => {
        this.#pullRefusal = refusal;
        if (refusal !== undefined) options.onRefused(refusal);
      },
    });
  }

  /** Its consumer as it is on the server. */
  get config(): ConsumerConfig {
    return this.#config;
  }

  /**
   * Notes that its consumer's filter has shrunk.
   *
   * @param filterSubjects what it reads from now on
   */
  shrunk(filterSubjects: readonly string[]): void {
    this.#config = { ...this.#config, filterSubjects };
  }

  /** Whether it has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Why it ended by itself; undefined if it did not. */
  get ended(): LaneEnd | undefined {
    return this.#ended;
  }

  /** Why the server lets this user neither pull nor acknowledge; undefined while it does. */
  get refusal(): PartiError | undefined {
    return this.#pullRefusal ?? this.acks.refusal;
  }

  /** How many messages wait in its slots. */
  get buffered(): number {
    return this.#buffered;
  }

  /** The delivery sequence of the last message that arrived. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Whether no more room is left. */
  get full(): boolean {
    return this.#buffered >= this.#limit || this.#bufferedBytes >= this.#limitBytes;
  }

  /** Whether a handler of one of its partitions runs. */
  get running(): boolean {
    for (const slot of this.slots.values()) if (slot.running !== undefined) return true;
    return false;
  }

  /**
   * Sets how many messages may wait, and asks for as many as there is room for.
   *
   * @param limit how many
   * @param bytes how large they may be together; the last one may be beyond it
   */
  setLimit(limit: number, bytes: number): void {
    this.#limit = limit;
    this.#limitBytes = bytes;
    this.#refill();
  }

  /** Notes that a message left the queue of one of its slots, and asks for more. */
  removed(message: FeedMessage): void {
    this.#buffered--;
    this.#bufferedBytes -= message.data.length;
    // What came again under a sequence may have been of another size: a stream that is made anew gives sequences out again.
    if (this.#buffered === 0) this.#bufferedBytes = 0;
    this.#refill();
  }

  /** Acknowledges a message that came on it. */
  ack(message: FeedMessage): void {
    this.useful = true;
    this.acks.add(message);
  }

  /** Takes a slot out: its deliveries are ignored from now on. */
  detach(slot: Slot): void {
    if (!this.slots.delete(slot.subject)) return;
    for (const { queue } of slot.parts) {
      for (const message of queue) this.#bufferedBytes -= message.data.length;
    }
    this.#buffered -= slot.drop();
    slot.lane = undefined;
    this.#refill();
  }

  /** Stops pulling; what waits is forgotten, since it comes again elsewhere. The consumer on the server stays as it is. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pull.close();
    for (const slot of this.slots.values()) slot.drop();
    this.#buffered = 0;
    this.#bufferedBytes = 0;
  }

  /**
   * Ends it because it is gone, a delivery is missing, or it is in doubt. What waits is not started any more: if somebody deleted
   * the lane, then others may own its partitions.
   *
   * @param reason why
   * @param detail the same in words
   */
  fail(reason: LaneEnd, detail: string): void {
    if (this.#closed) return;
    this.#ended = reason;
    this.close();
    this.#options.onEnd(this, reason, detail);
  }

  /**
   * Its consumer is no more. One that has ended for another reason, and is kept as the lock on what is handled, is no lock any more.
   *
   * @param detail how that is known
   */
  gone(detail: string): void {
    if (!this.#closed) this.fail("deleted", detail);
    else if (this.#ended !== undefined) this.#ended = "deleted";
  }

  /** Asks for as many messages as there is room for. */
  #refill(): void {
    if (this.#closed) return;
    const count = this.full ? 0 : this.#limit - this.#buffered;
    this.#pull.request(count, this.#limitBytes - this.#bufferedBytes);
  }

  /** A shard's lane has no filter: whatever comes on it belongs to its one slot. */
  #slotOf(subject: string): Slot | undefined {
    if (this.#config.filterSubjects.length > 0) return this.slots.get(subject);
    for (const slot of this.slots.values()) return slot.part(subject);
    return undefined;
  }

  #take(message: FeedMessage): void {
    if (this.#closed) return;
    const expected = this.#delivered + 1;
    this.#delivered = message.deliverySequence;
    if (message.deliverySequence !== expected) {
      // Something was sent and never arrived, as on a connection that was cut. It would come again only after the ack wait,
      // behind younger messages. A fresh lane starts at the oldest one instead.
      this.fail("gap", `delivery ${message.deliverySequence} came instead of ${expected}`);
      return;
    }
    const slot = this.#slotOf(message.subject);
    // Without one it is of a partition that was let go: not ours to handle, nor to ack.
    const taken = slot?.take(message, this);
    if (slot !== undefined && taken === "out-of-order") {
      this.fail("gap", `sequence ${message.streamSequence} of ${slot.id} came out of order`);
      return;
    }
    // What takes no room has used up a credit all the same.
    if (taken === "queued") {
      this.#buffered++;
      this.#bufferedBytes += message.data.length;
    } else this.#refill();
    if (slot !== undefined) {
      this.#options.onTaken(slot, message, taken as Exclude<Taken, "out-of-order">, this);
    }
  }
}
