/**
 * A WorkQueue stream and its pull consumers, as JetStream gives them. The server refuses two consumers with overlapping
 * filters, and that refusal is the lock on which ownership stands.
 *
 * @module
 */
import type { PartiError } from "../errors.ts";

/** The way to acknowledge a message, which can be kept for as long as that may have to be done again. */
export interface AckHandle {
  /** Acknowledges without waiting. On a WorkQueue stream this removes the message. */
  ack(): void;
  /**
   * Acknowledges and waits for the server. Answered also for a message that is acknowledged already, and only after every ack
   * that was sent before it for the same consumer on the same connection was processed: one confirmed ack flushes all. Throws
   * `PARTI_NO_RESPONDERS` at once if the consumer is gone, `PARTI_TIMEOUT`, or `PARTI_DISCONNECTED`.
   */
  ackConfirmed(timeoutMs: number): Promise<void>;
}

/** A message as it was delivered. */
export interface FeedMessage extends AckHandle {
  /** The subject it was published to. */
  readonly subject: string;
  /** The payload. */
  readonly data: Uint8Array;
  /**
   * Header values by name; the first one where a name occurs more than once. Throws `PARTI_REFUSED` if somebody sent headers that cannot be
   * read.
   */
  header(name: string): string | undefined;
  /** All of them, as {@linkcode header}; made anew at each look. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Its place in the stream: the same in every redelivery and for every consumer. A stream that is made anew, or whose server comes back
   * without its last writes, gives sequences out again, to messages that are stored later.
   */
  readonly streamSequence: number;
  /** Its place among this consumer's deliveries, from 1 without holes: a hole means a delivery was lost on the way. */
  readonly deliverySequence: number;
  /** How often this consumer has delivered it, from 1. */
  readonly deliveryCount: number;
  /** When the stream stored it, in milliseconds since 1970 by the server's clock: the same in every redelivery and for every consumer. */
  readonly storedAtMs: number;
  /** Messages that were waiting behind it when it was delivered. */
  readonly pending: number;
  /** The way to acknowledge it, without what it says: for whoever keeps that for a while. */
  readonly ackHandle: AckHandle;
  /** Tells the server that work goes on: the ack wait starts anew. */
  working(): void;
}

/** Settings of a lane, which is a durable pull consumer. */
export interface ConsumerConfig {
  /** The durable name, `[A-Za-z0-9_-]+`. */
  readonly name: string;
  /** The subjects it reads. Never empty where the lane is filtered: an empty list means the whole stream. */
  readonly filterSubjects: readonly string[];
  /** Unacknowledged messages are delivered again after this long. */
  readonly ackWaitMs: number;
  /** How many unacknowledged messages the server hands out at most. */
  readonly maxAckPending: number;
  /** The server removes the consumer when nobody pulled for this long; 0 keeps it. */
  readonly inactiveThresholdMs: number;
  /** Who made it: group, worker, instance, epoch, generation. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * The first sequence of the stream that it reads, at most one more than the stream's last; without it, the oldest message there is. Not
   * for a WorkQueue stream.
   */
  readonly startSequence?: number;
  /**
   * It is kept where its stream is, and a restart of the server does not forget it; acks that were not confirmed may be lost. Without it
   * the consumer is kept in memory.
   */
  readonly survivesRestart?: boolean;
}

/** A consumer as the server describes it. */
export interface ConsumerInfo {
  /** The durable name. */
  readonly name: string;
  /** The subjects it reads; empty means the whole stream. */
  readonly filterSubjects: readonly string[];
  /** What its maker wrote on it. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Messages waiting in the stream for it. */
  readonly pending: number;
  /** Messages handed out and not acknowledged. */
  readonly ackPending: number;
  /** The last delivery sequence handed out. */
  readonly delivered: number;
}

/** What a running pull reports. */
export interface PullHandler {
  /** A message arrived. Must not throw. */
  onMessage(message: FeedMessage): void;
  /**
   * Told now and then, while nothing comes, which delivery of its consumer was the last one. If it has not come, it was lost on
   * the way. Must not throw.
   */
  onDelivered?(deliverySequence: number): void;
  /**
   * The pull is over although nobody closed it: `deleted` the consumer is gone (409 or no responders), `stalled` the server
   * has been silent for two heartbeats, `failed` anything else. The lane must be looked at.
   */
  onLost(reason: "deleted" | "stalled" | "failed", detail: string): void;
  /**
   * Told with `PARTI_REFUSED` when the server does not let this user ask for messages, and with undefined when it does again. The pull goes
   * on meanwhile, and asks now and then. Must not throw.
   */
  onPermission(refusal: PartiError | undefined): void;
}

