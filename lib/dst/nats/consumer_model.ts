/**
 * A durable pull consumer with explicit acks, as nats-server keeps it in its memory.
 *
 * @module
 */
import type { Timer } from "../../ports/clock.ts";
import type { ConsumerConfig, ConsumerInfo } from "../../ports/feed.ts";
import { AckQueue } from "./ack_queue.ts";
import { type IdleHost, IdleWatch } from "./idle_watch.ts";
import type { LoggedMessage, MessageLog } from "./message_log.ts";
import { deliverySizeOf } from "./message_size.ts";
import {
  type Delivery,
  type PullAsk,
  type PullInbox,
  PullQueue,
  type PullRequest,
} from "./pull_model.ts";
import { ReadyQueue } from "./ready_queue.ts";
import { SubjectFilter } from "./subject_filter.ts";
import { Unacked } from "./unacked.ts";

/** What a consumer needs of its stream and server. */
export interface ConsumerHost extends IdleHost {
  /** The stream's name. */
  readonly stream: string;
  /** The stream's messages. */
  readonly log: MessageLog;
  /** A message was acknowledged. */
  onAcked(sequence: number): void;
  /** Nobody has pulled from the consumer for too long. */
  onIdle(consumer: ConsumerModel): void;
  /** How the next ack wait goes wrong: it is over so much too late, in milliseconds. */
  redeliveryLateMs(): number;
  /** How the next delivery goes wrong: it is repeated after this part of its ack wait; undefined if it is not. */
  redeliveryEarly(): number | undefined;
  /** How many of `count` messages that are ready at one moment travel together. */
  chunk(count: number): number;
}

/** The server's ack wait is this much longer than asked for, in milliseconds. */
const ACK_WAIT_EXTRA_MS = 1;
/** When an ack wait is changed, the server looks at what is in flight after this long, in milliseconds. */
const ACK_WAIT_CHANGED_MS = 100;
/** What the server takes for `maxAckPending` 0. */
const DEFAULT_MAX_ACK_PENDING = 1_000;

/** What is to be handed out next. */
interface Next {
  readonly message: LoggedMessage;
  /** It was handed out before. */
  readonly isDue: boolean;
  readonly sizeBytes: number;
}

/** A consumer. */
export class ConsumerModel {
  /** The way of its acks. */
  readonly acks: AckQueue;
  readonly #host: ConsumerHost;
  readonly #pulls: PullQueue;
  #ready: ReadyQueue;
  #unacked: Unacked;
  readonly #idle: IdleWatch;
  #config: ConsumerConfig;
  #filter: SubjectFilter;
  #delivered = 0;
  /** Something in flight may be outside of the filter: the stream does not tell when somebody else handles it. */
  #hasStrays = false;
  #ackTimer: Timer | undefined;
  #ackTimerMs = 0;
  #deleted = false;

