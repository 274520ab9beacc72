/**
 * The lanes a worker has, and the room that is shared among them.
 *
 * @module
 */
import type { GroupConsumerConfig } from "../../config/config.ts";
import type { PartiError } from "../../errors.ts";
import type { ConsumerConfig, FeedMessage } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import { roomOf } from "./ack_pending.ts";
import { Lane, type LaneEnd } from "./lane.ts";
import { Prefetch, WAITING_BYTES_MOST } from "./prefetch.ts";
import type { Slot, Taken } from "../dispatch/slot.ts";

/** What the table needs. */
export interface LaneTableOptions {
  /** The world. */
  readonly world: Pick<World, "clock" | "feed">;
  /** How to consume. */
  readonly config: Pick<GroupConsumerConfig, "stream" | "prefetch" | "shards">;
  /** How long the confirmation of acks may take, in milliseconds. */
  readonly operationTimeoutMs: number;
  /** Told of each delivery a slot has taken. */
  readonly onTaken: (
    slot: Slot,
    message: FeedMessage,
    taken: Exclude<Taken, "out-of-order">,
    lane: Lane,
  ) => void;
  /** Told when a lane ended by itself. */
  readonly onEnd: (lane: Lane, reason: LaneEnd, detail: string) => void;
  /** Told when the server begins to refuse a lane's pulls or acks, because this user may not send them. */
  readonly onRefused: (refusal: PartiError) => void;
}

/** However many lanes share the room, each has some. */
const LANE_LIMIT_MIN = 4;
/** The same for shards: a worker has as many lanes as it has shards, and each holds many keys. */
const SHARD_LIMIT_MIN = 32;

/** A worker's lanes by name. */
export class LaneTable {
  readonly #options: LaneTableOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #prefetch: Prefetch;

  /** @param options what it needs */
  constructor(options: LaneTableOptions) {
    this.#options = options;
    this.#prefetch = new Prefetch(options.config.prefetch, options.world.clock.monotonicMs());
  }

  /** All lanes, as they are now: the list may be walked while lanes come and go. */
  get all(): Lane[] {
    return [...this.#lanes.values()];
  }

  /** How many lanes there are. */
  get size(): number {
    return this.#lanes.size;
  }

  /** Whether a lane of that name is here. */
  has(name: string): boolean {
    return this.#lanes.has(name);
  }

  /**
   * Starts a lane whose consumer exists.
   *
   * @param consumer its consumer
   * @param slots what it feeds
   * @returns the lane
   */
  open(consumer: ConsumerConfig, slots: readonly Slot[]): Lane {
    const { world, config, operationTimeoutMs, onTaken, onEnd, onRefused } = this.#options;
    const lane = new Lane({
      feed: world.feed,
      stream: slots[0]?.stream ?? config.stream,
      config: consumer,
      slots,
      operationTimeoutMs,
      openedAtMs: world.clock.monotonicMs(),
      onTaken: (slot, message, taken, from) => {
        onTaken(slot, message, taken, from);
        if (this.#prefetch.took()) this.adaptRoom();
      },
      onEnd,
      onRefused,
    });
    this.#lanes.set(lane.name, lane);
    for (const slot of slots) slot.lane = lane;
    this.shareRoom();
    return lane;
  }

  /** Forgets a lane. */
  remove(lane: Lane): void {
    this.#lanes.delete(lane.name);
    this.shareRoom();
  }

  /** Looks whether the handlers are quicker or slower than before, and divides the room anew if so. */
  adaptRoom(): void {
    if (this.#prefetch.adapt(this.#options.world.clock.monotonicMs())) this.shareRoom();
  }

  /** Divides the prefetch among the lanes; where all partitions are stopped nothing is asked for. */
  shareRoom(): void {
    const { shards } = this.#options.config;
    const share = Math.floor(this.#prefetch.room / Math.max(1, this.#lanes.size));
    const limit = Math.max(shards === undefined ? LANE_LIMIT_MIN : SHARD_LIMIT_MIN, share);
    const bytes = Math.floor(WAITING_BYTES_MOST / Math.max(1, this.#lanes.size));
    for (const lane of this.#lanes.values()) {
      const stopped = [...lane.slots.values()].every((slot) => slot.stopped);
      lane.setLimit(stopped ? 0 : Math.min(limit, roomOf(lane.config.maxAckPending)), bytes);
    }
  }
}