/** A running pull from one consumer. */
export interface Pull {
  /** How many messages have been asked for and not arrived. */
  readonly outstanding: number;
  /**
   * Says that `count` more messages are wanted. They are asked for in batches, so `outstanding` may be below it for a while, and
   * what the server gives back (an expired request, a reconnect) is asked for again. An arrival counts down what is wanted and
   * asks for nothing by itself: at most `count` messages come until the next call. A lower count takes effect as messages arrive.
   *
   * With `bytes` no more of them come than are so large together, or one that is beyond it, as the server counts them (subject, headers,
   * payload and ack subject). Whatever is wanted, all pulls of a connection together ask for no more bytes at one time than it can take
   * without being cut or delaying everything else for long; a message of any size comes all the same, by itself if it has to.
   */
  request(count: number, bytes?: number): void;
  /** Ends the pull; no call-back comes afterwards. Messages under way stay unacknowledged. */
  close(): void;
}

/** What was stored by {@linkcode FeedStore.publish}. */
export interface PublishAck {
  /** The stream sequence. */
  readonly sequence: number;
  /** The stream had a message with that ID already and kept the first one. */
  readonly duplicate: boolean;
}

/** Conditions of a publication. */
export interface PublishOptions {
  /** `Nats-Msg-Id`: a second message with the same one is dropped within the stream's duplicate window. */
  readonly messageId?: string;
  /** The write is refused with `PARTI_CONFLICT` unless this is the sequence of the subject's last message (0: there is none). */
  readonly expectedLastSubjectSequence?: number;
  /** The write is refused with `PARTI_CONFLICT` unless this is the sequence of the stream's last message (0: it never had one). */
  readonly expectedLastSequence?: number;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long to wait for the stream's word, in milliseconds; longer where much that was published before is still on its way. */
  readonly timeoutMs?: number;
}

/** A stored message, read directly. */
export interface StoredMessage {
  /** The subject. */
  readonly subject: string;
  /** The stream sequence. */
  readonly sequence: number;
  /** The payload. */
  readonly data: Uint8Array;
  /** Header values by name; the first one where a name occurs more than once. */
  header(name: string): string | undefined;
}