  /**
   * @param config what it is made from
   * @param host its stream and server
   * @param before what it was in the server's last process, if it has survived that
   */
  constructor(config: ConsumerConfig, host: ConsumerHost, before?: ConsumerModel) {
    this.#config = config;
    this.#host = host;
    this.acks = new AckQueue(host);
    this.#pulls = new PullQueue(host);
    this.#filter = new SubjectFilter(config.filterSubjects);
    const from = before === undefined ? config.startSequence : before.#ready.cursor;
    this.#ready = new ReadyQueue(host.log, this.#filter, from);
    this.#unacked = before === undefined ? new Unacked() : before.#unacked;
    this.#delivered = before === undefined ? 0 : before.#delivered;
    this.#idle = new IdleWatch(host, {
      lastAskedMs: () => this.#pulls.lastAskedMs,
      isAwaited: () => {
        this.#pulls.sweep();
        return this.#pulls.size > 0;
      },
      ackWaitsEndMs: () => this.#unacked.lastEndMs(this.#config.ackWaitMs + ACK_WAIT_EXTRA_MS),
      onIdle: () => host.onIdle(this),
    });
    this.#idle.start(config.inactiveThresholdMs);
    if (this.#unacked.size > 0) this.#watchAcks(config.ackWaitMs + ACK_WAIT_EXTRA_MS);
  }

  /** What it was made or last changed to. */
  get config(): ConsumerConfig {
    return this.#config;
  }

  /** Its name. */
  get name(): string {
    return this.#config.name;
  }

  /** What it reads. */
  get filter(): SubjectFilter {
    return this.#filter;
  }

  /** Whether it is gone: what still comes for it is ignored. */
  get deleted(): boolean {
    return this.#deleted;
  }

  /** Describes it. */
  info(): ConsumerInfo {
    this.#pulls.sweep();
    return {
      name: this.#config.name,
      filterSubjects: [...this.#config.filterSubjects],
      metadata: { ...this.#config.metadata },
      pending: this.#ready.count,
      ackPending: this.#unacked.size,
      delivered: this.#delivered,
    };
  }

  /** Replaces its configuration. What was skipped under the old filter stays skipped. */
  update(config: ConsumerConfig): void {
    const before = this.#config;
    this.#config = config;
    if (config.ackWaitMs !== before.ackWaitMs && this.#ackTimer !== undefined) {
      this.#watchAcks(ACK_WAIT_CHANGED_MS);
    }
    if (config.inactiveThresholdMs !== before.inactiveThresholdMs) {
      this.#idle.start(config.inactiveThresholdMs);
    }
    if (!isSameSet(config.filterSubjects, before.filterSubjects)) {
      this.#filter = new SubjectFilter(config.filterSubjects);
      this.#ready.search(this.#filter);
      this.#hasStrays = true;
    }
    if (config.maxAckPending !== before.maxAckPending) this.#pump();
  }

  /** Starts anew at the oldest message there is: what was handed out is forgotten. */
  rewind(): void {
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    this.#unacked = new Unacked();
    this.#ready = new ReadyQueue(this.#host.log, this.#filter, this.#config.startSequence);
    this.#delivered = 0;
    this.#hasStrays = false;
    this.#pump();
  }

  /** Takes a request for messages. */
  pull(ask: PullAsk): void {
    this.#pulls.add(ask);
    this.#pump();
  }

  /** The stream has stored a message that passes the filter. */
  onStored(message: LoggedMessage): void {
    this.#ready.onStored(message.sequence);
    this.#pump();
  }

  /** The stream has removed a message that passes the filter. Returns true if the consumer can go on now and could not before. */
  onRemoved(sequence: number): boolean {
    this.#ready.onRemoved(sequence);
    const wasFull = this.#isFull;
    return this.#unacked.remove(sequence) && wasFull;
  }

  /** Hands out what there is. */
  goOn(): void {
    this.#pump();
  }

  /** Whether a message has still to be delivered to it or acknowledged by it. */
  needs({ sequence, subject }: LoggedMessage): boolean {
    return this.#filter.matches(subject) &&
      (sequence >= this.#ready.cursor || this.#unacked.has(sequence));
  }

  /**
   * Takes an ack.
   *
   * @param sequence of which message, in flight or not
   * @returns false if the server says nothing to it
   */
  ack(sequence: number): boolean {
    if (this.#deleted) return false;
    this.#idle.onAck();
    // What it has not come to yet it cannot have delivered: the ack is for an earlier consumer of the same name.
    if (sequence >= this.#ready.cursor) return false;
    const wasFull = this.#isFull;
    this.#unacked.remove(sequence);
    this.#host.onAcked(sequence);
    if (wasFull) this.#pump();
    return true;
  }

  /** Somebody works on a message. */
  working(sequence: number): void {
    if (this.#deleted) return;
    this.#idle.onAck();
    this.#unacked.renew(sequence, this.#host.nowMs());
  }

  /** It is deleted: who waits for its messages is told. */
  end(): void {
    this.#stop();
    this.#pulls.end();
  }

  /** The server is gone, and its memory with it. */
  forget(): void {
    this.#stop();
    this.#pulls.forget();
  }

  get #isFull(): boolean {
    const max = this.#config.maxAckPending === 0
      ? DEFAULT_MAX_ACK_PENDING
      : this.#config.maxAckPending;
    return max > 0 && this.#unacked.size >= max;
  }

  #stop(): void {
    this.#deleted = true;
    this.#ackTimer?.cancel();
    this.#idle.stop();
  }

  /** Hands out what there is to whom there is. */
  #pump(): void {
    let batch: Delivery[] = [];
    let inbox: PullInbox | undefined;
    const send = (): void => {
      this.#send(inbox, batch);
      inbox = undefined;
      batch = [];
    };
    while (!this.#deleted && this.#pulls.hasLive()) {
      const next = this.#next();
      if (next === undefined) break;
      // What was delivered goes out before the word that no more of it fits.
      if (!this.#pulls.fits(next.sizeBytes)) send();
      const request = this.#pulls.take(next.sizeBytes);
      if (request === undefined) {
        // It stays where it is, but the server puts one that is due again behind the others.
        if (next.isDue) this.#unacked.expireNow(next.message.sequence);
        break;
      }
      if (request.ask.inbox !== inbox) send();
      inbox = request.ask.inbox;
      batch.push(this.#deliveryOf(next, request));
    }
    send();
  }

  #send(inbox: PullInbox | undefined, batch: readonly Delivery[]): void {
    if (inbox === undefined || batch.length === 0) return;
    this.#idle.onDelivery();
    for (let from = 0; from < batch.length;) {
      const count = this.#host.chunk(batch.length - from);
      inbox.deliver(batch.slice(from, from + count));
      from += count;
    }
  }

  /** What would be handed out now; a message that is due again is taken out of the line for it. */
  #next(): Next | undefined {
    const due = this.#unacked.dueCount > 0 ? this.#nextDue() : undefined;
    const message = due ?? (this.#isFull ? undefined : this.#ready.peek());
    if (message === undefined) return undefined;
    const isDue = due !== undefined;
    const deliveryCount = isDue ? this.#unacked.countOf(message.sequence) + 1 : 1;
    const pending = this.#ready.count - (isDue ? 0 : 1);
    const numbers = [deliveryCount, message.sequence, this.#delivered + 1, pending];
    const sizeBytes = deliverySizeOf(message, this.#host.stream, this.name, numbers);
    return { message, isDue, sizeBytes };
  }

  #deliveryOf({ message, isDue, sizeBytes }: Next, request: PullRequest): Delivery {
    const { sequence } = message;
    if (!isDue) this.#ready.take();
    const deliveryCount = isDue ? this.#unacked.countAgain(sequence) : 1;
    this.#unacked.wait(sequence, this.#host.nowMs());
    const waitMs = this.#config.ackWaitMs + ACK_WAIT_EXTRA_MS;
    if (this.#ackTimer === undefined || this.#ackTimerMs > this.#host.nowMs() + waitMs) {
      this.#watchAcks(waitMs);
    }
    this.#maybeRepeat(sequence);
    const { left, leftBytes = 0, ask: { token } } = request;
    return {
      message,
      deliverySequence: ++this.#delivered,
      deliveryCount,
      pending: this.#ready.count,
      sizeBytes,
      fulfilled: left <= 0 && leftBytes > 0 ? { token, leftBytes } : undefined,
    };
  }

  #nextDue(): LoggedMessage | undefined {
    for (;;) {
      const sequence = this.#unacked.takeDue();
      if (sequence === undefined) return undefined;
      const message = this.#host.log.get(sequence);
      if (message !== undefined) return message;
      if (!this.#host.traits.keepsVanished) this.#unacked.remove(sequence);
    }
  }

  /** A server may repeat a message before its time, after a change of leader for one. */
  #maybeRepeat(sequence: number): void {
    const part = this.#host.redeliveryEarly();
    if (part === undefined) return;
    this.#host.schedule(this.#config.ackWaitMs * part, "early redelivery", () => {
      this.#unacked.expireNow(sequence);
      this.#pump();
    });
  }

  #watchAcks(delayMs: number): void {
    this.#ackTimer?.cancel();
    this.#ackTimerMs = this.#host.nowMs() + delayMs;
    const lateMs = this.#host.redeliveryLateMs();
    this.#ackTimer = this.#host.schedule(delayMs + lateMs, "ack wait", () => this.#onAckWait());
  }

  #onAckWait(): void {
    this.#ackTimer = undefined;
    if (this.#hasStrays) this.#unacked.removeBefore(this.#host.log.firstSequence);
    const { ackWaitMs } = this.#config;
    const nextMs = this.#unacked.expire(this.#host.nowMs(), ackWaitMs);
    if (this.#unacked.size > 0) this.#watchAcks(nextMs ?? ackWaitMs + ACK_WAIT_EXTRA_MS);
    this.#pump();
  }
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const set = new Set(a);
  return b.every((subject) => set.has(subject));
}
