/**
 * The worker's consumer: a reconciler between the partitions that are wanted here and the lanes that are held on the server.
 *
 * It is level-triggered. Every kick looks at all slots: those no longer wanted are released, those wanted and not held are acquired,
 * and what was refused or failed is tried again. `lane_keeper.ts` does the talking with the server.
 *
 * @module
 */
import type { PartitionId } from "../assignment/partition.ts";
import type { GroupConsumerConfig } from "../config/config.ts";
import { PartiError } from "../errors.ts";
import type { LaneOwner } from "../names.ts";
import type { FeedMessage } from "../ports/feed.ts";
import type { Subscription } from "../ports/messaging.ts";
import type { World } from "../ports/world.ts";
import { AckWaitKeeper } from "./dispatch/ack_wait_keeper.ts";
import type { DesiredPartitions } from "./dispatch/desired.ts";
import type { Dispatcher } from "./dispatch/dispatcher.ts";
import { type ConsumptionEvents, guardedEvents } from "./events.ts";
import type { MessageHandler } from "./dispatch/handler.ts";
import { type CheckedFeed, FeedCheck } from "./feed_check.ts";
import { type ConsumerHealth, healthOf } from "./health.ts";
import type { Lane } from "./lanes/lane.ts";
import { LaneKeeper } from "./lanes/lane_keeper.ts";
import { makeDispatcher } from "./dispatch/make_dispatcher.ts";
import { ReleaseNotices } from "./lanes/release_notices.ts";
import { Settling } from "./dispatch/settling.ts";
import type { Slot, Taken } from "./dispatch/slot.ts";
import { SlotTable } from "./dispatch/slot_table.ts";

export type { DesiredPartitions } from "./dispatch/desired.ts";
export type { ConsumerHealth } from "./health.ts";

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
  /** How long running handlers may go on when their partitions are to move or their shard needs a fresh lane, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** How long the confirmation of acks and the storing of a dead letter may take, in milliseconds. */
  readonly operationTimeoutMs: number;
  /** Whether this worker may act at this moment: its lease has not ended. Always, unless told otherwise. */
  readonly mayAct?: () => boolean;
  /**
   * Whether a handler may be begun: undefined if so; otherwise resolves when it may, or the signal has fired, and never rejects. Always,
   * unless told otherwise.
   */
  readonly mayBegin?: (signal: () => AbortSignal) => Promise<void> | undefined;
  /** Told when others hold partitions under a later assignment than this worker knows, again and again while they do. Must not throw. */
  readonly onBehind?: () => void;
  /** What {@linkcode checkFeed} has found, if the stream has been checked; otherwise the consumer does so before its first lane. */
  readonly checkedFeed?: CheckedFeed;
  /** Who is told of what happens. */
  readonly events?: Partial<ConsumptionEvents>;
}

/**
 * Consumes the partitions it is told to. Used by the `Manager`; usable alone for a fixed or self-made assignment.
 */
export class WorkerConsumer implements AsyncDisposable {
  readonly #options: WorkerConsumerOptions;
  readonly #events: ConsumptionEvents;
  readonly #slots: SlotTable;
  readonly #dispatcher: Dispatcher;
  readonly #keeper: LaneKeeper;
  readonly #ackWaits: AckWaitKeeper;
  readonly #notices: ReleaseNotices;
  readonly #status: Subscription;
  readonly #settling: Settling;
  #desired: DesiredPartitions | undefined;
  #kicking = false;
  #kickAgain = false;
  #fenced = false;
  #closed = false;

