/**
 * JetStream's streams, as far as the feed port needs them: by name, by the subjects they store, and over the life of the server's process.
 *
 * @module
 */
import type { ConsumerConfig, ConsumerInfo, PublishAck, StreamOptions } from "../../ports/feed.ts";
import { Draws } from "../draw.ts";
import type { ConsumerModel } from "./consumer_model.ts";
import { FaultBoard } from "./fault_board.ts";
import type { FeedFaults } from "./faults.ts";
import { ListHistory } from "./list_history.ts";
import type { LoggedMessage } from "./message_log.ts";
import { refusal } from "./refusal.ts";
import type { ModelServer, ServerPart } from "./server.ts";
import { type Publication, type StreamHost, StreamModel } from "./stream_model.ts";
import { SubjectFilter } from "./subject_filter.ts";
import { traitsOf } from "./version_traits.ts";

const NO_DATA = new Uint8Array(0);

const models = new WeakMap<ModelServer, StreamsModel>();

/** The server adds something from here … */
const IDLE_JITTER_MIN_MS = 100;
/** … to here to the time after which it removes a consumer that nobody uses. */
const IDLE_JITTER_MAX_MS = 1_000;

/** The streams of a server. */
export class StreamsModel implements ServerPart {
  readonly #server: ModelServer;
  readonly #faults: FaultBoard;
  readonly #host: StreamHost;
  readonly #streams = new Map<string, StreamModel>();
  readonly #filters = new Map<StreamModel, SubjectFilter>();
  readonly #histories = new Map<StreamModel, ListHistory>();
  /** Which stream stores a subject, as far as it was asked for since the last change. */
  readonly #routes = new Map<string, StreamModel | undefined>();

