/**
 * Detaching: partitions leave their lane. The last ack is confirmed with the server, then the lane's filter is shrunk, or the lane
 * deleted if nothing is left in it. If any of that fails the lane ends, and what else was in it gets a new one.
 *
 * The server's refusal of overlapping filters is the lock. So no filter gives up a partition whose handler runs, unless its drain
 * deadline is over: then the handler was aborted, and its ack is never sent.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { LaneKeeperOptions } from "./keeper_options.ts";
import type { Lane } from "./lane.ts";
import type { LaneTable } from "./lane_table.ts";
import type { Orphans } from "./orphans.ts";
import type { Slot } from "../dispatch/slot.ts";

/** A lane that ends by itself sooner than this and without any use was not worth making. */
const USELESS_LIFE_MS = 5_000;
/** When a lane that is kept as a lock and could not be shrunk is tried again; upkeep looks about as often. */
const CLEAR_AGAIN_MS = 400;
const SETBACK_MS = 100;
const SETBACK_MAX_MS = 5_000;
const SETBACKS_MAX = 20;

/** Takes partitions off their lanes. */
export class Detacher {
  readonly #options: LaneKeeperOptions;
  readonly #table: LaneTable;
  readonly #orphans: Orphans;
  #merges = 0;
  #finishing = false;
  #closed = false;

  /**
   * @param options what it needs
   * @param table the lanes
   * @param orphans where lanes go that could not be deleted
   */
  constructor(options: LaneKeeperOptions, table: LaneTable, orphans: Orphans) {
    this.#options = options;
    this.#table = table;
    this.#orphans = orphans;
  }

