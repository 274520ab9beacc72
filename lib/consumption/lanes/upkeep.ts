/**
 * Upkeep: what a worker's lanes need now and then. A partition that fills its lane is left alone in it, so that it holds up nobody
 * else; lanes that became many are merged; and acks do not stay unconfirmed, and in memory, for long. Looking only a few times per second
 * is what keeps all of it from becoming storms.
 *
 * @module
 */
import type { Timer } from "../../ports/clock.ts";
import { LANE_PARTITIONS_MAX } from "./acquirer.ts";
import { chooseCompaction, isCrowded } from "./compaction.ts";
import type { Detacher } from "./detacher.ts";
import type { LaneKeeperOptions } from "./keeper_options.ts";
import type { Lane } from "./lane.ts";
import type { LaneTable } from "./lane_table.ts";
import type { Slot } from "../dispatch/slot.ts";

/** How often it looks. */
const UPKEEP_MS = 500;
/** How often it looks where nothing waits and the lanes are few: a worker at rest costs next to nothing. */
const CALM_MS = 2_000;
/** Looks without a merge after one: what was merged may have to part again. */
const LOOKS_BETWEEN_MERGES = 4;
/** No merge so soon after a lane was made, unless there are very many: the group is rebalancing, and has enough to do. */
const REST_MS = 2_000;
/** A slot that has more than this share of a full lane holds up the others. */
const HOT_SHARE = 1 / 4;
/** So many acks that are not confirmed are worth a question to the server: fewer take next to no memory. */
const CONFIRM_LEAST = 16;

/** Looks after lanes. */
export class Upkeep {
  readonly #options: LaneKeeperOptions;
  readonly #table: LaneTable;
  readonly #detacher: Detacher;
  #timer: Timer | undefined;
  #mergeInLooks = 0;
  #evacuations = 0;
  #calm = false;
  #closed = false;

  /**
   * @param options what it needs
   * @param table the lanes
   * @param detacher takes partitions off their lanes
   */
  constructor(options: LaneKeeperOptions, table: LaneTable, detacher: Detacher) {
    this.#options = options;
    this.#table = table;
    this.#detacher = detacher;
    this.#arm();
  }

  /** Looks no more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** A lane is full: a partition may hold up the others soon. Asked for with each message, so it does nothing where it looks often. */
  wake(): void {
    if (!this.#calm || this.#closed) return;
    this.#timer?.cancel();
    this.#arm();
  }

  #arm(): void {
    const { world, mayAct, onChange } = this.#options;
    this.#calm = this.#isCalm();
    this.#timer = world.clock.setTimer(this.#calm ? CALM_MS : UPKEEP_MS, () => {
      if (this.#closed) return;
      // It looks now: whoever wakes it meanwhile need not.
      this.#calm = false;
      if (world.messaging.connected && mayAct()) this.#look();
      this.#arm();
      // Whatever was missed is seen now.
      onChange();
    });
  }

  /** Shards have a lane each, and stay apart. */
  get #maxLanes(): number {
    const { shards, maxLanes } = this.#options.config;
    return shards === undefined ? maxLanes : Infinity;
  }

  /** Nothing is to be merged, and nobody holds up anybody. */
  #isCalm(): boolean {
    const { all } = this.#table;
    return all.length <= this.#maxLanes &&
      all.every((lane) => !lane.closed && !lane.busy && lane.buffered === 0);
  }

  #look(): void {
    const { buggify } = this.#options.world;
    this.#table.adaptRoom();
    for (const lane of this.#table.all) {
      if (lane.busy || lane.closed) continue;
      if (buggify("lane-stalls", 0.02)) lane.fail("stalled", "on purpose");
      else this.#isolate(lane);
      // Whatever is wrong, the next release or reconnect finds it too; acks that are refused the log tells by itself.
      if (lane.acks.unconfirmed >= CONFIRM_LEAST) lane.acks.confirm().catch(() => {});
    }
    if (this.#mergeInLooks-- > 0) return;
    const isEager = buggify("merge-early");
    const maxLanes = isEager && this.#maxLanes < Infinity ? 1 : this.#maxLanes;
    const all = this.#table.all;
    const restedSinceMs = this.#options.world.clock.monotonicMs() - REST_MS;
    const isResting = all.every((lane) => lane.openedAtMs <= restedSinceMs);
    if (!isEager && !isResting && !isCrowded(all, maxLanes)) return;
    const lanes = chooseCompaction(all, maxLanes, LANE_PARTITIONS_MAX);
    if (lanes.length === 0) return;
    this.#mergeInLooks = LOOKS_BETWEEN_MERGES;
    this.#detacher.merge(lanes);
  }

  /**
   * Takes the others out of a lane that one partition has filled since the last look. The others leave rather than the one, since
   * its handler runs, and the lane is the lock on what it handles.
   */
  #isolate(lane: Lane): void {
    const before = lane.suspect;
    lane.suspect = this.#options.paused() ? undefined : hottest(lane);
    if (lane.suspect === undefined || lane.suspect !== before) return;
    const others = [...lane.slots.values()].filter((slot) =>
      slot !== before && slot.wanted && slot.running === undefined && !slot.moving && !slot.stale
    );
    if (others.length === 0) return;
    this.#detacher.detach(lane, others, `beside ${++this.#evacuations}`);
  }
}

/** The slot that fills a full lane, if there is one and it is not alone there. */
function hottest(lane: Lane): Slot | undefined {
  if (!lane.full || lane.slots.size < 2) return undefined;
  let most: Slot | undefined;
  for (const slot of lane.slots.values()) {
    if (slot.queue.length > (most?.queue.length ?? 0)) most = slot;
  }
  return most !== undefined && most.queue.length > lane.buffered * HOT_SHARE ? most : undefined;
}
