/**
 * A run: one message being handled, with the context its handler sees.
 *
 * @module
 */
import type { Partition, PartitionId } from "../../assignment/partition.ts";
import type { PartiError } from "../../errors.ts";
import type { FeedMessage } from "../../ports/feed.ts";
import type { HandlerContext } from "./handler.ts";
import type { Lane } from "../lanes/lane.ts";
import type { Ownership } from "./hold.ts";
import type { Slot } from "./slot.ts";

/** Who handles a message. */
export interface RunOwner {
  /** The worker's stable ID. */
  readonly worker: string;
  /** Its instance. */
  readonly instance: string;
  /** Whether it may act in this instant; it may unless given. */
  readonly mayAct?: () => boolean;
}

/**
 * One message being handled. There is one of these per message, so it is also the handler's context; only where the handler acknowledges
 * by hand each try has a context of its own, since the ack of one that has failed may come when the next one runs.
 */
export class Run implements HandlerContext {
  /** The latest delivery of the message: acks go there. */
  message: FeedMessage;
  /** The lane of that delivery. */
  lane: Lane | undefined;
  /** Whether it has one of the worker's places. */
  hasPlace = false;
  /** Since when the handler of the present try has not come back, on the monotonic clock, in milliseconds; undefined between two tries. */
  runningSinceMs: number | undefined;
  /** See {@linkcode HandlerContext.attempt}. */
  attempt = 0;
  /** See {@linkcode HandlerContext.epoch}. */
  epoch = 0;
  /** See {@linkcode HandlerContext.generation}. */
  generation = 0;
  /** See {@linkcode HandlerContext.partition}. */
  readonly partition: Partition;
  /** See {@linkcode HandlerContext.partitionId}. */
  readonly partitionId: PartitionId;
  /** See {@linkcode HandlerContext.worker}. */
  readonly worker: string;
  /** See {@linkcode HandlerContext.instance}. */
  readonly instance: string;
  readonly #manualAck: boolean;
  readonly #owner: RunOwner;
  /** The ack by hand of the present try. */
  #acked: PromiseWithResolvers<void> | undefined;
  #reason: PartiError | undefined;
  #isTrying = false;
  #interruption: PartiError | undefined;
  #abort: AbortController | undefined;

  /**
   * @param slot whose message it is
   * @param message the message
   * @param owner who handles it
   * @param manualAck whether the handler acknowledges by itself
   */
  constructor(
    slot: Slot,
    message: FeedMessage,
    owner: RunOwner,
    manualAck: boolean,
  ) {
    this.#owner = owner;
    this.message = message;
    this.lane = slot.lane;
    this.partition = slot.partition;
    this.partitionId = slot.id;
    this.worker = owner.worker;
    this.instance = owner.instance;
    this.#manualAck = manualAck;
  }

  /** Makes ready for the next try: after an interrupted one that has a signal of its own. */
  renew(): void {
    if (this.#interruption === undefined) return;
    this.#interruption = undefined;
    this.#abort = undefined;
  }

  /** Begins the next try, under the right there is now; `nowMs` is on the monotonic clock. */
  begin(ownership: Ownership, nowMs: number): void {
    this.attempt++;
    this.runningSinceMs = nowMs;
    this.epoch = ownership.epoch;
    this.generation = ownership.generation;
    this.#isTrying = true;
    if (this.#manualAck) this.#acked = Promise.withResolvers();
  }

  /** What the handler of the present try is given. */
  get context(): HandlerContext {
    const acked = this.#acked;
    if (acked === undefined) return this;
    const { attempt, epoch, generation, partition, partitionId, worker, instance, signal } = this;
    const right = { epoch, generation, partition, partitionId, worker, instance };
    const mayAct = () => this.mayAct();
    return { ...right, attempt, signal, mayAct, ack: () => acked.resolve() };
  }

  /** See {@linkcode HandlerContext.mayAct}. */
  mayAct(): boolean {
    return !this.aborted && !this.interrupted && (this.#owner.mayAct?.() ?? true);
  }

  /** The handler of the try has come back: between two tries there is nothing to interrupt. */
  end(): void {
    this.runningSinceMs = undefined;
    this.#isTrying = false;
  }

  /** Whether the right to handle it has ended. */
  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  /** Whether the last try was interrupted: whatever its handler said, it counts for nothing. */
  get interrupted(): boolean {
    return this.#interruption !== undefined;
  }

  /** See {@linkcode HandlerContext.signal}. Made when first asked for, since most handlers never look at it. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      const reason = this.#reason ?? this.#interruption;
      if (reason !== undefined) this.#abort.abort(reason);
    }
    return this.#abort.signal;
  }

  /** Settles when the handler has acknowledged by hand or its signal has fired; undefined without manual acks. */
  get acked(): Promise<void> | undefined {
    return this.#acked?.promise;
  }

  /** See {@linkcode HandlerContext.ack}: without manual acks there is nothing to do. */
  ack(): void {}

  /**
   * Ends the right to handle it.
   *
   * @param reason why, for the handler's signal
   */
  abort(reason: PartiError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#abort?.abort(reason);
    this.#acked?.resolve();
  }

  /**
   * Ends the try under way, if there is one, and not the right to handle the message: it is tried anew when its handler is back.
   *
   * @param reason why, for the handler's signal
   */
  interrupt(reason: PartiError): void {
    if (!this.#isTrying || this.#reason !== undefined || this.#interruption !== undefined) return;
    this.#interruption = reason;
    this.#abort?.abort(reason);
    this.#acked?.resolve();
  }
}
