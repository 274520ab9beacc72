/**
 * Small helpers of the contract's cases.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isPartiError, type PartiErrorCode } from "../../errors.ts";
import { type Clock, sleep } from "../clock.ts";
import type { ConsumerConfig, FeedMessage, FeedStore, Pull, StreamOptions } from "../feed.ts";
import type { KvBucket, KvBucketOptions, KvEntry, KvWatch } from "../kv.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const POLL_MS = 5;

/** How long a condition may take unless told otherwise, in milliseconds. */
export const PATIENCE_MS = 10_000;

/**
 * @param text a text
 * @returns its bytes
 */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * @param data bytes
 * @returns the text in them
 */
export function textOf(data: Uint8Array): string {
  return decoder.decode(data);
}

/**
 * Waits for a condition.
 *
 * @param clock the clock to wait on
 * @param what what is waited for, for the error
 * @param condition what must become true
 * @param timeoutMs how long it may take, in milliseconds
 */
export async function until(
  clock: Clock,
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number = PATIENCE_MS,
): Promise<void> {
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  while (!(await condition())) {
    if (clock.monotonicMs() >= deadlineMs) assert.fail(`not within ${timeoutMs} ms: ${what}`);
    await sleep(clock, POLL_MS);
  }
}

/**
 * Asserts that something fails with a code.
 *
 * @param action what must fail
 * @param codes the codes it may fail with
 */
export async function refused(
  action: Promise<unknown>,
  ...codes: PartiErrorCode[]
): Promise<void> {
  try {
    await action;
  } catch (error) {
    assert.ok(isPartiError(error, ...codes), `expected ${codes.join(" or ")}, got ${error}`);
    return;
  }
  assert.fail(`expected ${codes.join(" or ")}, and it succeeded`);
}

/** Bucket options for tests: no expiry, one copy, on disk. */
export const BUCKET: KvBucketOptions = { ttlMs: 0, replicas: 1, storage: "file" };

/** What a watch has reported. */
export class WatchLog {
  /** Entries in the order they came. */
  readonly entries: KvEntry[] = [];
  /** How many entries had come when the initial ones were over; undefined until then. */
  initializedAt: number | undefined;
  /** Errors given to `onLost`. */
  readonly lost: unknown[] = [];
  /** The watch. */
  watch!: KvWatch;

  /** The entries as `key=value@revision` or `key-@revision`. */
  get lines(): string[] {
    return this.entries.map((entry) =>
      entry.operation === "put"
        ? `${entry.key}=${textOf(entry.value)}@${entry.revision}`
        : `${entry.key}-@${entry.revision}`
    );
  }
}

/**
 * Opens a watch and logs it.
 *
 * @param bucket the bucket
 * @param pattern the keys
 * @returns the log, which fills
 */
export async function watchLog(bucket: KvBucket, pattern: string): Promise<WatchLog> {
  const log = new WatchLog();
  log.watch = await bucket.watch(pattern, {
    onEntry: (entry) => void log.entries.push(entry),
    onInitialized: () => log.initializedAt = log.entries.length,
    onLost: (error) => void log.lost.push(error),
  });
  return log;
}

/** A WorkQueue stream over `feed.>`. */
export const FEED: StreamOptions = {
  subjects: ["feed.>"],
  retention: "workqueue",
  storage: "file",
  replicas: 1,
};

/**
 * @param name the consumer's name
 * @param filterSubjects what it reads
 * @param changes other settings than the usual
 * @returns its configuration
 */
export function lane(
  name: string,
  filterSubjects: readonly string[],
  changes: Partial<ConsumerConfig> = {},
): ConsumerConfig {
  return {
    name,
    filterSubjects,
    ackWaitMs: 30_000,
    maxAckPending: 1_000,
    inactiveThresholdMs: 60_000,
    metadata: { worker: "w-1" },
    ...changes,
  };
}

/** What a pull has reported. */
export class PullLog {
  /** Messages in the order they came. */
  readonly messages: FeedMessage[] = [];
  /** Reasons and details given to `onLost`. */
  readonly lost: [string, string][] = [];
  /** The pull. */
  pull!: Pull;
  /** Called for each message, if set. */
  onMessage: ((message: FeedMessage) => void) | undefined;

  /** The payloads as texts. */
  get texts(): string[] {
    return this.messages.map((message) => textOf(message.data));
  }
  /** The delivery sequences. */
  get deliveries(): number[] {
    return this.messages.map((message) => message.deliverySequence);
  }
}

/**
 * Starts a pull and logs it.
 *
 * @param feed the feed
 * @param stream the stream
 * @param consumer the consumer
 * @param count how many messages are asked for
 * @returns the log, which fills
 */
export function pullLog(
  feed: FeedStore,
  stream: string,
  consumer: string,
  count: number,
): PullLog {
  const log = new PullLog();
  log.pull = feed.pull(stream, consumer, {
    onMessage: (message) => {
      log.messages.push(message);
      log.onMessage?.(message);
    },
    onLost: (reason, detail) => void log.lost.push([reason, detail]),
    onPermission: () => {},
  });
  if (count > 0) log.pull.request(count);
  return log;
}

/**
 * Publishes numbered messages one after the other.
 *
 * @param feed the feed
 * @param subject the subject
 * @param from the first number
 * @param to the last number
 */
export async function publishNumbers(
  feed: FeedStore,
  subject: string,
  from: number,
  to: number,
): Promise<void> {
  const all: Promise<unknown>[] = [];
  for (let i = from; i <= to; i++) all.push(feed.publish(subject, bytes(String(i))));
  await Promise.all(all);
}

/**
 * @param from the first number
 * @param to the last number
 * @returns all of them
 */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
