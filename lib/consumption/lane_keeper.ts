/**
 * The lane keeper talks with the server about lanes: acquire, release, isolate, compact, check. Every operation is asynchronous and
 * leaves the slots in a state from which the next reconcile can go on, whatever failed.
 *
 * @module
 */
import type { PartitionId } from "../assignment/partition.ts";
import type { GroupConsumerConfig } from "../config.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { laneMetadata, laneName, type LaneOwner } from "../names.ts";
import type { Timer } from "../ports/clock.ts";
import type { FeedMessage } from "../ports/feed.ts";
import { jitter } from "../ports/random.ts";
import type { World } from "../ports/world.ts";
import { chooseCompaction } from "./compaction.ts";
import type { ConsumptionEvents } from "./events.ts";
import { Lane, type LaneEnd } from "./lane.ts";
import { surveyHolders } from "./survey.ts";
import type { Slot, Taken } from "./slot.ts";

/** What the keeper needs. */
export interface LaneKeeperOptions {
  /** The world. */
  readonly world: World;
  /** How to consume. */
  readonly config: GroupConsumerConfig;
  /** Whose lanes they are. */
  readonly owner: LaneOwner;
  /** How long running handlers may go on when their partitions are to move, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** How long a call to the server may take, in milliseconds. */
  readonly operationTimeoutMs: number;
  /** All slots of the worker. */
  readonly slots: ReadonlyMap<PartitionId, Slot>;
  /** Who is told. */
  readonly events: ConsumptionEvents;
  /** Whether the worker's lease is in force. */
  readonly mayAct: () => boolean;
  /** Whether an instance is part of the present generation. */
  readonly isKnown: (instance: string) => boolean;
  /** The assignment in force. */
  readonly generation: () => { readonly epoch: number; readonly generation: number };
  /** Told of each delivery a slot has taken. */
  readonly onTaken: (
    slot: Slot,
    message: FeedMessage,
    taken: Exclude<Taken, "out-of-order">,
  ) => void;
  /** Told when a lane ended by itself. */
  readonly onEnd: (lane: Lane, reason: LaneEnd, detail: string) => void;
  /** Told what was released. */
  readonly onReleased: (ids: readonly PartitionId[]) => void;
  /** Told when something changed: reconcile again. */
  readonly onChange: () => void;
}

/** The first pause after a refusal: a release notice usually comes sooner. */
const REFUSED_MS = 50;
const REFUSED_MAX_MS = 1_000;
/** Refused so often: look who holds it. */
const SURVEY_AFTER_REFUSALS = 2;
/** The server hands out this many times the prefetch, since abandoned deliveries count until their ack wait ends. */
const ACK_PENDING_FACTOR = 8;
const LANE_LIMIT_MIN = 4;
const ORPHAN_RETRY_MS = 500;

/** Keeps a worker's lanes. */
export class LaneKeeper {
  readonly #options: LaneKeeperOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #creating = new Set<string>();
  readonly #drainTimers = new Map<Slot, Timer>();
  readonly #orphans = new Set<string>();
  #orphanTimer: Timer | undefined;
  #serial = 0;
  #hints = 0;
  #retryTimer: Timer | undefined;
  #closed = false;

  /** @param options what it needs */
  constructor(options: LaneKeeperOptions) {
    this.#options = options;
  }

