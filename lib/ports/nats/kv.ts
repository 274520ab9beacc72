/**
 * Buckets on a real server.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { isPartiError } from "../../errors.ts";
import type { KvBucket, KvBucketOptions, KvStore } from "../kv.ts";
import { callApi, repeatApi } from "./api.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { type KvOptions, NatsKvBucket } from "./kv_bucket.ts";
import { streamOf } from "./kv_format.ts";
import { type Link, linkOf } from "./link.ts";
import { Publisher } from "./publisher.ts";
import { DEFAULT_PULL_OPTIONS, type PullOptions, pullOptionsOf } from "./pull.ts";
import { createStream } from "./streams.ts";
import { nanosOf, type WireStreamConfig, type WireStreamInfo } from "./wire.ts";

/** How the buckets behave. */
export interface NatsKvOptions {
  /** How long a read, a write or a listing waits, in milliseconds; as long as all calls unless given. */
  readonly timeoutMs?: number;
  /** How the readers behind watches behave. */
  readonly pull?: Partial<PullOptions>;
}

/**
 * A watch's reader lives on one node of a cluster only, and ends with it without a word: silence is all that tells, and leases are
 * watched.
 */
const WATCH_HEARTBEAT_MS = 1_000;
/** The shortest time the server keeps an expiry marker. */
const MIN_MARKER_TTL_MS = 1_000;

function configOf(name: string, options: KvBucketOptions, markers: boolean): WireStreamConfig {
  const { ttlMs } = options;
  return {
    name: streamOf(name),
    subjects: [`$KV.${name}.>`],
    retention: "limits",
    storage: options.storage,
    num_replicas: options.replicas,
    max_msgs_per_subject: 1,
    discard: "new",
    allow_direct: true,
    allow_rollup_hdrs: true,
    deny_delete: true,
    ...(ttlMs > 0 ? { max_age: nanosOf(ttlMs) } : {}),
    ...(ttlMs > 0 && markers
      ? {
        allow_msg_ttl: true,
        subject_delete_marker_ttl: nanosOf(Math.max(MIN_MARKER_TTL_MS, ttlMs)),
      }
      : {}),
    // A server that does not know it leaves it out, without a word.
    ...(options.removalsTtlMs === undefined ? {} : { allow_msg_ttl: true }),
  };
}

class NatsKvStore implements KvStore {
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #options: KvOptions;

  constructor(link: Link, options: NatsKvOptions) {
    this.#link = link;
    this.#publisher = new Publisher(link);
    this.#options = {
      timeoutMs: options.timeoutMs ?? link.timeoutMs,
      pull: pullOptionsOf(options.pull, {
        ...DEFAULT_PULL_OPTIONS,
        heartbeatMs: WATCH_HEARTBEAT_MS,
      }),
    };
  }

  async open(
    name: string,
    options: KvBucketOptions,
    onDrift?: (setting: string, actual: unknown, wanted: unknown) => void,
  ): Promise<KvBucket> {
    const actual = await this.#infoOrCreate(name, options);
    const settings: [string, unknown, unknown][] = [
      ["ttlMs", (actual.max_age ?? 0) / 1e6, options.ttlMs],
      ["replicas", actual.num_replicas ?? 1, options.replicas],
      ["storage", actual.storage, options.storage],
    ];
    for (const [setting, is, wanted] of settings) {
      if (is !== wanted) onDrift?.(setting, is, wanted);
    }
    return new NatsKvBucket(this.#link, this.#publisher, name, {
      ...this.#options,
      ...(actual.allow_msg_ttl ? { removalsTtlMs: options.removalsTtlMs } : {}),
    });
  }

  async identify(name: string): Promise<string | undefined> {
    try {
      return (await this.#info(name, `identify bucket ${name}`)).created;
    } catch (error) {
      if (isPartiError(error, "PARTI_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  async destroy(name: string): Promise<void> {
    try {
      const what = `delete bucket ${name}`;
      await callApi(this.#link, `STREAM.DELETE.${streamOf(name)}`, undefined, what);
    } catch (error) {
      if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
    }
  }

  #info(name: string, what: string): Promise<WireStreamInfo> {
    return repeatApi(this.#link, `STREAM.INFO.${streamOf(name)}`, undefined, what);
  }

  async #infoOrCreate(name: string, options: KvBucketOptions): Promise<WireStreamConfig> {
    const info = async (): Promise<WireStreamConfig> =>
      (await this.#info(name, `open bucket ${name}`)).config;
    try {
      return await info();
    } catch (error) {
      if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
    }
    const { markers } = capabilitiesOf(this.#link.nc.info?.version ?? "");
    try {
      const config = configOf(name, options, markers);
      const what = `create bucket ${name}`;
      return (await createStream(this.#link, config, what)).config;
    } catch (error) {
      // Somebody else was faster, with other settings: theirs stay.
      if (isPartiError(error, "PARTI_CONFLICT")) return await info();
      throw error;
    }
  }
}

/**
 * Buckets of a connection.
 *
 * @param nc the connection
 * @param options how to behave
 * @returns the port
 */
export function natsKv(nc: NatsConnection, options: NatsKvOptions = {}): KvStore {
  return new NatsKvStore(linkOf(nc), options);
}
