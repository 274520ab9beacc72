/**
 * For tests: a small model of a JetStream server, as far as lanes depend on it — WorkQueue streams with pull consumers, one output
 * stream with guarded writes, notices. It lives on a manual clock, so a test sees in milliseconds what takes minutes, and the
 * same seed gives the same run. What it does is what `lib/ports/contract` demands of a real one. Holds no test.
 *
 * @module
 */
import assert from "node:assert/strict";
import { PartiError } from "../errors.ts";
import type { Timer } from "../ports/clock.ts";
import type { ConsumerConfig, ConsumerInfo, PublishOptions, StreamInfo } from "../ports/feed.ts";
import type { ManualClock } from "../test_support/manual_clock.ts";

/** A message in the stream. */
export interface Stored {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly storedAtMs: number;
}

/** What of the feed is on the disk at some moment. */
export interface Disk {
  readonly sequence: number;
  readonly messages: readonly Stored[];
}

/** A message on its way to a puller. */
export interface Sent extends Stored {
  readonly deliverySequence: number;
  readonly deliveryCount: number;
}

/** Where a consumer's deliveries go. */
export interface Puller {
  deliver(message: Sent): void;
  deleted(): void;
}

interface Pending {
  count: number;
  timer: Timer;
}

/** A consumer as the server has it. */
class ModelConsumer {
  readonly stream: string;
  readonly config: ConsumerConfig;
  filter: Set<string>;
  cursor = 0;
  delivered = 0;
  credits = 0;
  puller: Puller | undefined;
  readonly pending = new Map<number, Pending>();
  readonly due: number[] = [];

  constructor(stream: string, config: ConsumerConfig) {
    this.stream = stream;
    this.config = config;
    this.filter = new Set(config.filterSubjects);
  }

  reads(stream: string, subject: string): boolean {
    return stream === this.stream && (this.filter.size === 0 || this.filter.has(subject));
  }
}

/** The server. */
export class ModelServer {
  readonly clock: ManualClock;
  /** The feed. */
  readonly feed = new Map<number, Stored>();
  /** Whether it is new enough to have consumers start anew; tests change it. */
  canRewind = true;
  /** What its streams have; tests change it. */
  retention: StreamInfo["retention"] = "workqueue";
  /** The output: every message ever written, in order. */
  readonly output: Stored[] = [];
  /** What was asked of it, by name of the call. */
  readonly calls = new Map<string, number>();
  readonly #streamOf: (subject: string) => string;
  readonly #consumers = new Map<string, ModelConsumer>();
  readonly #notices = new Set<(subject: string, data: Uint8Array) => void>();
  #sequence = 0;

  /**
   * @param clock the clock it lives on
   * @param streamOf in which stream of the feed a message lies; one and the same unless told otherwise
   */
  constructor(clock: ManualClock, streamOf: (subject: string) => string = () => "feed") {
    this.clock = clock;
    this.#streamOf = streamOf;
  }

