/**
 * Streams and consumers on a real server.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { isPartiError } from "../../errors.ts";
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
} from "../feed.ts";
import { callApi, repeatApi } from "./api.ts";
import {
  createConsumer,
  deleteConsumer,
  listConsumers,
  readConsumerInfo,
  rewindConsumer,
  shrinkConsumer,
} from "./consumers.ts";
import { type Link, linkOf } from "./link.ts";
import { Publisher } from "./publisher.ts";
import { NatsPull, type PullOptions, pullOptionsOf } from "./pull.ts";
import { readLastMessage } from "./stored_message.ts";
import { createStream } from "./streams.ts";
import { nanosOf, type WireStreamConfig, type WireStreamInfo } from "./wire.ts";

/** How the feed behaves. */
export interface NatsFeedOptions {
  /** How pulls behave. */
  readonly pull?: Partial<PullOptions>;
  /** How many publications may wait for the stream's word at once. */
  readonly maxInFlight?: number;
  /**
   * How many bytes of publications may wait for the stream's word at once; 4 MiB unless given. The last of them may go beyond it. The
   * client's pings wait behind them: where a connection takes less than 2 MB/s, fewer bytes keep it from being taken for dead.
   */
  readonly maxInFlightBytes?: number;
  /** How many more may wait until they are sent, before one is refused with `PARTI_OVERLOADED`; 65,536 unless given. */
  readonly maxWaiting?: number;
}

function streamConfigOf(name: string, options: StreamOptions): WireStreamConfig {
  return {
    name,
    subjects: options.subjects,
    retention: options.retention,
    storage: options.storage,
    num_replicas: options.replicas,
    // A full feed must refuse a message rather than drop an old one that nobody has handled.
    ...(options.retention === "workqueue" ? { discard: "new" } : {}),
    ...(options.duplicateWindowMs === undefined
      ? {}
      : { duplicate_window: nanosOf(options.duplicateWindowMs) }),
    ...(options.maxBytes === undefined ? {} : { max_bytes: options.maxBytes }),
    ...(options.maxMessagesPerSubject === undefined
      ? {}
      : { max_msgs_per_subject: options.maxMessagesPerSubject }),
    ...(options.maxAckPending === undefined
      ? {}
      : { consumer_limits: { max_ack_pending: options.maxAckPending } }),
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
  };
}

/** Sources and mirrors bring the subjects of other streams, and a transform stores a message under another subject than it came on. */
function mayHoldOthers(config: WireStreamConfig): boolean {
  const { sources, mirror, subject_transform } = config;
  return (sources?.length ?? 0) > 0 || mirror !== undefined || subject_transform !== undefined;
}

/** The server notes its own version and what it had to know. */
function ownMetadata({ metadata = {} }: WireStreamConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith("_nats.")));
}

class NatsFeed implements FeedStore {
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #pullOptions: PullOptions;

  constructor(link: Link, options: NatsFeedOptions) {
    this.#link = link;
    const { maxInFlight, maxWaiting, maxInFlightBytes } = options;
    this.#publisher = new Publisher(link, maxInFlight, maxWaiting, maxInFlightBytes);
    this.#pullOptions = pullOptionsOf(options.pull);
  }

  async streamInfo(stream: string): Promise<StreamInfo> {
    const info = await this.#wireInfo(stream);
    return {
      subjects: info.config.subjects ?? [],
      mayHoldOthers: mayHoldOthers(info.config),
      retention: info.config.retention ?? "limits",
      messages: info.state.messages,
      // Of an empty stream servers say 0, 1 or what comes next.
      firstSequence: info.state.messages === 0 ? info.state.last_seq + 1 : info.state.first_seq,
      lastSequence: info.state.last_seq,
      metadata: ownMetadata(info.config),
      // For the server 0 is no limit.
      maxAckPending: info.config.consumer_limits?.max_ack_pending || undefined,
    };
  }

  async ensureStream(stream: string, options: StreamOptions): Promise<void> {
    try {
      await this.#wireInfo(stream);
      return;
    } catch (error) {
      if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
    }
    try {
      const config = streamConfigOf(stream, options);
      await createStream(this.#link, config, `create stream ${stream}`);
    } catch (error) {
      // Somebody else was faster, with other settings: theirs stay.
      if (!isPartiError(error, "PARTI_CONFLICT")) throw error;
    }
  }

  async destroyStream(stream: string): Promise<void> {
    try {
      await callApi(this.#link, `STREAM.DELETE.${stream}`, undefined, `delete stream ${stream}`);
    } catch (error) {
      if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
    }
  }

  createConsumer(stream: string, config: ConsumerConfig): Promise<void> {
    return createConsumer(this.#link, stream, config);
  }

  shrinkConsumer(
    stream: string,
    config: ConsumerConfig,
    filterSubjects: readonly string[],
  ): Promise<void> {
    return shrinkConsumer(this.#link, stream, config, filterSubjects);
  }

  rewindConsumer(stream: string, name: string): Promise<boolean> {
    return rewindConsumer(this.#link, stream, name);
  }

  deleteConsumer(stream: string, name: string): Promise<boolean> {
    return deleteConsumer(this.#link, stream, name);
  }

  consumerInfo(stream: string, name: string): Promise<ConsumerInfo | undefined> {
    return readConsumerInfo(this.#link, stream, name);
  }

  listConsumers(stream: string): Promise<ConsumerInfo[]> {
    return listConsumers(this.#link, stream);
  }

  pull(stream: string, consumer: string, handler: PullHandler): Pull {
    const exists = async (): Promise<boolean> =>
      await this.consumerInfo(stream, consumer) !== undefined;
    return new NatsPull(this.#link, stream, consumer, handler, exists, this.#pullOptions);
  }

  publish(subject: string, data: Uint8Array, options?: PublishOptions): Promise<PublishAck> {
    return this.#publisher.publish(subject, data, options);
  }

  room(): Promise<void> | undefined {
    return this.#publisher.room();
  }

  lastMessage(stream: string, subject: string): Promise<StoredMessage | undefined> {
    return readLastMessage(this.#link, stream, subject);
  }

  #wireInfo(stream: string): Promise<WireStreamInfo> {
    return repeatApi(this.#link, `STREAM.INFO.${stream}`, undefined, `describe stream ${stream}`);
  }
}

/**
 * Streams and consumers of a connection.
 *
 * @param nc the connection
 * @param options how to behave
 * @returns the port
 */
export function natsFeed(nc: NatsConnection, options: NatsFeedOptions = {}): FeedStore {
  return new NatsFeed(linkOf(nc), options);
}
