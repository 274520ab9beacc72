/**
 * JetStream's JSON as it is on the wire: only the fields that are used. Durations are in nanoseconds.
 *
 * @module
 */

/**
 * How many consumers a stream of ours may have. Newer servers allow 1,000 unless told otherwise, and every watch of a bucket is a
 * consumer; the number cannot be changed later.
 */
export const MAX_CONSUMERS = 100_000;

/** A stream's configuration. */
export interface WireStreamConfig {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly retention?: "limits" | "workqueue" | "interest";
  readonly storage?: "file" | "memory";
  readonly num_replicas?: number;
  readonly max_age?: number;
  readonly max_bytes?: number;
  readonly max_msgs_per_subject?: number;
  readonly max_consumers?: number;
  readonly duplicate_window?: number;
  readonly discard?: "old" | "new";
  readonly allow_direct?: boolean;
  readonly allow_rollup_hdrs?: boolean;
  readonly deny_delete?: boolean;
  readonly allow_msg_ttl?: boolean;
  readonly subject_delete_marker_ttl?: number;
  readonly consumer_limits?: { readonly max_ack_pending?: number };
  readonly sources?: readonly unknown[];
  readonly mirror?: unknown;
  readonly subject_transform?: unknown;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** `STREAM.INFO`. */
export interface WireStreamInfo {
  readonly config: WireStreamConfig;
  readonly created: string;
  readonly state: {
    readonly messages: number;
    readonly first_seq: number;
    readonly last_seq: number;
  };
}

/** A consumer's configuration. */
export interface WireConsumerConfig {
  readonly name?: string;
  readonly durable_name?: string;
  readonly deliver_subject?: string;
  readonly deliver_policy: "all" | "last_per_subject" | "by_start_sequence" | "new";
  readonly opt_start_seq?: number;
  readonly ack_policy: "explicit" | "none";
  readonly ack_wait?: number;
  readonly max_deliver?: number;
  readonly max_ack_pending?: number;
  readonly inactive_threshold?: number;
  readonly replay_policy?: "instant";
  readonly filter_subject?: string;
  readonly filter_subjects?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly num_replicas?: number;
  readonly mem_storage?: boolean;
}

/** `CONSUMER.INFO`. */
export interface WireConsumerInfo {
  readonly name: string;
  readonly config: WireConsumerConfig;
  readonly delivered: { readonly consumer_seq: number; readonly stream_seq: number };
  readonly num_ack_pending: number;
  readonly num_pending: number;
}

/** `CONSUMER.LIST`. */
export interface WireConsumerList {
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
  readonly consumers: readonly WireConsumerInfo[] | null;
  /** The names of those that nobody can describe, since they have no leader just now. */
  readonly missing?: readonly string[];
}

/** `STREAM.MSG.GET`. */
export interface WireStoredMessage {
  readonly message: {
    readonly subject: string;
    readonly seq: number;
    readonly hdrs?: string;
    readonly data?: string;
  };
}

/** The answer to a publication. */
export interface WirePubAck {
  readonly stream: string;
  readonly seq: number;
  readonly duplicate?: boolean;
}

/**
 * Milliseconds as JetStream wants them.
 *
 * @param ms milliseconds
 * @returns nanoseconds
 */
export function nanosOf(ms: number): number {
  return Math.round(ms * 1e6);
}

/**
 * The subjects a consumer reads, whichever field they are in.
 *
 * @param config the consumer's configuration
 * @returns the subjects; none means the whole stream
 */
export function filtersOf(config: WireConsumerConfig): readonly string[] {
  if (config.filter_subjects !== undefined && config.filter_subjects.length > 0) {
    return config.filter_subjects;
  }
  return config.filter_subject === undefined || config.filter_subject === ""
    ? []
    : [config.filter_subject];
}
