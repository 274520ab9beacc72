/**
 * Streams and consumers over a simulated connection, as the real adapter does it.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type {
  ConsumerConfig,
  ConsumerInfo,
  FeedStore,
  PublishAck,
  PublishOptions,
  Pull,
  PullHandler,
  StoredMessage,
  StreamInfo,
  StreamOptions,
} from "../../ports/feed.ts";
import { coveredBy } from "../../ports/nats/subjects.ts";
import { FaultBoard } from "./fault_board.ts";
import type { FeedFaults } from "./faults.ts";
import type { SimLink } from "./link.ts";
import { checkPayload } from "./payload.ts";
import type { Subscription } from "../../ports/messaging.ts";
import { DEFAULT_MAX_WAITING, publishedBytes } from "../../ports/publish_limit.ts";
import { refuseLong } from "../../ports/subject_length.ts";
import { REWIND_TIMEOUT_MS } from "../../ports/rewind.ts";
import { DEFAULT_MAX_IN_FLIGHT, PublishPlaces } from "../../ports/publish_places.ts";
import type { ModelServer } from "./server.ts";
import { DEFAULT_SIM_PULL_OPTIONS, SimPull, type SimPullOptions } from "./sim_pull.ts";
import type { Publication } from "./stream_model.ts";
import { StreamsModel } from "./streams_model.ts";

/** How the feed behaves. */
export interface SimFeedOptions {
  /** How pulls behave. */
  readonly pull?: Partial<SimPullOptions>;
  /** How many publications may wait for the stream's word at once. */
  readonly maxInFlight?: number;
}

/** How long a call waits for its answer, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** The server says nothing to that. */
const UNANSWERED = Symbol("unanswered");

/** What gets lost of a call. */
type Loss = keyof Pick<FeedFaults, "publishAckLost" | "answerLost">;

class SimFeed implements FeedStore {
  readonly #link: SimLink;
  readonly #model: StreamsModel;
  readonly #faults: FaultBoard;
  readonly #places: PublishPlaces;
  /** Tells those who wait for room that the connection is back, or gone for good. Only where somebody has waited. */
  #status: Subscription | undefined;
  readonly #pullOptions: SimPullOptions;

