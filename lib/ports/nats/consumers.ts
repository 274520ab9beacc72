/**
 * Consumers: made, shrunk, deleted, described.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { ConsumerConfig, ConsumerInfo } from "../feed.ts";
import { REWIND_TIMEOUT_MS } from "../rewind.ts";
import { callApi, REPEAT_AFTER_MS, repeatApi } from "./api.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { Link } from "./link.ts";
import { patiently } from "./patience.ts";
import { coveredBy } from "./subjects.ts";
import {
  filtersOf,
  nanosOf,
  type WireConsumerConfig,
  type WireConsumerInfo,
  type WireConsumerList,
} from "./wire.ts";

/** How often a listing is begun again when consumers came or went while its pages were read. */
const LIST_ATTEMPTS = 3;

/** What the server adds to a consumer's metadata is not what its maker wrote. */
const SERVER_METADATA = "_nats.";

function infoOf(info: WireConsumerInfo): ConsumerInfo {
  const metadata = Object.entries(info.config.metadata ?? {})
    .filter(([key]) => !key.startsWith(SERVER_METADATA));
  return {
    name: info.name,
    filterSubjects: filtersOf(info.config),
    metadata: Object.fromEntries(metadata),
    pending: info.num_pending,
    ackPending: info.num_ack_pending,
    delivered: info.delivered.consumer_seq,
  };
}

function wireConfigOf(config: ConsumerConfig): WireConsumerConfig {
  return {
    name: config.name,
    durable_name: config.name,
    ...(config.startSequence === undefined
      ? { deliver_policy: "all" }
      : { deliver_policy: "by_start_sequence", opt_start_seq: config.startSequence }),
    ack_policy: "explicit",
    ack_wait: nanosOf(config.ackWaitMs),
    max_deliver: -1,
    max_ack_pending: config.maxAckPending,
    inactive_threshold: nanosOf(config.inactiveThresholdMs),
    replay_policy: "instant",
    // A lane's state is not worth a disk: what is acknowledged is gone from the stream, and a lane that a restart of the server
    // has forgotten is made anew and starts at the oldest message left. It makes acquiring and acknowledging much cheaper.
    mem_storage: config.survivesRestart !== true,
    metadata: config.metadata,
    ...filterFieldsOf(config.filterSubjects),
  };
}

/** One subject goes into the old field, which is what servers echo for it. */
function filterFieldsOf(
  subjects: readonly string[],
): Pick<WireConsumerConfig, "filter_subject" | "filter_subjects"> {
  const [only, ...more] = subjects;
  if (only === undefined) return {};
  return more.length === 0 ? { filter_subject: only } : { filter_subjects: subjects };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const set = new Set(a);
  return set.size === new Set(b).size && b.every((subject) => set.has(subject));
}

function createOrUpdate(
  link: Link,
  stream: string,
  name: string,
  config: WireConsumerConfig,
  action: "create" | "update",
  timeoutMs?: number,
): Promise<WireConsumerInfo> {
  return callApi(
    link,
    `CONSUMER.CREATE.${stream}.${name}`,
    { stream_name: stream, config, action },
    `${action} consumer ${name} of ${stream}`,
    timeoutMs,
  );
}

/**
 * Creates a lane. See {@linkcode FeedStore.createConsumer}.
 *
 * @param link the connection
 * @param stream the stream
 * @param config what to make
 * @throws {PartiError} `PARTI_FILTER_OVERLAP`, `PARTI_CONFLICT`, `PARTI_NOT_FOUND` (the stream), `PARTI_SERVER_TOO_OLD`
 */
export async function createConsumer(
  link: Link,
  stream: string,
  config: ConsumerConfig,
): Promise<void> {
  const made = await patiently(
    link,
    (timeoutMs) =>
      createOrUpdate(link, stream, config.name, wireConfigOf(config), "create", timeoutMs),
  );
  if (sameSet(filtersOf(made.config), config.filterSubjects)) return;
  // A server that does not know a field ignores it, and a consumer without its filter reads the whole stream.
  await deleteConsumer(link, stream, config.name);
  throw new PartiError("PARTI_SERVER_TOO_OLD", "the server ignored the consumer's filter", {
    value: filtersOf(made.config),
    hint: "nats-server 2.10 or newer is needed",
  });
}

/**
 * Replaces a consumer's filter by a part of it. See {@linkcode FeedStore.shrinkConsumer}. The server is not asked first how the
 * consumer looks: a partition stands still meanwhile, and the lane knows.
 *
 * @param link the connection
 * @param stream the stream
 * @param config the consumer as it is
 * @param filterSubjects what it reads from now on, each covered by what it reads now
 * @throws {PartiError} `PARTI_NOT_FOUND`, `PARTI_INVARIANT` if it would grow or lose its filter
 */