  /**
   * Holds nothing until the first {@linkcode update}.
   *
   * @param options what it needs
   */
  constructor(options: WorkerConsumerOptions) {
    this.#options = options;
    this.#events = guardedEvents(options.events ?? {});
    const { world, config, owner, checkedFeed } = options;
    this.#slots = new SlotTable(config);
    this.#settling = new Settling(this.#slots, (ids) => this.#events.outranked(ids));
    const mayAct = () => this.#mayAct();
    const events = this.#events;
    const onError = (error: unknown) => events.error(error);
    const onIdle = (slot: Slot) => this.#idle(slot);
    this.#dispatcher = makeDispatcher({ options, events, mayAct, onIdle });
    const check = new FeedCheck(world.feed, config, checkedFeed);
    this.#keeper = new LaneKeeper({
      ...options,
      slots: this.#slots.all,
      events,
      mayAct,
      checkFeed: (stream) => check.pass(stream),
      doubtFeed: (stream) => check.doubt(stream),
      paused: () => this.#dispatcher.paused,
      isKnown: (instance) => this.#desired?.isKnown?.(instance) ?? true,
      generation: () => this.#desired ?? { epoch: 0, generation: 0 },
      onTaken: (slot, message, taken, lane) => this.#taken(slot, message, taken, lane),
      onReleased: (ids) => this.#notices.announce(ids, this.#desired?.successorOf),
      onBehind: () => options.onBehind?.(),
      onChange: () => this.#kick(),
    });
    this.#ackWaits = new AckWaitKeeper({
      clock: world.clock,
      ackWaitMs: config.ackWaitMs,
      parts: () => this.#slots.parts(),
      lanes: () => this.#keeper.lanes,
      mayAct,
    });
    const hint = (ids: readonly PartitionId[]) => this.#keeper.hint(ids);
    this.#notices = new ReleaseNotices(world.messaging, owner, hint, onError);
    this.#status = world.messaging.onStatus((status) => {
      if (status === "reconnected") void this.reconnected();
      else this.#keeper.interrupted();
    });
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
    const nowMs = this.#options.world.clock.monotonicMs();
    const { added, removed, total } = this.#slots.apply(desired, nowMs);
    for (const slot of added) this.#keeper.expect(slot, desired.contenderOf?.(slot.id));
    this.#desired = desired;
    // One may have been on its way out and not gone yet.
    for (const slot of added) for (const part of slot.parts) this.#dispatcher.offer(part);
    this.#events.updated(added.length, removed, total);
    this.#kick();
    return true;
  }

  /** Resolves when everything wanted is held and everything else is released. Never rejects. */
  settled(): Promise<void> {
    return this.#settling.settled();
  }

  /** Starts no new handler until {@linkcode resume}; partitions stay owned. */
  pause(): void {
    this.#dispatcher.pause();
  }

  /** Whether it was paused and not resumed since. */
  get paused(): boolean {
    return this.#dispatcher.paused;
  }

  /** Goes on after {@linkcode pause}. */
  resume(): void {
    this.#dispatcher.resume();
  }

  /** Goes on with partitions that a poison message has stopped: the message is tried anew. */
  resumePartition(id: PartitionId): boolean {
    const slot = this.#slots.all.get(id);
    // In a sharded feed poison stops nothing.
    if (slot === undefined || !slot.stopped) return false;
    slot.stopped = false;
    this.#keeper.shareRoom();
    this.#dispatcher.offer(slot);
    this.#kick();
    return true;
  }

  /** The partitions wanted here that somebody newer has written, as fenced writes have shown. */
  get outranked(): readonly PartitionId[] {
    return this.#settling.outranked;
  }

  /** How well it goes. */
  health(): ConsumerHealth {
    const { world: { clock, messaging: { connected } }, config: { ackWaitMs } } = this.#options;
    const { runningCount } = this.#dispatcher;
    const longAgoMs = clock.monotonicMs() - ackWaitMs;
    const slots = this.#slots.all.values();
    return healthOf(slots, this.#keeper.lanes, runningCount, connected, longAgoMs);
  }

  /** Looks after the lanes once the connection is back: what was under way may be lost. It also does so by itself. */
  async reconnected(): Promise<void> {
    if (!this.#fenced && !this.#closed) await this.#keeper.checkAll();
  }

  /**
   * Ends the present try of every handler that runs, because others may begin to handle the same. Whatever the handler then says, its
   * message is neither acknowledged nor counted as failed, and as long as the partition is held it is handled anew.
   *
   * @param reason why, for the handlers' abort signals, which fire with `PARTI_DISCONNECTED`
   */
  interrupt(reason: string): void {
    const error = new PartiError("PARTI_DISCONNECTED", reason);
    for (const part of this.#slots.parts()) part.running?.interrupt(error);
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
    for (const slot of this.#slots.all.values()) slot.abort(error);
    const lost = this.#slots.lose();
    if (lost.length > 0) this.#events.lost(lost);
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
      this.#slots.clear();
      this.#keeper.finish();
      this.#kick();
      await this.settled();
      if (!this.#fenced) await this.#keeper.sweep();
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
    this.#ackWaits.close();
    this.#notices.close();
    this.#status.close();
    this.#settling.end();
  }

  /** A slot runs nothing any more. In the usual case nothing waits for that: this runs once for every message. */
  #idle(slot: Slot): void {
    const isUsual = slot.wanted && !slot.stale && !slot.moving && slot.lane?.closed === false;
    if (!isUsual || this.outranked.length > 0) this.#kick();
  }

  #mayAct(): boolean {
    return !this.#fenced && (this.#options.mayAct?.() ?? true);
  }

  /** Looks at everything. Comes from wherever something changed, also from what it does itself. */
  #kick(): void {
    this.#kickAgain = true;
    if (this.#kicking) return;
    this.#kicking = true;
    while (this.#kickAgain && !this.#fenced && !this.#closed) {
      this.#kickAgain = false;
      const { leftFree, lost } = this.#slots.sweep();
      this.#passOn(leftFree);
      if (lost.length > 0) this.#events.lost(lost);
      this.#keeper.reconcile();
    }
    this.#kicking = false;
    this.#dispatcher.pump();
    this.#settling.look();
  }

  /**
   * These were on their way to this worker when the assignment gave them to others. Whoever held them has told this one that they are free, or has
   * gone, and their new owners wait for its word, since it held them before as far as they can see.
   */
  #passOn(ids: readonly PartitionId[]): void {
    const successorOf = this.#desired?.successorOf;
    if (successorOf === undefined) return;
    const awaited = ids.filter((id) => successorOf(id) !== undefined);
    if (awaited.length > 0) this.#notices.announce(awaited, successorOf);
  }

  #taken(
    slot: Slot,
    message: FeedMessage,
    taken: Exclude<Taken, "out-of-order">,
    lane: Lane,
  ): void {
    if (message.deliveryCount > 1 || taken !== "queued") this.#events.redelivered(slot.id, message);
    if (taken !== "already-done") this.#dispatcher.offer(slot);
    else if (this.#mayAct()) lane.ack(message);
  }
}
