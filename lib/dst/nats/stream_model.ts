/**
 * A stream with its consumers, as nats-server keeps it.
 *
 * @module
 */
import type {
  ConsumerConfig,
  ConsumerInfo,
  PublishAck,
  PublishOptions,
  StreamInfo,
  StreamOptions,
} from "../../ports/feed.ts";
import { coveredBy } from "../../ports/nats/subjects.ts";
import { type ConsumerHost, ConsumerModel } from "./consumer_model.ts";
import { type ConsumerFollower, ConsumerTable } from "./consumer_table.ts";
import { MessageIds } from "./message_ids.ts";
import { type LoggedMessage, MessageLog } from "./message_log.ts";
import { headerSizeOf, messageSizeOf } from "./message_size.ts";
import { refusal } from "./refusal.ts";
import { SubjectFilter } from "./subject_filter.ts";
import type { VersionTraits } from "./version_traits.ts";

/** What a stream needs of its server. */
export type StreamHost = Omit<ConsumerHost, "stream" | "log" | "onAcked" | "onIdle"> & {
  /** The time by the server's wall clock, in milliseconds since 1970. */
  wallMs(): number;
};

/** What is published. */
export interface Publication {
  /** Its subject. */
  readonly subject: string;
  /** Its payload. */
  readonly data: Uint8Array;
  /** Its headers, those that JetStream reads included. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its conditions. */
  readonly options: PublishOptions;
}

/** Headers may be no larger, in bytes. */
const HEADER_BYTES_MAX = 65_535;

/** A stream. */
export class StreamModel {
  /** Its name. */
  readonly name: string;
  /** How it was made. */
  readonly options: StreamOptions;
  readonly #host: StreamHost;
  readonly #traits: VersionTraits;
  readonly #log = new MessageLog();
  readonly #ids: MessageIds;
  readonly #consumers = new ConsumerTable();
  readonly #consumerHost: ConsumerHost;
  /** Consumers that are on disk while the server is down. */
  #survivors: ConsumerModel[] = [];
  #hasReadIds = true;
  readonly #followers: ((message: LoggedMessage) => void)[] = [];