  /** The lanes there are. */
  get lanes(): ConsumerInfo[] {
    return [...this.#consumers.values()].map((consumer) => this.#info(consumer));
  }

  /** Stores a message in the feed. */
  store(subject: string, data: Uint8Array, headers: Readonly<Record<string, string>> = {}): number {
    const sequence = ++this.#sequence;
    const storedAtMs = this.clock.wallMs();
    this.feed.set(sequence, { sequence, subject, data, headers, storedAtMs });
    for (const consumer of this.#consumers.values()) this.#pump(consumer);
    return sequence;
  }

  /** What of the feed is on the disk now. */
  get disk(): Disk {
    return { sequence: this.#sequence, messages: [...this.feed.values()] };
  }

  /** It is asked about a stream of the feed. */
  streamInfo(stream: string): StreamInfo {
    const subjects = [stream === "feed" ? "feed.>" : `feed.${stream.slice("feed-".length)}.>`];
    const { retention } = this;
    return {
      subjects,
      retention,
      mayHoldOthers: false,
      maxAckPending: undefined,
      messages: this.feed.size,
      firstSequence: Math.min(...this.feed.keys(), this.#sequence + 1),
      lastSequence: this.#sequence,
      metadata: {},
    };
  }

  /** It comes back with what was on the disk before: later writes are lost, and lanes, which are kept in its memory. */
  restore({ sequence, messages }: Disk): void {
    for (const name of [...this.#consumers.keys()]) this.delete(name);
    this.#sequence = sequence;
    this.feed.clear();
    for (const message of messages) this.feed.set(message.sequence, message);
  }

  /** Writes to the output, as far as its conditions hold. */
  write(subject: string, data: Uint8Array, options: PublishOptions): number {
    this.#count("publish");
    const last = this.last(subject)?.sequence ?? 0;
    const expected = options.expectedLastSubjectSequence;
    if (expected !== undefined && expected !== last) {
      throw new PartiError("PARTI_CONFLICT", `the last sequence is ${last}, not ${expected}`);
    }
    const sequence = this.output.length + 1;
    const headers = options.headers ?? {};
    this.output.push({ sequence, subject, data, headers, storedAtMs: this.clock.wallMs() });
    return sequence;
  }

  /** The last message of a subject of the output. */
  last(subject: string): Stored | undefined {
    return this.output.findLast((stored) => stored.subject === subject);
  }

  create(config: ConsumerConfig, stream = "feed"): void {
    this.#count("create");
    const { name, filterSubjects } = config;
    for (const other of this.#consumers.values()) {
      if (other.stream !== stream) continue;
      const isWhole = filterSubjects.length === 0 || other.filter.size === 0;
      if (isWhole || filterSubjects.some((subject) => other.filter.has(subject))) {
        throw new PartiError("PARTI_FILTER_OVERLAP", "filtered consumer not unique");
      }
    }
    this.#consumers.set(name, new ModelConsumer(stream, config));
  }

  shrink(
    { name, filterSubjects: before }: ConsumerConfig,
    filterSubjects: readonly string[],
  ): void {
    this.#count("shrink");
    const consumer = this.#consumers.get(name);
    if (consumer === undefined) throw new PartiError("PARTI_NOT_FOUND", `no consumer ${name}`);
    // The real one would not notice. It may have less than its maker knows of, where an answer got lost, but never more.
    assert.ok(consumer.filter.isSubsetOf(new Set(before)), `${name} has more than its maker knows`);
    const grown = filterSubjects.some((subject) => !consumer.filter.has(subject));
    if (grown || filterSubjects.length === 0) {
      throw new PartiError("PARTI_INVARIANT", "a filter may only get smaller");
    }
    consumer.filter = new Set(filterSubjects);
  }

  rewind(name: string): void {
    this.#count("rewind");
    const consumer = this.#consumers.get(name);
    // The real one says nothing at all.
    if (consumer === undefined) throw new PartiError("PARTI_TIMEOUT", `no consumer ${name}`);
    for (const { timer } of consumer.pending.values()) timer.cancel();
    consumer.pending.clear();
    consumer.due.length = 0;
    consumer.cursor = 0;
    consumer.delivered = 0;
    this.#pump(consumer);
  }

  delete(name: string): boolean {
    this.#count("delete");
    const consumer = this.#consumers.get(name);
    if (consumer === undefined) return false;
    this.#consumers.delete(name);
    for (const { timer } of consumer.pending.values()) timer.cancel();
    consumer.puller?.deleted();
    return true;
  }

  info(name: string): ConsumerInfo | undefined {
    this.#count("info");
    const consumer = this.#consumers.get(name);
    return consumer === undefined ? undefined : this.#info(consumer);
  }

  list(stream = "feed"): ConsumerInfo[] {
    this.#count("list");
    const consumers = [...this.#consumers.values()].filter((one) => one.stream === stream);
    return consumers.map((consumer) => this.#info(consumer));
  }

  /** So many more messages may be sent to a puller. */
  grant(name: string, puller: Puller, credits: number): boolean {
    const consumer = this.#consumers.get(name);
    if (consumer === undefined) return false;
    if (consumer.puller !== puller) consumer.credits = 0;
    consumer.puller = puller;
    consumer.credits += credits;
    this.#pump(consumer);
    return true;
  }

  /** A puller is gone. */
  revoke(puller: Puller): void {
    for (const consumer of this.#consumers.values()) {
      if (consumer.puller !== puller) continue;
      consumer.puller = undefined;
      consumer.credits = 0;
    }
  }

  /** Takes an ack; false if the consumer is gone. */
  ack(name: string, sequence: number): boolean {
    const consumer = this.#consumers.get(name);
    // What it has not come to since it began anew it has not delivered.
    if (consumer === undefined || sequence > consumer.cursor) return false;
    consumer.pending.get(sequence)?.timer.cancel();
    // As measured on the real one: an ack counts even if somebody else has the message meanwhile.
    consumer.pending.delete(sequence);
    this.feed.delete(sequence);
    this.#pump(consumer);
    return true;
  }

  working(name: string, sequence: number): void {
    const consumer = this.#consumers.get(name);
    const pending = consumer?.pending.get(sequence);
    if (consumer === undefined || pending === undefined) return;
    pending.timer.cancel();
    pending.timer = this.#ackWait(consumer, sequence);
  }

  notify(subject: string, data: Uint8Array): void {
    for (const listener of [...this.#notices]) listener(subject, data);
  }

  subscribe(listener: (subject: string, data: Uint8Array) => void): () => void {
    this.#notices.add(listener);
    return () => this.#notices.delete(listener);
  }

  #count(call: string): void {
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
  }

  #info(consumer: ModelConsumer): ConsumerInfo {
    return {
      name: consumer.config.name,
      filterSubjects: [...consumer.filter],
      metadata: consumer.config.metadata,
      pending: 0,
      ackPending: consumer.pending.size,
      delivered: consumer.delivered,
    };
  }

  #ackWait(consumer: ModelConsumer, sequence: number): Timer {
    return this.clock.setTimer(consumer.config.ackWaitMs, () => {
      consumer.due.push(sequence);
      this.#pump(consumer);
    });
  }

  #pump(consumer: ModelConsumer): void {
    while (consumer.credits > 0 && consumer.puller !== undefined) {
      const message = this.#nextDue(consumer) ?? this.#nextNew(consumer);
      if (message === undefined) return;
      consumer.credits--;
      const { sequence } = message;
      const count = (consumer.pending.get(sequence)?.count ?? 0) + 1;
      consumer.pending.set(sequence, { count, timer: this.#ackWait(consumer, sequence) });
      const deliverySequence = ++consumer.delivered;
      consumer.puller.deliver({ ...message, deliverySequence, deliveryCount: count });
    }
  }

  #nextDue(consumer: ModelConsumer): Stored | undefined {
    for (let next = consumer.due.shift(); next !== undefined; next = consumer.due.shift()) {
      const stored = this.feed.get(next);
      if (stored !== undefined && consumer.pending.has(next)) return stored;
      consumer.pending.delete(next);
    }
    return undefined;
  }

  #nextNew(consumer: ModelConsumer): Stored | undefined {
    if (consumer.pending.size >= consumer.config.maxAckPending) return undefined;
    for (const [sequence, stored] of this.feed) {
      const { subject } = stored;
      if (sequence <= consumer.cursor) continue;
      if (!consumer.reads(this.#streamOf(subject), subject)) continue;
      consumer.cursor = sequence;
      return stored;
    }
    return undefined;
  }
}