  /** Starts whatever is to leave and can: lanes that have ended, partitions not wanted any more, partitions that need a fresh lane. */
  start(): void {
    // While the connection is down nothing can be confirmed nor freed. Only who leaves for good does not wait for it.
    const reachable = this.#finishing || this.#options.world.messaging.connected;
    if (this.#closed || !reachable) return;
    const now = this.#options.world.clock.monotonicMs();
    for (const lane of this.#table.all) {
      if (lane.busy) continue;
      const slots = [...lane.slots.values()];
      if (lane.closed) {
        const kept = slots.filter((slot) => isKept(lane, slot)).length;
        const isStuck = kept === slots.length && !this.#mayRewind(lane);
        if (isStuck || (kept > 0 && lane.clearAgainAtMs > now)) continue;
        void this.#operate([lane], () => this.#clear(lane));
      } else {
        const leaving = slots.filter(mayLeave);
        if (leaving.length > 0) this.detach(lane, leaving);
      }
    }
  }

  /** From now on everything is released even without a connection. */
  finish(): void {
    this.#finishing = true;
  }

  /** Starts nothing more, and tells nobody of what is under way. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Takes partitions off a lane. Those still wanted are acquired anew afterwards.
   *
   * @param lane the lane; not busy
   * @param slots some of its slots; what still runs in them was aborted
   * @param batch under which name the wanted ones are acquired together
   */
  detach(lane: Lane, slots: readonly Slot[], batch = `after ${lane.name}`): void {
    void this.#operate([lane], async () => {
      prepare(slots, batch);
      const leaving = new Set(slots);
      const rest = [...lane.slots.values()].filter((slot) => !leaving.has(slot));
      try {
        await lane.acks.confirm();
        if (rest.length > 0) {
          await this.#shrink(lane, rest);
          if (this.#options.world.buggify("shrink-in-doubt", 0.1)) {
            throw new PartiError("PARTI_TIMEOUT", "whether the filter was shrunk is not known");
          }
          this.#free(lane, slots);
        }
      } catch (error) {
        this.#options.events.error(error);
        // Nobody knows what it reads now. It is cleared away as one that ended by itself.
        lane.fail("failed", "partitions could not be taken out of its filter");
        return;
      }
      if (rest.length === 0) await this.#delete(lane);
    });
  }

  /**
   * Deletes lanes in which nothing runs, so that their partitions are acquired together as one.
   *
   * @param lanes the lanes; none busy
   */
  merge(lanes: readonly Lane[]): void {
    const batch = `merge ${++this.#merges}`;
    void this.#operate(lanes, async () => {
      for (const lane of lanes) prepare(lane.slots.values(), batch);
      await Promise.all(lanes.map((lane) => this.#confirm(lane)));
      await Promise.all(lanes.map((lane) => this.#delete(lane)));
      if (!this.#closed) this.#options.events.compacted(lanes.length);
    });
  }

  /** One operation on a lane at a time; reconcile again afterwards. Never rejects. */
  async #operate(lanes: readonly Lane[], operation: () => Promise<void>): Promise<void> {
    for (const lane of lanes) lane.busy = true;
    try {
      await operation();
    } catch (error) {
      this.#options.events.error(error);
    } finally {
      for (const lane of lanes) lane.busy = false;
      if (!this.#closed) this.#options.onChange();
    }
  }

  /**
   * A lane that has ended goes, so that its partitions can be acquired anew. Where handlers run it is kept for them alone, as the
   * lock, until they come back.
   */
  async #clear(lane: Lane): Promise<void> {
    const { events, doubtFeed } = this.#options;
    // Somebody may have evicted it; or the stream has gone with it, and what comes in its place need not be a lock.
    if (lane.ended === "deleted") doubtFeed(lane.stream);
    const setbackMs = lane.cleared ? 0 : this.#countSetback(lane);
    const slots = [...lane.slots.values()];
    prepare(slots, `after ${lane.name}`);
    lane.cleared = true;
    const running = slots.filter((slot) => isKept(lane, slot));
    if (lane.ended !== "deleted") await this.#confirm(lane);
    // What has ended meanwhile was acknowledged behind what is confirmed now: it leaves the next time. Of a lane that is gone nothing is kept.
    const kept = lane.ended === "deleted" ? [] : running;
    if (kept.length === 0) return await this.#delete(lane, setbackMs);
    const rest = slots.filter((slot) => !kept.includes(slot));
    if (rest.length === 0) return await this.#rewind(lane, setbackMs);
    try {
      await this.#shrink(lane, kept);
    } catch (error) {
      events.error(error);
      // Without it there is no lock to keep. Otherwise it is one for those whose handlers run by right, whatever else it locks meanwhile.
      if (isPartiError(error, "PARTI_NOT_FOUND")) return await this.#delete(lane, setbackMs);
      lane.clearAgainAtMs = this.#options.world.clock.monotonicMs() + CLEAR_AGAIN_MS;
      return;
    }
    this.#free(lane, rest, setbackMs);
  }

  /** Whether a lane may have to start anew in its place: where it is a shard's that stays here, all its keys wait for that. */
  #mayRewind(lane: Lane): boolean {
    if (this.#options.config.shards === undefined || lane.clearAgainAtMs === Infinity) return false;
    return [...lane.slots.values()].every((slot) => slot.wanted && !slot.outranked);
  }

  /**
   * Lets a shard go on although handlers run by right in it: its consumer starts anew in its place, so that it is their lock all the time, and
   * what they are at is known when it comes again. Where the server cannot do that they are waited for.
   */
  async #rewind(lane: Lane, setbackMs: number): Promise<void> {
    if (!this.#mayRewind(lane)) return;
    const { world, events } = this.#options;
    const again = (delayMs: number) => lane.clearAgainAtMs = world.clock.monotonicMs() + delayMs;
    if (setbackMs > 0) return void again(setbackMs);
    try {
      const isRewound = await world.feed.rewindConsumer(lane.stream, lane.name);
      if (!isRewound) return void again(Infinity);
    } catch (error) {
      events.error(error);
      // Without the permission there is no use in asking again.
      return void again(isPartiError(error, "PARTI_REFUSED") ? Infinity : CLEAR_AGAIN_MS);
    }
    if (this.#closed) return;
    const slots = [...lane.slots.values()];
    this.#table.remove(lane);
    for (const slot of slots) {
      lane.detach(slot);
      slot.moving = false;
      slot.stale = false;
    }
    this.#table.open(lane.config, slots);
  }

  async #shrink(lane: Lane, rest: readonly Slot[]): Promise<void> {
    const subjects = rest.map((slot) => slot.subject);
    await this.#options.world.feed.shrinkConsumer(lane.stream, lane.config, subjects);
    lane.shrunk(subjects);
  }

  /** How long to wait before the next try, in milliseconds: a lane that fails again and again must not become a storm. */
  #countSetback(lane: Lane): number {
    const lifeMs = this.#options.world.clock.monotonicMs() - lane.openedAtMs;
    const useful = lane.useful || lifeMs > USELESS_LIFE_MS;
    let most = 0;
    for (const slot of lane.slots.values()) {
      slot.setbacks = useful ? 0 : Math.min(slot.setbacks + 1, SETBACKS_MAX);
      most = Math.max(most, slot.setbacks);
    }
    return most < 2 ? 0 : Math.min(SETBACK_MS * 2 ** (most - 2), SETBACK_MAX_MS);
  }

  /** Confirms acks if it can. Those that got lost only mean that their messages come again, and are known as done. */
  async #confirm(lane: Lane): Promise<void> {
    try {
      await lane.acks.confirm();
    } catch (error) {
      this.#options.events.error(error);
    }
  }

  /** Ends a lane here and on the server, and frees all its partitions. */
  async #delete(lane: Lane, pauseMs = 0): Promise<void> {
    const { world, events } = this.#options;
    lane.close();
    try {
      await world.feed.deleteConsumer(lane.stream, lane.name);
    } catch (error) {
      this.#orphans.add(lane.stream, lane.name);
      events.error(error);
    }
    this.#table.remove(lane);
    this.#free(lane, [...lane.slots.values()], pauseMs);
  }

  /** These are off their lane: to be acquired anew after a pause, or to be had by others. */
  #free(lane: Lane, slots: readonly Slot[], pauseMs = 0): void {
    const nextTryAtMs = pauseMs === 0 ? 0 : this.#options.world.clock.monotonicMs() + pauseMs;
    const released: string[] = [];
    let forced = false;
    for (const slot of slots) {
      lane.detach(slot);
      slot.moving = false;
      slot.stale = false;
      slot.nextTryAtMs = nextTryAtMs;
      if (slot.wanted) continue;
      slot.hold.isAcquired = false;
      released.push(slot.id);
      forced ||= slot.running !== undefined;
    }
    if (released.length === 0 || this.#closed) return;
    this.#options.events.released(released, forced);
    this.#options.onReleased(released);
  }
}

/** Whether a partition is to leave its lane and nothing keeps it there. */
function mayLeave(slot: Slot): boolean {
  if (slot.wanted) return slot.stale && slot.running === undefined;
  return slot.running === undefined || slot.running.aborted;
}

/** Whether an ended lane must still lock a partition: its handler runs by right. Of a lane that is gone nothing can be kept. */
function isKept(lane: Lane, slot: Slot): boolean {
  return lane.ended !== "deleted" && slot.running !== undefined && !slot.running.aborted;
}

/** Nothing is started in partitions that are on their way. */
function prepare(slots: Iterable<Slot>, batch: string): void {
  for (const slot of slots) {
    if (!slot.moving) slot.batch = batch;
    slot.moving = true;
  }
}