  /**
   * @param name its name
   * @param options how it is made
   * @param host its server
   */
  constructor(name: string, options: StreamOptions, host: StreamHost) {
    this.name = name;
    this.options = options;
    this.#host = host;
    this.#traits = host.traits;
    this.#ids = new MessageIds(options.duplicateWindowMs);
    this.#consumerHost = {
      ...host,
      stream: name,
      log: this.#log,
      onAcked: (sequence) => this.#onAcked(sequence),
      onIdle: (consumer) => void this.deleteConsumer(consumer.name),
    };
  }

  /** Describes it. */
  info(): StreamInfo {
    const { subjects, retention, maxAckPending, metadata } = this.options;
    const { count: messages, firstSequence, lastSequence } = this.#log;
    const limits = { mayHoldOthers: false, maxAckPending };
    const state = { messages, firstSequence, lastSequence };
    return { subjects: [...subjects], retention, metadata: { ...metadata }, ...state, ...limits };
  }

  /** A consumer; undefined if it is not there. */
  consumer(name: string): ConsumerModel | undefined {
    return this.#consumers.get(name);
  }

  /** Describes all consumers, by name as the server lists them. */
  listConsumers(): ConsumerInfo[] {
    return this.#consumers.all().map((consumer) => consumer.info())
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /**
   * Makes a consumer, or leaves it as it is if there is the same one.
   *
   * @param config what to make
   * @param what what is tried, for the error
   * @throws {PartiError} `PARTI_CONFLICT`, `PARTI_FILTER_OVERLAP`, `PARTI_REFUSED`
   */
  createConsumer(config: ConsumerConfig, what: string): void {
    this.#checkLimit(config, what);
    checkFilter(config, what);
    const existing = this.#consumers.get(config.name);
    if (existing !== undefined) {
      if (!isSame(existing.config, config)) throw refusal(10148, what);
      return;
    }
    if (this.options.retention === "workqueue") {
      if (this.#consumers.size > 0 && config.filterSubjects.length === 0) {
        throw refusal(10099, what);
      }
      this.#checkOverlap(config, what);
      if (config.startSequence !== undefined) throw refusal(10101, what);
    }
    this.#consumers.add(new ConsumerModel(config, this.#consumerHost));
  }

  /**
   * Replaces a consumer's configuration.
   *
   * @param config what it is from now on
   * @param what what is tried, for the error
   * @throws {PartiError} `PARTI_NOT_FOUND`, `PARTI_FILTER_OVERLAP`, `PARTI_REFUSED`
   */
  updateConsumer(config: ConsumerConfig, what: string): void {
    this.#checkLimit(config, what);
    checkFilter(config, what);
    const consumer = this.#consumers.get(config.name);
    if (consumer === undefined) throw refusal(10149, what);
    if (this.options.retention === "workqueue") this.#checkOverlap(config, what);
    this.#consumers.update(consumer, config);
  }

  /** Deletes a consumer. Returns false if it was not there. */
  deleteConsumer(name: string): boolean {
    const consumer = this.#consumers.remove(name);
    consumer?.end();
    return consumer !== undefined;
  }

  /**
   * Stores a message.
   *
   * @param publication what is published
   * @param what what is tried, for the error
   * @returns where it was stored
   * @throws {PartiError} `PARTI_CONFLICT`, `PARTI_TOO_LARGE`, `PARTI_REFUSED`
   */
  publish(publication: Publication, what: string): PublishAck {
    const duplicate = this.#check(publication, what);
    if (duplicate !== undefined) return { sequence: duplicate, duplicate: true };
    const { subject, data, headers, options: { messageId } } = publication;
    if (headerSizeOf(headers) > HEADER_BYTES_MAX) throw refusal(10097, what);
    const storedAtMs = this.#host.wallMs();
    const { maxBytes, storage } = this.options;
    const bytes = maxBytes === undefined ? 0 : messageSizeOf(subject, data, headers, storage);
    const victim = this.#makeRoom(subject, bytes, what);
    const sequence = this.#log.lastSequence + 1;
    const message: LoggedMessage = { sequence, subject, data, headers, storedAtMs, bytes };
    this.#log.append(message);
    if (messageId) this.#ids.remember(messageId, sequence, storedAtMs);
    const blocked = victim === undefined ? [] : this.#remove(victim.sequence);
    while (maxBytes !== undefined && this.#log.bytes > maxBytes && this.#log.count > 0) {
      blocked.push(...this.#remove(this.#log.firstSequence));
    }
    for (const consumer of this.#consumers.readersOf(subject)) consumer.onStored(message);
    for (const consumer of blocked) consumer.goOn();
    for (const follower of this.#followers) follower(message);
    return { sequence, duplicate: false };
  }

  /** How many messages of a subject it holds. */
  countOf(subject: string): number {
    return this.#log.countOf(subject);
  }

  /** Tells a simulation's observer of each message, and each consumer, from now on, whatever becomes of the server's process. */
  follow(follower: (message: LoggedMessage) => void, ofConsumers?: ConsumerFollower): void {
    this.#followers.push(follower);
    if (ofConsumers !== undefined) this.#consumers.follow(ofConsumers);
  }

  /** The last message of a subject; undefined if there is none. */
  newestOf(subject: string): LoggedMessage | undefined {
    return this.#log.newestOf(subject);
  }

  /** It is deleted: who pulls from its consumers is told. */
  end(): void {
    for (const consumer of this.#consumers.clear()) consumer.end();
  }

  /** The server's process is gone: what is on disk stays. Consumers are kept in its memory, but for those that are to survive. */
  crashed(): void {
    const consumers = this.#consumers.clear();
    for (const consumer of consumers) consumer.forget();
    this.#survivors = consumers.filter(({ config }) => config.survivesRestart);
    this.#ids.clear();
  }

  /** A new process reads the disk. */
  started(): void {
    for (const survivor of this.#survivors.splice(0)) {
      this.#consumers.putBack(new ConsumerModel(survivor.config, this.#consumerHost, survivor));
    }
    this.#hasReadIds = false;
    if (!this.#traits.readsIdsLate) this.#readIds();
  }

  /** The IDs that are known after a restart are those of the messages that are still there when it looks. */
  #readIds(): void {
    if (this.#hasReadIds) return;
    this.#hasReadIds = true;
    for (const { headers, sequence, storedAtMs } of this.#log.all()) {
      const id = headers["Nats-Msg-Id"];
      if (id) this.#ids.remember(id, sequence, storedAtMs);
    }
  }

  /** Checks the conditions of a publication. Returns the sequence of the first one with its ID, if there is one. */
  #check({ subject, options }: Publication, what: string): number | undefined {
    const { messageId, expectedLastSubjectSequence: expected, expectedLastSequence } = options;
    const findDuplicate = (): number | undefined => {
      if (!messageId) return undefined;
      this.#readIds();
      return this.#ids.find(messageId, this.#host.wallMs());
    };
    if (this.#traits.duplicateBeforeExpectation) {
      const duplicate = findDuplicate();
      if (duplicate !== undefined) return duplicate;
    }
    if (expected !== undefined && (this.newestOf(subject)?.sequence ?? 0) !== expected) {
      throw refusal(10071, what);
    }
    if (expectedLastSequence !== undefined && this.#log.lastSequence !== expectedLastSequence) {
      throw refusal(10071, what);
    }
    return findDuplicate();
  }

  /** Refuses a message there is no room for. Returns the message that has to go because its subject has too many, if there is one. */
  #makeRoom(subject: string, bytes: number, what: string): LoggedMessage | undefined {
    const { maxBytes, maxMessagesPerSubject: perSubject, retention } = this.options;
    const isOver = perSubject !== undefined && this.#log.countOf(subject) >= perSubject;
    const victim = isOver ? this.#log.oldestOf(subject) : undefined;
    if (retention !== "workqueue" || maxBytes === undefined) return victim;
    const total = this.#log.bytes + bytes;
    if (this.#traits.fullAtLimit ? total < maxBytes : total <= maxBytes) return victim;
    // A message that takes another one's place needs no room if it is no larger.
    const strict = this.#traits.fullAtLimit && this.options.storage === "file";
    const freed = victim === undefined ? -1 : victim.bytes - (strict ? 1 : 0);
    if (freed < bytes) throw refusal(10077, what);
    return victim;
  }

  #checkLimit({ maxAckPending }: ConsumerConfig, what: string): void {
    if (maxAckPending > (this.options.maxAckPending ?? Infinity)) throw refusal(10121, what);
  }

  #checkOverlap(config: ConsumerConfig, what: string): void {
    if (this.#consumers.overlaps(config)) throw refusal(10100, what);
  }

  #onAcked(sequence: number): void {
    if (this.options.retention !== "workqueue") return;
    const message = this.#log.get(sequence);
    if (message === undefined) return;
    const { subject } = message;
    const isNeeded = !this.#traits.lateAckRemoves &&
      this.#consumers.readersOf(subject).some((consumer) => consumer.needs(message));
    if (isNeeded) return;
    for (const consumer of this.#remove(sequence)) consumer.goOn();
  }

  /** Removes a message. Returns the consumers that were kept from going on by it. */
  #remove(sequence: number): ConsumerModel[] {
    const message = this.#log.remove(sequence);
    if (message === undefined) return [];
    const readers = this.#consumers.readersOf(message.subject);
    return readers.filter((consumer) => consumer.onRemoved(sequence));
  }
}

/** No subject of a filter may cover another one. */
function checkFilter({ filterSubjects }: ConsumerConfig, what: string): void {
  const { exact, patterns } = new SubjectFilter(filterSubjects);
  const isTwice = new Set(patterns).size + exact.size < filterSubjects.length;
  const isCovered = (subject: string): boolean =>
    patterns.some((pattern) => pattern !== subject && coveredBy(subject, [pattern]));
  if (isTwice || (patterns.length > 0 && filterSubjects.some(isCovered))) {
    throw refusal(10138, what);
  }
}

/** The server compares what it would store: the order of subjects counts, that of metadata does not. */
function isSame(a: ConsumerConfig, b: ConsumerConfig): boolean {
  const keys = Object.keys(a.metadata);
  return a.ackWaitMs === b.ackWaitMs && a.maxAckPending === b.maxAckPending &&
    a.inactiveThresholdMs === b.inactiveThresholdMs && a.startSequence === b.startSequence &&
    (a.survivesRestart ?? false) === (b.survivesRestart ?? false) &&
    a.filterSubjects.length === b.filterSubjects.length &&
    a.filterSubjects.every((subject, index) => subject === b.filterSubjects[index]) &&
    keys.length === Object.keys(b.metadata).length &&
    keys.every((key) => a.metadata[key] === b.metadata[key]);
}