export async function shrinkConsumer(
  link: Link,
  stream: string,
  config: ConsumerConfig,
  filterSubjects: readonly string[],
): Promise<void> {
  const { name, filterSubjects: before } = config;
  const grown = filterSubjects.filter((subject) => !coveredBy(subject, before));
  if (filterSubjects.length === 0 || grown.length > 0) {
    throw new PartiError("PARTI_INVARIANT", `the filter of ${name} may only get smaller`, {
      value: grown,
      hint: "a cursor is not rewound for subjects that come back: make a new consumer for them",
    });
  }
  await createOrUpdate(link, stream, name, wireConfigOf({ ...config, filterSubjects }), "update");
}

/**
 * Has a consumer start anew in its place. See {@linkcode FeedStore.rewindConsumer}. Asked once: whoever asks again after it has gone on
 * would have it start anew once more.
 *
 * @param link the connection
 * @param stream the stream
 * @param name the consumer
 * @returns false if the server is too old for that
 * @throws {PartiError} `PARTI_TIMEOUT`, also if it is not there, and as the link does
 */
export async function rewindConsumer(link: Link, stream: string, name: string): Promise<boolean> {
  if (!capabilitiesOf(link.nc.info?.version ?? "").consumerReset) return false;
  const what = `start consumer ${name} of ${stream} anew`;
  await callApi(link, `CONSUMER.RESET.${stream}.${name}`, undefined, what, REWIND_TIMEOUT_MS);
  return true;
}

/**
 * Deletes a consumer.
 *
 * @param link the connection
 * @param stream the stream
 * @param name the consumer
 * @returns false if it was not there
 * @throws {PartiError} as the link does
 */
export async function deleteConsumer(link: Link, stream: string, name: string): Promise<boolean> {
  const sentMs = performance.now();
  try {
    const what = `delete consumer ${name} of ${stream}`;
    await repeatApi(link, `CONSUMER.DELETE.${stream}.${name}`, undefined, what);
    return true;
  } catch (error) {
    if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
    // Its leader answers for a consumer's removal: where it has none it is removed without a word, and asking again tells.
    return performance.now() - sentMs >= REPEAT_AFTER_MS;
  }
}

function wireInfo(link: Link, stream: string, name: string): Promise<WireConsumerInfo> {
  const what = `describe consumer ${name} of ${stream}`;
  return repeatApi(link, `CONSUMER.INFO.${stream}.${name}`, undefined, what);
}

/**
 * Describes a consumer.
 *
 * @param link the connection
 * @param stream the stream
 * @param name the consumer
 * @returns the description; undefined if it, or its stream, is not there
 * @throws {PartiError} as the link does
 */
export async function readConsumerInfo(
  link: Link,
  stream: string,
  name: string,
): Promise<ConsumerInfo | undefined> {
  try {
    return infoOf(await wireInfo(link, stream, name));
  } catch (error) {
    if (isPartiError(error, "PARTI_NOT_FOUND")) return undefined;
    throw error;
  }
}

/**
 * Lists a stream's consumers, page by page. Those of a cluster that have no leader just now are missing: nobody can describe them. The
 * server waits for them for 4 s, so it is not asked twice.
 *
 * @param link the connection
 * @param stream the stream
 * @returns every consumer once
 * @throws {PartiError} `PARTI_NOT_FOUND` (the stream), and as the link does
 */
export async function listConsumers(link: Link, stream: string): Promise<ConsumerInfo[]> {
  let found = new Map<string, ConsumerInfo>();
  for (let attempt = 0; attempt < LIST_ATTEMPTS; attempt++) {
    found = new Map();
    let offset = 0;
    let total = 0;
    let missing = 0;
    do {
      const what = `list the consumers of ${stream}`;
      const page: WireConsumerList = await callApi(
        link,
        `CONSUMER.LIST.${stream}`,
        { offset },
        what,
      );
      const consumers = page.consumers ?? [];
      for (const consumer of consumers) found.set(consumer.name, infoOf(consumer));
      total = page.total;
      const onPage = consumers.length + (page.missing?.length ?? 0);
      missing += page.missing?.length ?? 0;
      if (onPage === 0) break;
      offset += onPage;
    } while (offset < total);
    // Pages are cut anew for each request: one that went in between hides another at the seam.
    if (found.size + missing >= total) break;
  }
  return [...found.values()];
}