/** How a stream is made if it is not there. */
export interface StreamOptions {
  /** The subjects it stores. */
  readonly subjects: readonly string[];
  /** `workqueue` for a feed, `limits` for an output. */
  readonly retention: "workqueue" | "limits";
  /** Where it is kept. */
  readonly storage: "file" | "memory";
  /** How many servers hold it. */
  readonly replicas: number;
  /** How long message IDs are remembered, in milliseconds. */
  readonly duplicateWindowMs?: number;
  /** The most bytes it may hold; without it, no limit of its own. */
  readonly maxBytes?: number;
  /** Keep at most so many messages per subject. */
  readonly maxMessagesPerSubject?: number;
  /** Its consumers may ask for no more than this as `maxAckPending`; without it, no limit of its own. */
  readonly maxAckPending?: number;
  /** What is written on it. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What the library needs of a stream. All methods throw `PartiError` as {@linkcode KvBucket} does. */
export interface StreamInfo {
  /** The subjects it stores. */
  readonly subjects: readonly string[];
  /** Whether it may hold other subjects too: it has a source, a mirror, or a transform of subjects. */
  readonly mayHoldOthers: boolean;
  /** Its retention policy. */
  readonly retention: "workqueue" | "limits" | "interest";
  /** How many messages it holds. */
  readonly messages: number;
  /** The sequence of the oldest message it holds; one more than the last if it holds none. */
  readonly firstSequence: number;
  /** The sequence of the last message stored. */
  readonly lastSequence: number;
  /** What its maker wrote on it; what the server adds is left out. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Its consumers may ask for no more than this as `maxAckPending`; undefined for no limit of its own. */
  readonly maxAckPending: number | undefined;
}

/** Streams and consumers. */
export interface FeedStore {
  /** Describes a stream. Throws `PARTI_NOT_FOUND`. */
  streamInfo(stream: string): Promise<StreamInfo>;
  /** Creates a stream if it is not there; an existing one is left as it is. */
  ensureStream(stream: string, options: StreamOptions): Promise<void>;
  /** Removes a stream and all it holds; harmless if it is not there. */
  destroyStream(stream: string): Promise<void>;
  /**
   * Creates a durable pull consumer with explicit acks that starts at the oldest unacknowledged message, or where it is told to, and never
   * gives up on one. Unless it is to survive, it may be forgotten when the server restarts: its pull then ends with `deleted`, and a new
   * one finds what is left.
   * Throws `PARTI_FILTER_OVERLAP` while another consumer holds one of the subjects, `PARTI_CONFLICT` if the name exists
   * with another configuration, `PARTI_LIMIT_EXCEEDED` if it asks for more than the stream's `maxAckPending`, or what the account or the server allows.
   */
  createConsumer(stream: string, config: ConsumerConfig): Promise<void>;
  /**
   * Replaces a consumer's filter by a part of it. `config` is the consumer as it is; where an earlier answer got lost, its filter
   * may be smaller already. Never to grow it, since its cursor is not rewound: that, and an empty filter, throw `PARTI_INVARIANT`.
   * What is pending for a subject given up is delivered to this consumer again after each ack wait until somebody has handled it.
   * Throws `PARTI_NOT_FOUND`.
   */
  shrinkConsumer(
    stream: string,
    config: ConsumerConfig,
    filterSubjects: readonly string[],
  ): Promise<void>;
  /**
   * Has a consumer start anew at the oldest unacknowledged message, in its place: nobody else gets in between. What it has handed out comes
   * again, and its delivery sequence begins anew. An ack for what has not come again yet is ignored. Returns false if this server cannot
   * do that, and nothing was done. Throws `PARTI_TIMEOUT` soon, also if the consumer is not there: the server says nothing to that.
   */
  rewindConsumer(stream: string, name: string): Promise<boolean>;
  /** Deletes a consumer. Returns false if it was not there. */
  deleteConsumer(stream: string, name: string): Promise<boolean>;
  /** Describes a consumer; undefined if it is not there. */
  consumerInfo(stream: string, name: string): Promise<ConsumerInfo | undefined>;
  /** All consumers of a stream. */
  listConsumers(stream: string): Promise<ConsumerInfo[]>;
  /** Starts pulling from a consumer; nothing is asked for until {@linkcode Pull.request}. */
  pull(stream: string, consumer: string, handler: PullHandler): Pull;
  /**
   * Stores a message and waits for the stream's word. Throws `PARTI_TOO_LARGE` if it, or its headers, are more than may be stored, and
   * `PARTI_OVERLOADED`, with nothing sent, if as many publications wait for room as may.
   *
   * Messages of one connection go out in the order of the calls, and one stream stores them in that order, those that it takes: one that
   * fails is missing, and those behind it are stored all the same. It is tried once. To try again is for who calls it, with
   * {@linkcode publishAgain} for instance; a second try comes behind what was published meanwhile. Who needs every message of a subject in
   * order whatever fails, publishes the next one when the outcome of the last is known, or guards each with an expected sequence.
   */
  publish(subject: string, data: Uint8Array, options?: PublishOptions): Promise<PublishAck>;
  /**
   * Waits until a publication would be sent at once: for whoever publishes on without waiting for each outcome. So many, and so many bytes,
   * may wait for the stream's word; what is published beyond that waits here, up to a bound. While the connection is down there is no room
   * until it is back, or closed for good. Returns undefined if there is room, so that nobody waits
   * who need not: messages that are published in one go travel together. Each place that becomes free is told to one of those who wait, and
   * whoever publishes then, without waiting for anything else in between, finds it, unless others have published without waiting for room:
   * what is published goes out in the order of the calls. Throws `PARTI_OVERLOADED` if as many wait for room as may.
   */
  room(): Promise<void> | undefined;
  /** The last message of a subject, read from the stream's leader; undefined if there is none. */
  lastMessage(stream: string, subject: string): Promise<StoredMessage | undefined>;
}