  /** The lanes there are. */
  get lanes(): Lane[] {
    return [...this.#lanes.values()];
  }

  /** Compares what is wanted with what is held, and starts whatever makes them equal. */
  reconcile(): void {
    if (this.#closed) return;
    this.#startClearing();
    this.#startOrphans();
    this.#startReleases();
    this.#startAcquires();
    this.#startIsolation();
    this.#startCompaction();
  }

  /** Somebody let these go: those wanted here are tried at once. */
  hint(ids: readonly PartitionId[]): void {
    const batch = `hint ${++this.#hints}`;
    let any = false;
    for (const id of ids) {
      const slot = this.#options.slots.get(id);
      if (slot === undefined || !slot.wanted || slot.lane !== undefined) continue;
      slot.nextTryAtMs = 0;
      slot.batch = batch;
      any = true;
    }
    if (any) this.#options.onChange();
  }

  /** Gives a partition that was stopped a fresh lane, which starts at the message that stopped it. */
  restart(slot: Slot): void {
    const lane = slot.lane;
    if (lane === undefined) return this.#options.onChange();
    void this.#operate(lane, () => this.#split(lane, slot));
  }

  /** After a reconnect: starts lanes anew that are gone or that have handed out more than has arrived. */
  async checkAll(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => this.#check(lane)));
    if (!this.#closed) this.#options.onChange();
  }

  /** Stops all pulls; nothing is said to the server. */
  close(): void {
    this.#closed = true;
    this.#retryTimer?.cancel();
    this.#orphanTimer?.cancel();
    for (const timer of this.#drainTimers.values()) timer.cancel();
    this.#drainTimers.clear();
    for (const lane of this.#lanes.values()) lane.close();
  }

  // ---- Release -------------------------------------------------------------------------------------------------------------

  #startReleases(): void {
    const free = new Map<Lane, Slot[]>();
    for (const slot of this.#options.slots.values()) {
      if (slot.wanted || slot.lane === undefined) continue;
      if (!slot.releasing) this.#beginRelease(slot);
      if ((slot.running !== undefined && !slot.drainOver) || slot.lane.busy) continue;
      const slots = free.get(slot.lane);
      if (slots === undefined) free.set(slot.lane, [slot]);
      else slots.push(slot);
    }
    for (const [lane, slots] of free) {
      void this.#operate(lane, () => this.#release(lane, slots));
    }
  }

  /** Stops dispatch; what runs may finish until the deadline. */
  #beginRelease(slot: Slot): void {
    slot.releasing = true;
    slot.lane?.removed(slot.drop());
    if (slot.running === undefined) return;
    const { world, drainTimeoutMs } = this.#options;
    const timer = world.clock.setTimer(drainTimeoutMs, () => {
      this.#drainTimers.delete(slot);
      if (this.#closed || slot.running === undefined || !slot.releasing) return;
      slot.drainOver = true;
      slot.running.abort.abort(
        new PartiError("PARTI_ABORTED", `partition ${slot.id} moves on: drain timeout over`),
      );
      this.#options.onChange();
    });
    this.#drainTimers.set(slot, timer);
  }

  async #release(lane: Lane, slots: readonly Slot[]): Promise<void> {
    const handlerRuns = slots.some((slot) => slot.running !== undefined);
    const forced = handlerRuns || !await this.#shrinkCleanly(lane, slots);
    // A late ack must find nothing: the lane goes, and its other partitions get a new one.
    if (forced) await this.#deleteLane(lane);
    for (const slot of slots) {
      if (lane.slots.has(slot.subject)) lane.detach(slot);
      this.#drainTimers.get(slot)?.cancel();
      this.#drainTimers.delete(slot);
      slot.releasing = false;
    }
    const ids = slots.map((slot) => slot.id);
    this.#options.events.released(ids, forced);
    this.#options.onReleased(ids);
  }

  /** Confirms the last ack, then takes the slots out of the lane's filter. False if any of it failed. */
  async #shrinkCleanly(lane: Lane, slots: readonly Slot[]): Promise<boolean> {
    const { world, config, operationTimeoutMs } = this.#options;
    try {
      await this.#confirmAcks(lane, operationTimeoutMs);
      const leaving = new Set(slots.map((slot) => slot.subject));
      const rest = [...lane.slots.keys()].filter((subject) => !leaving.has(subject));
      if (lane.closed) return false;
      if (rest.length === 0) await this.#deleteLane(lane);
      else await world.feed.shrinkConsumer(config.stream, lane.name, rest);
      return true;
    } catch (error) {
      if (!isPartiError(error)) throw error;
      this.#options.events.error(error);
      return false;
    }
  }

  /** Waits until the server has taken every ack sent on this lane: a confirmed one comes after all before it. */
  async #confirmAcks(lane: Lane, timeoutMs: number): Promise<void> {
    const message = lane.lastAcked;
    if (message === undefined) return;
    await message.ackConfirmed(timeoutMs);
    if (lane.lastAcked === message) lane.lastAcked = undefined;
  }

  // ---- Acquire -------------------------------------------------------------------------------------------------------------

  #startAcquires(): void {
    // While the connection is down every try would fail; the check after the reconnect reconciles again.
    if (!this.#options.mayAct() || !this.#options.world.messaging.connected) return;
    const now = this.#options.world.clock.monotonicMs();
    const batches = new Map<string, Slot[]>();
    let nextMs = Infinity;
    for (const slot of this.#options.slots.values()) {
      if (!slot.wanted || slot.lane !== undefined || slot.acquiring || slot.releasing) continue;
      if (slot.nextTryAtMs > now) {
        nextMs = Math.min(nextMs, slot.nextTryAtMs);
        continue;
      }
      // Those one holder will let go together are tried together, apart from the rest: a refusal is for the whole lane.
      const key = slot.stopped ? `stopped ${slot.id}` : slot.batch ?? "";
      const batch = batches.get(key);
      if (batch === undefined) batches.set(key, [slot]);
      else batch.push(slot);
    }
    for (const batch of batches.values()) void this.#acquire(batch);
    this.#armRetry(nextMs - now);
  }

  #armRetry(delayMs: number): void {
    this.#retryTimer?.cancel();
    if (delayMs === Infinity || this.#closed) return;
    this.#retryTimer = this.#options.world.clock.setTimer(
      Math.max(1, delayMs),
      () => this.#options.onChange(),
    );
  }

