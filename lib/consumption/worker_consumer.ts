/**
 * The worker's consumer: a reconciler between the partitions that are wanted here and the lanes that are held on the server.
 *
 * It is level-triggered. Every kick looks at all slots: those no longer wanted are released, those wanted and not held are acquired,
 * and what was refused or failed is tried again. `lane_keeper.ts` does the talking with the server.
 *
 * @module
 */
import { type Partition, type PartitionId, partitionId } from "../assignment/partition.ts";
import type { GroupConsumerConfig } from "../config.ts";
import { PartiError } from "../errors.ts";
import { type LaneOwner, partitionSubject } from "../names.ts";
import type { Timer } from "../ports/clock.ts";
import type { FeedMessage } from "../ports/feed.ts";
import type { World } from "../ports/world.ts";
import { deadLetter } from "./dead_letter.ts";
import { Dispatcher, type Outcome } from "./dispatcher.ts";
import type { MessageHandler } from "./handler.ts";
import { LaneKeeper } from "./lane_keeper.ts";
import { ReleaseNotices } from "./release_notices.ts";
import { Slot, type Taken } from "./slot.ts";
import { type ConsumptionEvents, noConsumptionEvents } from "./events.ts";

/** The partitions a worker is to hold. */
export interface DesiredPartitions {
  /** The epoch of the assignment; with `generation` it orders them. */
  readonly epoch: number;
  /** The generation of the assignment. */
  readonly generation: number;
  /** The partitions. */
  readonly partitions: readonly Partition[];
  /** Which live instance held a partition before and will announce its release; undefined if nobody does. */
  readonly contenderOf?: (id: PartitionId) => string | undefined;
  /** Whether an instance is part of this generation; lanes of others are in nobody's right. Without it none is touched. */
  readonly isKnown?: (instance: string) => boolean;
}

/** What a consumer needs. */
export interface WorkerConsumerOptions {
  /** The world. */
  readonly world: World;
  /** How to consume. */
  readonly config: GroupConsumerConfig;
  /** Whose lanes they are. */
  readonly owner: LaneOwner;
  /** The application. */
  readonly handler: MessageHandler;
  /** How long running handlers may go on when their partitions are to move, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** How long a call to the server may take, in milliseconds. */
  readonly operationTimeoutMs: number;
  /** Whether this worker may act at this moment: its lease has not ended. Always, unless told otherwise. */
  readonly mayAct?: () => boolean;
  /** Who is told of what happens. */
  readonly events?: Partial<ConsumptionEvents>;
}

/** How well consumption goes. */
export interface ConsumerHealth {
  /** Everything wanted is held and nothing is stopped. */
  readonly healthy: boolean;
  /** Partitions wanted and held. */
  readonly held: number;
  /** Partitions wanted and not held yet. */
  readonly waiting: readonly PartitionId[];
  /** Partitions that a poison message has stopped. */
  readonly stopped: readonly PartitionId[];
  /** How many lanes there are. */
  readonly lanes: number;
  /** Handlers that run. */
  readonly running: number;
  /** Messages that wait. */
  readonly buffered: number;
}

const WORKING_SHARE = 1 / 3;

/**
 * Consumes the partitions it is told to. Used by the `Manager`; usable alone for a fixed or self-made assignment.
 */
export class WorkerConsumer implements AsyncDisposable {
  readonly #options: WorkerConsumerOptions;
  readonly #events: ConsumptionEvents;
  readonly #slots = new Map<PartitionId, Slot>();
  readonly #dispatcher: Dispatcher;
  readonly #keeper: LaneKeeper;
  readonly #notices: ReleaseNotices;
  readonly #settledWaiters: (() => void)[] = [];
  #desired: DesiredPartitions | undefined;
  #workingTimer: Timer | undefined;
  #fenced = false;
  #closed = false;