  private constructor(server: ModelServer) {
    this.#server = server;
    this.#faults = FaultBoard.of(server);
    const draws = (label: string): Draws => new Draws(server.kernel.seed, label, "feed");
    const jitter = draws("idle jitter");
    const chunks = draws("delivery chunk");
    const late = draws("late redelivery");
    const early = draws("early redelivery");
    this.#host = {
      traits: traitsOf(server.capabilities.version),
      nowMs: () => server.nowMs,
      wallMs: () => server.wallMs,
      schedule: (delayMs, label, fire) => server.schedule(delayMs, label, fire),
      idleJitterMs: () => jitter.between(IDLE_JITTER_MIN_MS, IDLE_JITTER_MAX_MS),
      redeliveryLateMs: () => {
        const { redeliveryLateMs } = this.#common;
        const strikes = this.#faults.noted("feed.redeliveryLateMs", redeliveryLateMs > 0);
        return strikes ? late.between(0, redeliveryLateMs) : 0;
      },
      redeliveryEarly: () => {
        const { redeliveredEarly } = this.#common;
        const isNow = redeliveredEarly > 0 && early.chance(redeliveredEarly);
        return this.#faults.noted("feed.redeliveredEarly", isNow) ? early.float() : undefined;
      },
      chunk: (count) => count === 1 ? 1 : chunks.integer(1, count),
    };
  }

  /**
   * The one model of a server, made on first use.
   *
   * @param server the server
   * @returns its streams
   */
  static of(server: ModelServer): StreamsModel {
    let model = models.get(server);
    if (model === undefined) {
      model = new StreamsModel(server);
      server.add(model);
      models.set(server, model);
    }
    return model;
  }

  /**
   * A stream.
   *
   * @param name its name
   * @param what what is tried, for the error
   * @returns the stream
   * @throws {PartiError} `PARTI_NOT_FOUND`
   */
  stream(name: string, what: string): StreamModel {
    const stream = this.#streams.get(name);
    if (stream === undefined) throw refusal(10059, what);
    return stream;
  }

  /** All streams. */
  all(): StreamModel[] {
    return [...this.#streams.values()];
  }

  /**
   * Makes a stream.
   *
   * @param name its name
   * @param options how it is made
   * @param what what is tried, for the error
   * @throws {PartiError} `PARTI_CONFLICT` if there is one of that name, `PARTI_REFUSED` if another one stores one of the subjects
   */
  createStream(name: string, options: StreamOptions, what: string): void {
    if (this.#streams.has(name)) throw refusal(10058, what);
    for (const filter of this.#filters.values()) {
      if (options.subjects.some((subject) => filter.collides(subject))) throw refusal(10065, what);
    }
    const stream = new StreamModel(name, options, this.#host);
    this.#streams.set(name, stream);
    this.#filters.set(stream, new SubjectFilter(options.subjects));
    this.#routes.clear();
  }

  /**
   * Deletes a stream with its consumers.
   *
   * @param name its name
   * @param what what is tried, for the error
   * @throws {PartiError} `PARTI_NOT_FOUND`
   */
  deleteStream(name: string, what: string): void {
    const stream = this.stream(name, what);
    this.#forget(stream);
    stream.end();
  }

  /** Makes a consumer. See {@linkcode StreamModel.createConsumer}. */
  createConsumer(stream: string, config: ConsumerConfig, what: string): void {
    const found = this.stream(stream, what);
    this.#note(found, config.name);
    found.createConsumer(config, what);
    this.#noteConsumer(stream, config);
  }

  /** Changes a consumer. See {@linkcode StreamModel.updateConsumer}. */
  updateConsumer(stream: string, config: ConsumerConfig, what: string): void {
    const found = this.stream(stream, what);
    this.#note(found, config.name);
    found.updateConsumer(config, what);
    this.#noteConsumer(stream, config);
  }

  #noteConsumer(stream: string, config: ConsumerConfig): void {
    const { name, filterSubjects, metadata } = config;
    const filter = filterSubjects.join(" ");
    this.#server.noteWritten(stream, NO_DATA, { name, filter, ...metadata });
  }

  /**
   * Has a consumer start anew in its place.
   *
   * @param stream its stream
   * @param name its name
   * @returns false if it is not there
   */
  rewindConsumer(stream: string, name: string): boolean {
    const consumer = this.consumer(stream, name);
    consumer?.rewind();
    return consumer !== undefined;
  }

  /**
   * Deletes a consumer.
   *
   * @param stream its stream
   * @param name its name
   * @param what what is tried, for the error
   * @throws {PartiError} `PARTI_NOT_FOUND`
   */
  deleteConsumer(stream: string, name: string, what: string): void {
    const found = this.stream(stream, what);
    this.#note(found, name);
    if (!found.deleteConsumer(name)) throw refusal(10014, what);
  }

  /**
   * Describes a stream's consumers.
   *
   * @param stream its name
   * @param ageMs how old the listing is, in milliseconds
   * @param what what is tried, for the error
   * @returns the consumers, by name
   * @throws {PartiError} `PARTI_NOT_FOUND`
   */
  listConsumers(stream: string, ageMs: number, what: string): ConsumerInfo[] {
    const found = this.stream(stream, what);
    const list = found.listConsumers();
    if (ageMs <= 0) return list;
    return this.#histories.get(found)?.asOf(list, this.#server.nowMs - ageMs) ?? list;
  }

  /** A consumer; undefined if it, or its stream, is not there. */
  consumer(stream: string, name: string): ConsumerModel | undefined {
    return this.#streams.get(stream)?.consumer(name);
  }

  /**
   * Stores a message.
   *
   * @param publication what is published
   * @param what what is tried, for the error
   * @returns where it was stored; undefined if no stream stores its subject
   * @throws {PartiError} `PARTI_CONFLICT`, `PARTI_REFUSED`
   */
  publish(publication: Publication, what: string): PublishAck | undefined {
    const ack = this.#streamOf(publication.subject)?.publish(publication, what);
    const { subject, data, headers } = publication;
    if (ack?.duplicate === false) this.#server.noteWritten(subject, data, headers);
    return ack;
  }

  /**
   * The last message of a subject.
   *
   * @param stream the stream
   * @param subject the subject
   * @param what what is tried, for the error
   * @returns the message
   * @throws {PartiError} `PARTI_NOT_FOUND` if there is no such stream or no message
   */
  newestOf(stream: string, subject: string, what: string): LoggedMessage {
    const message = this.stream(stream, what).newestOf(subject);
    if (message === undefined) throw refusal(10037, what);
    return message;
  }

  /** See {@linkcode ServerPart.crashed}. */
  crashed(): void {
    for (const stream of [...this.#streams.values()]) {
      stream.crashed();
      if (stream.options.storage === "memory") this.#forget(stream);
    }
    this.#histories.clear();
  }

  /** See {@linkcode ServerPart.started}. */
  started(): void {
    for (const stream of this.#streams.values()) stream.started();
  }

  get #common(): FeedFaults {
    return this.#faults.common.feed;
  }

  #streamOf(subject: string): StreamModel | undefined {
    let stream = this.#routes.get(subject);
    if (stream === undefined && !this.#routes.has(subject)) {
      for (const [one, filter] of this.#filters) if (filter.matches(subject)) stream = one;
      this.#routes.set(subject, stream);
    }
    return stream;
  }

  #forget(stream: StreamModel): void {
    this.#streams.delete(stream.name);
    this.#filters.delete(stream);
    this.#histories.delete(stream);
    this.#routes.clear();
  }

  /** Remembers how a consumer is before it changes, if listings may be out of date. */
  #note(stream: StreamModel, name: string): void {
    const { listStale, listStaleMs } = this.#common;
    const history = this.#histories.get(stream);
    if (listStale <= 0 && history === undefined) return;
    const kept = history ?? new ListHistory();
    if (history === undefined) this.#histories.set(stream, kept);
    kept.note(this.#server.nowMs, listStaleMs, name, stream.consumer(name)?.info());
  }
}