  async #acquire(batch: readonly Slot[]): Promise<void> {
    for (const slot of batch) slot.acquiring = true;
    try {
      let free = batch;
      if (batch.some((slot) => slot.refusals >= SURVEY_AFTER_REFUSALS)) {
        free = await this.#survey(batch);
      }
      if (free.length > 0) await this.#create(free);
    } catch (error) {
      if (!isPartiError(error)) throw error;
      if (error.code === "PARTI_FILTER_OVERLAP") {
        this.#options.events.refused(batch.map((slot) => slot.id));
      } else {
        this.#options.events.error(error);
      }
    } finally {
      for (const slot of batch) {
        slot.acquiring = false;
        if (slot.lane === undefined) this.#postpone(slot);
      }
      this.#options.onChange();
    }
  }

  #postpone(slot: Slot): void {
    const { clock, random } = this.#options.world;
    const pauseMs = Math.min(REFUSED_MS * 1.5 ** slot.refusals, REFUSED_MAX_MS);
    slot.refusals = Math.min(slot.refusals + 1, 20);
    slot.nextTryAtMs = clock.monotonicMs() + jitter(random, pauseMs);
  }

  async #create(slots: readonly Slot[]): Promise<void> {
    const { world, config, owner, generation, events } = this.#options;
    const { epoch, generation: number } = generation();
    const name = laneName(owner, number, ++this.#serial);
    this.#creating.add(name);
    try {
      await world.feed.createConsumer(config.stream, {
        name,
        filterSubjects: slots.map((slot) => slot.subject),
        ackWaitMs: config.ackWaitMs,
        maxAckPending: config.prefetch * ACK_PENDING_FACTOR,
        inactiveThresholdMs: config.inactiveThresholdMs,
        metadata: laneMetadata(owner, epoch, number),
      });
      if (this.#closed) return;
      const lane = this.#open(name, slots);
      const now = world.clock.monotonicMs();
      const waitedMs = Math.max(...slots.map((slot) => now - slot.wantedSinceMs));
      events.acquired(slots.map((slot) => slot.id), lane.name, waitedMs);
    } catch (error) {
      // Unknown outcome: the lane may be there.
      if (isPartiError(error, "PARTI_TIMEOUT", "PARTI_DISCONNECTED")) this.#orphans.add(name);
      throw error;
    } finally {
      this.#creating.delete(name);
    }
  }

  #open(name: string, slots: readonly Slot[]): Lane {
    const { world, config, onTaken } = this.#options;
    const lane = new Lane({
      feed: world.feed,
      stream: config.stream,
      name,
      slots,
      onTaken,
      onEnd: (ended, reason, detail) => this.#ended(ended, reason, detail),
    });
    this.#lanes.set(name, lane);
    for (const slot of slots) {
      slot.lane = lane;
      slot.refusals = 0;
      slot.batch = undefined;
    }
    lane.isolated = slots.length === 1 && slots[0]!.stopped;
    this.#shareLimit();
    return lane;
  }

  /** Divides the prefetch among the lanes; a stopped partition's lane asks for nothing. */
  #shareLimit(): void {
    const limit = Math.max(
      LANE_LIMIT_MIN,
      Math.floor(this.#options.config.prefetch / Math.max(1, this.#lanes.size)),
    );
    for (const lane of this.#lanes.values()) {
      const stopped = [...lane.slots.values()].every((slot) => slot.stopped);
      lane.setLimit(stopped ? 0 : limit);
    }
  }

  /**
   * Looks who holds the subjects of refused slots: deletes lanes of ours that we do not know (a create whose answer never came) and
   * lanes of instances without any right, and returns the slots that are free.
   */
  async #survey(batch: readonly Slot[]): Promise<readonly Slot[]> {
    const { world, config, owner, isKnown, generation, events } = this.#options;
    const survey = surveyHolders(await world.feed.listConsumers(config.stream), {
      subjects: new Set(batch.map((slot) => slot.subject)),
      owner,
      isOwnLane: (name) => this.#lanes.has(name) || this.#creating.has(name),
      isKnown,
      present: generation(),
    });
    for (const lane of survey.unlawful) {
      if (await world.feed.deleteConsumer(config.stream, lane)) events.evicted(lane);
    }
    for (const foreign of survey.foreign) {
      events.error(
        new PartiError("PARTI_FILTER_OVERLAP", `consumer ${foreign} is not of this group`, {
          value: foreign,
          hint:
            "two groups, or another application, read the same partitions of a WorkQueue stream",
        }),
      );
    }
    return batch.filter((slot) => !survey.held.has(slot.subject));
  }

  // ---- Ends, isolation, compaction --------------------------------------------------------------------------------------

  #ended(lane: Lane, reason: LaneEnd, detail: string): void {
    this.#options.onEnd(lane, reason, detail);
    if (!this.#closed) this.#options.onChange();
  }

  /** Lanes that ended by themselves go, so that their partitions can be acquired anew. */
  #startClearing(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.closed && !lane.busy) void this.#operate(lane, () => this.#deleteLane(lane));
    }
  }

  /** Deletes lanes of ours that may be on the server although we gave them up; until then they block their next owner. */
  #startOrphans(): void {
    const { connected } = this.#options.world.messaging;
    if (this.#orphans.size === 0 || this.#orphanTimer !== undefined || !connected) return;
    const { world, config, events } = this.#options;
    this.#orphanTimer = world.clock.setTimer(jitter(world.random, ORPHAN_RETRY_MS), async () => {
      for (const name of [...this.#orphans]) {
        try {
          await world.feed.deleteConsumer(config.stream, name);
          this.#orphans.delete(name);
        } catch (error) {
          events.error(error);
          break;
        }
      }
      this.#orphanTimer = undefined;
      if (!this.#closed) this.#options.onChange();
    });
  }

  /** Ends a lane here and on the server. Its slots stay wanted and are acquired anew. */
  async #deleteLane(lane: Lane): Promise<void> {
    lane.close();
    const slots = [...lane.slots.values()];
    for (const slot of slots) slot.acquiring = true;
    try {
      await this.#options.world.feed.deleteConsumer(this.#options.config.stream, lane.name);
    } catch (error) {
      this.#orphans.add(lane.name);
      if (!isPartiError(error)) throw error;
      this.#options.events.error(error);
    } finally {
      this.#lanes.delete(lane.name);
      for (const slot of slots) {
        lane.detach(slot);
        slot.acquiring = false;
        slot.nextTryAtMs = 0;
      }
      this.#shareLimit();
    }
  }

  /** One operation on a lane at a time; reconcile again afterwards. */
  async #operate(lane: Lane, operation: () => Promise<void>): Promise<void> {
    if (lane.busy) {
      // Whoever is at it reconciles afterwards.
      return;
    }
    lane.busy = true;
    try {
      await operation();
    } catch (error) {
      this.#options.events.error(error);
    } finally {
      lane.busy = false;
      if (!this.#closed) this.#options.onChange();
    }
  }

  /** A partition that fills its lane while it is stuck gets a lane of its own, so that it blocks itself only. */
  #startIsolation(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.busy || lane.closed || lane.slots.size < 2) continue;
      const stuck = [...lane.slots.values()].find((slot) =>
        slot.wanted && (slot.stopped || (lane.full && slot.queue.length * 2 > lane.buffered))
      );
      if (stuck === undefined) continue;
      void this.#operate(lane, () => this.#split(lane, stuck));
    }
  }

  async #split(lane: Lane, slot: Slot): Promise<void> {
    const { world, config } = this.#options;
    const rest = [...lane.slots.keys()].filter((subject) => subject !== slot.subject);
    if (rest.length === 0) return await this.#deleteLane(lane);
    slot.acquiring = true;
    try {
      await world.feed.shrinkConsumer(config.stream, lane.name, rest);
      lane.detach(slot);
      lane.refill();
    } catch (error) {
      if (!isPartiError(error)) throw error;
      this.#options.events.error(error);
      await this.#deleteLane(lane);
    } finally {
      slot.acquiring = false;
      slot.batch = `isolated ${slot.id}`;
      slot.nextTryAtMs = 0;
    }
  }

  #startCompaction(): void {
    const lanes = chooseCompaction(this.lanes, this.#options.config.maxLanes);
    if (lanes.length < 2) return;
    for (const lane of lanes) lane.busy = true;
    void this.#compact(lanes);
  }

  /** Merges idle lanes: their acks confirmed, they are deleted, and their partitions acquired together as one. */
  async #compact(lanes: readonly Lane[]): Promise<void> {
    const { operationTimeoutMs, events } = this.#options;
    try {
      await Promise.all(lanes.map((lane) => this.#confirmAcks(lane, operationTimeoutMs)));
      await Promise.all(lanes.map((lane) => this.#deleteLane(lane)));
      events.compacted(lanes.length);
    } catch (error) {
      if (!isPartiError(error)) throw error;
      events.error(error);
    } finally {
      for (const lane of lanes) lane.busy = false;
      if (!this.#closed) this.#options.onChange();
    }
  }

  async #check(lane: Lane): Promise<void> {
    const { world, config, events } = this.#options;
    try {
      const deliveredBefore = lane.delivered;
      const info = await world.feed.consumerInfo(config.stream, lane.name);
      if (this.#closed || lane.closed) return;
      if (info === undefined) lane.fail("deleted", "gone after a reconnect");
      else if (info.delivered > lane.delivered && lane.delivered === deliveredBefore) {
        lane.fail("gap", `the server sent ${info.delivered}, ${lane.delivered} arrived`);
      }
    } catch (error) {
      events.error(error);
    }
  }
}