  /** @param options what it needs */
  constructor(options: WorkerConsumerOptions) {
    this.#options = options;
    this.#events = { ...noConsumptionEvents, ...options.events };
    const { world, config, owner, handler } = options;
    this.#dispatcher = new Dispatcher({
      world,
      config,
      owner,
      handler,
      mayAct: () => this.#mayAct(),
      onStarted: (slot, message) => {
        slot.lane?.removed(1);
        this.#events.started(slot.id, message);
      },
      onOutcome: (slot, message, outcome, error) => this.#over(slot, message, outcome, error),
      onFailure: (slot, message, attempt, error) =>
        this.#events.failed(slot.id, message, attempt, error),
      onHandled: (slot, durationMs) => this.#events.handled(slot.id, durationMs),
      onIdle: () => this.#kick(),
    });
    this.#keeper = new LaneKeeper({
      ...options,
      slots: this.#slots,
      events: this.#events,
      mayAct: () => this.#mayAct(),
      isKnown: (instance) => this.#desired?.isKnown?.(instance) ?? true,
      generation: () => this.#desired ?? { epoch: 0, generation: 0 },
      onTaken: (slot, message, taken) => this.#taken(slot, message, taken),
      onEnd: (lane, reason, detail) => this.#events.laneEnded(lane.name, reason, detail),
      onReleased: (ids) => this.#notices.announce(ids),
      onChange: () => this.#kick(),
    });
    this.#notices = new ReleaseNotices(world.messaging, owner, (ids) => this.#keeper.hint(ids));
    this.#armWorking();
  }

  /**
   * Says what is wanted. An older assignment than the last one is ignored; the same one again does nothing.
   *
   * @param desired the assignment
   * @returns false if it was older than the one in force
   * @throws {PartiError} `PARTI_STOPPED` after close or fence, `PARTI_INVALID_PARTITION` for a bad name
   */
  update(desired: DesiredPartitions): boolean {
    if (this.#closed || this.#fenced) {
      throw new PartiError("PARTI_STOPPED", "the consumer is closed");
    }
    const last = this.#desired;
    if (last !== undefined) {
      const order = desired.epoch - last.epoch || desired.generation - last.generation;
      if (order < 0) return false;
    }
    const wanted = new Map(
      desired.partitions.map((partition) => [partitionId(partition), partition]),
    );
    this.#desired = desired;
    let added = 0;
    let removed = 0;
    for (const slot of this.#slots.values()) {
      if (!wanted.has(slot.id) && slot.wanted) {
        slot.wanted = false;
        removed++;
      }
    }
    for (const [id, partition] of wanted) {
      if (this.#want(id, partition, desired)) added++;
    }
    this.#events.updated(added, removed, wanted.size);
    this.#kick();
    return true;
  }

  /** Resolves when everything wanted is held and everything else is released. Never rejects. */
  settled(): Promise<void> {
    if (this.#isSettled()) return Promise.resolve();
    return new Promise((resolve) => this.#settledWaiters.push(resolve));
  }

  /** Starts no new handler until {@linkcode resume}; partitions stay owned. */
  pause(): void {
    this.#dispatcher.pause();
  }

  /** Goes on after {@linkcode pause}. */
  resume(): void {
    this.#dispatcher.resume();
  }

  /** Goes on with partitions that a poison message has stopped: the message is tried anew. */
  resumePartition(id: PartitionId): boolean {
    const slot = this.#slots.get(id);
    if (slot === undefined || !slot.stopped) return false;
    slot.stopped = false;
    this.#keeper.restart(slot);
    return true;
  }

  /** How well it goes. */
  health(): ConsumerHealth {
    const slots = [...this.#slots.values()].filter((slot) => slot.wanted);
    const waiting = slots.filter((slot) => slot.lane === undefined).map((slot) => slot.id);
    const stopped = slots.filter((slot) => slot.stopped).map((slot) => slot.id);
    return {
      healthy: waiting.length === 0 && stopped.length === 0,
      held: slots.length - waiting.length,
      waiting,
      stopped,
      lanes: this.#keeper.lanes.length,
      running: this.#dispatcher.runningCount,
      buffered: this.#keeper.lanes.reduce((sum, lane) => sum + lane.buffered, 0),
    };
  }

  /** Looks after the lanes once the connection is back: what was under way may be lost. */
  async reconnected(): Promise<void> {
    if (!this.#fenced && !this.#closed) await this.#keeper.checkAll();
  }

  /**
   * Gives everything up at once: the right to handle is gone. Handlers are aborted, nothing is acknowledged any more, and nothing is said to
   * the server, since somebody else may own the partitions already.
   *
   * @param reason why, for the handlers' abort signals
   */
  fence(reason: string): void {
    if (this.#fenced) return;
    this.#fenced = true;
    this.#dispatcher.close();
    this.#keeper.close();
    const error = new PartiError("PARTI_LEASE_LOST", reason);
    for (const slot of this.#slots.values()) {
      slot.running?.abort.abort(error);
      slot.drop();
    }
    this.#end();
  }

  /**
   * Drains: finishes what runs, releases everything, ends. Handlers that outlast the drain timeout are aborted.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (!this.#fenced) {
      this.#desired = {
        epoch: Infinity,
        generation: Infinity,
        partitions: [],
        isKnown: () => true,
      };
      for (const slot of this.#slots.values()) slot.wanted = false;
      this.#kick();
      await this.settled();
    }
    this.#closed = true;
    this.#dispatcher.close();
    this.#keeper.close();
    this.#end();
  }

  /** As {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(): void {
    this.#workingTimer?.cancel();
    this.#notices.close();
    for (const resolve of this.#settledWaiters.splice(0)) resolve();
  }

  #mayAct(): boolean {
    return !this.#fenced && (this.#options.mayAct?.() ?? true);
  }

  /** Makes or renews the slot of a wanted partition; true if it was not wanted before. */
  #want(id: PartitionId, partition: Partition, desired: DesiredPartitions): boolean {
    const { epoch, generation } = desired;
    const now = this.#options.world.clock.monotonicMs();
    let slot = this.#slots.get(id);
    if (slot?.wanted) return false;
    if (slot === undefined) {
      const subject = partitionSubject(this.#options.config.subjectTemplate, id);
      slot = new Slot(partition, id, subject, { epoch, generation });
      this.#slots.set(id, slot);
    }
    slot.wanted = true;
    slot.ownership = { epoch, generation };
    slot.batch = desired.contenderOf?.(id);
    slot.drainOver = false;
    slot.nextTryAtMs = 0;
    slot.refusals = 0;
    slot.wantedSinceMs = now;
    return true;
  }

  #kick(): void {
    if (this.#fenced || this.#closed) return;
    for (const slot of this.#slots.values()) {
      const over = !slot.wanted && slot.lane === undefined && slot.running === undefined &&
        !slot.acquiring;
      if (over) this.#slots.delete(slot.id);
    }
    this.#keeper.reconcile();
    if (this.#isSettled()) {
      for (const resolve of this.#settledWaiters.splice(0)) resolve();
    }
  }

  #isSettled(): boolean {
    if (this.#fenced || this.#closed) return true;
    for (const slot of this.#slots.values()) {
      if (slot.wanted ? slot.lane === undefined : isHeld(slot)) return false;
    }
    return true;
  }

  #taken(slot: Slot, message: FeedMessage, taken: Exclude<Taken, "out-of-order">): void {
    if (message.deliveryCount > 1 || taken !== "queued") this.#events.redelivered(slot.id, message);
    if (taken === "already-done") {
      if (this.#mayAct()) message.ack();
    } else {
      this.#dispatcher.offer(slot);
    }
  }

  async #over(slot: Slot, message: FeedMessage, outcome: Outcome, error: unknown): Promise<void> {
    if (outcome === "done") return this.#ack(slot, message);
    if (outcome === "abandoned") return this.#events.abandoned(slot.id, message);
    if (this.#options.config.onPoison === "dead-letter") {
      try {
        await deadLetter(this.#options, slot.id, message, error);
        this.#events.deadLettered(slot.id, message, error);
        slot.done(message.streamSequence);
        return this.#ack(slot, slot.running?.message ?? message);
      } catch (failure) {
        this.#events.error(failure);
      }
    }
    // The partition stops here rather than lose the message or its place.
    slot.stopped = true;
    this.#events.stopped(slot.id, message, error);
  }

  #ack(slot: Slot, message: FeedMessage): void {
    if (!this.#mayAct()) return;
    message.ack();
    if (slot.lane !== undefined) slot.lane.lastAcked = message;
    this.#events.acked(slot.id, message);
  }

  /** Keeps the ack wait from ending while messages wait or run. */
  #armWorking(): void {
    const { world, config } = this.#options;
    this.#workingTimer = world.clock.setTimer(config.ackWaitMs * WORKING_SHARE, () => {
      if (this.#fenced || this.#closed) return;
      if (this.#mayAct()) {
        for (const slot of this.#slots.values()) {
          if (slot.lane === undefined) continue;
          slot.running?.message.working();
          for (const message of slot.queue) message.working();
        }
      }
      this.#armWorking();
    });
  }
}

/** Whether an unwanted slot still has to be released. A handler that outlasted the drain timeout is waited for no longer. */
function isHeld(slot: Slot): boolean {
  return slot.lane !== undefined || slot.acquiring ||
    (slot.running !== undefined && !slot.drainOver);
}