  constructor(link: SimLink, options: SimFeedOptions) {
    this.#link = link;
    this.#model = StreamsModel.of(link.server);
    this.#faults = FaultBoard.of(link.server);
    this.#places = new PublishPlaces({
      most: options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
      mostWaiting: DEFAULT_MAX_WAITING,
      isOpen: () => link.connected || link.closed,
    });
    this.#pullOptions = { ...DEFAULT_SIM_PULL_OPTIONS, ...options.pull };
  }

  streamInfo(stream: string): Promise<StreamInfo> {
    return this.#call("stream info", (what) => this.#model.stream(stream, what).info());
  }

  async ensureStream(stream: string, options: StreamOptions): Promise<void> {
    try {
      await this.streamInfo(stream);
      return;
    } catch (error) {
      if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
    }
    try {
      await this.#call("create stream", (what) => this.#model.createStream(stream, options, what));
    } catch (error) {
      // Somebody else was faster: his settings stay.
      if (!isPartiError(error, "PARTI_CONFLICT")) throw error;
    }
  }

  async destroyStream(stream: string): Promise<void> {
    try {
      await this.#call("delete stream", (what) => this.#model.deleteStream(stream, what));
    } catch (error) {
      if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
    }
  }

  createConsumer(stream: string, config: ConsumerConfig): Promise<void> {
    const copy = copyOf(config);
    return this.#call("create consumer", (what) => {
      this.#model.createConsumer(stream, copy, what);
    }, "answerLost");
  }

  async shrinkConsumer(
    stream: string,
    config: ConsumerConfig,
    filterSubjects: readonly string[],
  ): Promise<void> {
    const grown = filterSubjects.filter((subject) => !coveredBy(subject, config.filterSubjects));
    if (filterSubjects.length === 0 || grown.length > 0) {
      throw new PartiError("PARTI_INVARIANT", `the filter of ${config.name} may only get smaller`, {
        value: grown,
        hint: "a cursor is not rewound for subjects that come back: make a new consumer for them",
      });
    }
    const copy = copyOf({ ...config, filterSubjects });
    await this.#call("shrink consumer", (what) => {
      this.#model.updateConsumer(stream, copy, what);
    }, "answerLost");
  }

  async rewindConsumer(stream: string, name: string): Promise<boolean> {
    if (!this.#link.server.capabilities.consumerReset) return false;
    const rewind = () => this.#model.rewindConsumer(stream, name) ? undefined : UNANSWERED;
    await this.#call("rewind consumer", rewind, "answerLost", REWIND_TIMEOUT_MS);
    return true;
  }

  async deleteConsumer(stream: string, name: string): Promise<boolean> {
    try {
      await this.#call("delete consumer", (what) => {
        this.#model.deleteConsumer(stream, name, what);
      }, "answerLost");
      return true;
    } catch (error) {
      if (isPartiError(error, "PARTI_NOT_FOUND")) return false;
      throw error;
    }
  }

  consumerInfo(stream: string, name: string): Promise<ConsumerInfo | undefined> {
    return this.#call("consumer info", () => this.#model.consumer(stream, name)?.info());
  }

  listConsumers(stream: string): Promise<ConsumerInfo[]> {
    return this.#call("list consumers", (what) => {
      const { listStale, listStaleMs } = this.#faults.of(this.#link).feed;
      const isStale = this.#faults.strikes(this.#link, "feed.listStale", listStale);
      const draws = this.#faults.drawsOf(this.#link, "age of a stale list");
      return this.#model.listConsumers(stream, isStale ? draws.between(0, listStaleMs) : 0, what);
    });
  }

  pull(stream: string, consumer: string, handler: PullHandler): Pull {
    if (this.#link.closed) {
      throw new PartiError("PARTI_DISCONNECTED", `pull from ${consumer}: closed connection`, {
        hint: "open a new connection",
      });
    }
    const exists = async (): Promise<boolean> =>
      await this.consumerInfo(stream, consumer) !== undefined;
    const source = { model: this.#model, stream, consumer, exists };
    return new SimPull(this.#link, source, handler, this.#pullOptions);
  }

  async publish(
    subject: string,
    data: Uint8Array,
    options: PublishOptions = {},
  ): Promise<PublishAck> {
    refuseLong(subject, "publish to");
    const headers = headersOf(options);
    const copy = checkPayload(data, `publish to ${subject}`, headers);
    const publication: Publication = { subject, data: copy, headers, options };
    const bytes = publishedBytes(subject, data, options);
    await this.#places.enter(subject, bytes);
    try {
      const store = (what: string): PublishAck => {
        const ack = this.#model.publish(publication, what);
        if (ack !== undefined) return ack;
        throw new PartiError("PARTI_NO_RESPONDERS", `nobody answers on ${subject}`, {
          value: subject,
        });
      };
      return await this.#call("publish", store, "publishAckLost", options.timeoutMs);
    } finally {
      this.#places.leave(bytes);
    }
  }

  room(): Promise<void> | undefined {
    const room = this.#places.room();
    if (room !== undefined) {
      this.#status ??= this.#link.onStatus((status) => {
        if (status !== "disconnected") this.#places.opened();
      });
    }
    return room;
  }

  async lastMessage(stream: string, subject: string): Promise<StoredMessage | undefined> {
    try {
      return await this.#call("last message", (what) => {
        const { sequence, data, headers } = this.#model.newestOf(stream, subject, what);
        const header = (name: string): string | undefined => headers[name];
        return { subject, sequence, data: data.slice(), header };
      });
    } catch (error) {
      const isEmpty = isPartiError(error, "PARTI_NOT_FOUND") &&
        (error.value as { errCode?: number } | undefined)?.errCode === 10037;
      if (isEmpty) return undefined;
      throw error;
    }
  }

  /** Asks the server, as far as nothing gets lost on the way. */
  #call<T>(
    label: string,
    run: (what: string) => T,
    loss?: Loss,
    timeoutMs: number = TIMEOUT_MS,
  ): Promise<T> {
    return this.#link.call<T>(label, timeoutMs, (_session, reply) => {
      const faults = this.#faults.of(this.#link).feed;
      if (this.#faults.strikes(this.#link, "feed.requestLost", faults.requestLost)) return;
      let settle: () => T;
      try {
        const result = run(label);
        if (result === UNANSWERED) return;
        settle = () => result;
      } catch (error) {
        settle = () => {
          throw error;
        };
      }
      if (loss === undefined || !this.#faults.strikes(this.#link, `feed.${loss}`, faults[loss])) {
        reply(settle);
      }
    });
  }
}

/** What the caller does with his configuration afterwards must not reach the server. */
function copyOf(config: ConsumerConfig): ConsumerConfig {
  return {
    ...config,
    filterSubjects: [...config.filterSubjects],
    metadata: { ...config.metadata },
  };
}

function headersOf(options: PublishOptions): Readonly<Record<string, string>> {
  const { messageId, expectedLastSubjectSequence, expectedLastSequence, headers } = options;
  const all: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) all[name] = value.trim();
  if (messageId !== undefined) all["Nats-Msg-Id"] = messageId;
  if (expectedLastSubjectSequence !== undefined) {
    all["Nats-Expected-Last-Subject-Sequence"] = String(expectedLastSubjectSequence);
  }
  if (expectedLastSequence !== undefined) {
    all["Nats-Expected-Last-Sequence"] = String(expectedLastSequence);
  }
  return all;
}

/**
 * Streams and consumers of connections to one server.
 *
 * @param server the server; what it keeps is shared by all its connections
 * @param options how to behave
 * @returns makes the port of a connection
 */
export function simFeed(
  server: ModelServer,
  options: SimFeedOptions = {},
): (link: SimLink) => FeedStore {
  StreamsModel.of(server);
  return (link) => new SimFeed(link, options);
}
