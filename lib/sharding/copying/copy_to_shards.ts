/**
 * Making a sharded feed of a stream that is there.
 *
 * @module
 */
import { checkFeed } from "../../consumption/feed_check.ts";
import { isPartiError, PartiError } from "../../errors.ts";
import { copyBucket, copyTerm } from "../../names.ts";
import { checkLayout, type ShardedFeed } from "../shards.ts";
import { type CopyBegin, CopyClaim } from "./copy_claim.ts";
import { CopyEnd } from "./copy_end.ts";
import { CopyConsumers } from "./copy_consumers.ts";
import { CopyLedger, type WrittenRecord } from "./copy_ledger.ts";
import type { CopyParts, CopyWorld } from "./copy_parts.ts";
import { checkSource, type CopySource, SourceSubjects } from "./copy_source.ts";
import { Pauses } from "./pauses.ts";
import { ShardCopier } from "./shard_copier.ts";

/** How a stream is copied. */
export interface CopyOptions {
  /** The world; only what is named here is used. */
  readonly world: CopyWorld;
  /** What is copied. */
  readonly from: CopySource;
  /** The shards, which are there: `makeShards` makes them. Nobody else may publish to them. */
  readonly into: ShardedFeed;
  /**
   * Where the very first copier begins: with `all` that is in the source, or with what is `new`. Left out it is all, and refused with
   * `PARTI_CONFLICT` if anything was ever stored in the shards before. Whoever comes later goes on where the last one was.
   */
  readonly begin?: CopyBegin;
  /** On how many servers it is kept how far the copy has come; 1 unless given. */
  readonly replicas?: number;
  /**
   * How long a copy with work to do may stand still before another copier takes it over, in milliseconds; 5,000 unless given. 0 has it take
   * over at once, whoever copies: for where something else decides who does.
   */
  readonly takeOverAfterMs?: number;
  /** Ends it: before it has begun {@linkcode copyToShards} throws `PARTI_ABORTED`, afterwards it is closed. */
  readonly signal?: AbortSignal;
  /** Told of each problem: those that are tried again, and the one after which it has failed for good. */
  readonly onError?: (error: unknown) => void;
}

const TAKE_OVER_AFTER_MS = 5_000;

/**
 * Copies a stream of limits or interest retention into the shards of a feed, from now on and until it is closed: each message once, with its
 * payload and its headers, those of one key in order. Nothing is lost and nothing stored twice, whatever dies meanwhile: copiers, servers
 * or connections. Any number of copiers may run for the same feed: one copies at a time.
 *
 * Of a header that occurs more than once the first value is kept. Headers whose names begin with `Nats-` are left out, since they would
 * steer the server; `Nats-Msg-Id` becomes `Parti-Source-Message-Id`. `Parti-Source-Sequence` is where in the source the message was.
 *
 * @param options how
 * @returns a copier, which has begun; close it
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if the source or a shard is missing or not what it has to be, or another copy goes into these
 * shards; `PARTI_CONFLICT` if it cannot be known where to begin; `PARTI_ABORTED` by its signal; and what the server says
 *
 * @example
 * ```ts no-assert
 * import { connectNats, copyToShards, natsWorld } from "@parti/parti";
 * async function main() {
 *   await using copier = await copyToShards({
 *     world: natsWorld(await connectNats({ servers: "nats://127.0.0.1:4222" })),
 *     from: { stream: "EVENTS", subjectTemplate: "events.{{.PartitionID}}" },
 *     into: { stream: "ORDERS", subjectTemplate: "orders.{{.Shard}}.{{.PartitionID}}", shards: 16 },
 *     onError: (error) => console.error(error),
 *   });
 *   await copier.ended();
 * }
 * console.log(typeof main);
 * ```
 */
export async function copyToShards(options: CopyOptions): Promise<ShardCopier> {
  const { world, from, into } = options;
  checkLayout(into);
  const subjects = new SourceSubjects(from.subjectTemplate);
  const end = new CopyEnd(world.messaging, options.signal);
  try {
    const parts = await partsOf(options, subjects, end);
    await checkSource(world.feed, from);
    await checkFeed(world.feed, into);
    const claimed = await claimFirst(parts);
    throwIfOver(end);
    return new ShardCopier(parts, claimed);
  } catch (error) {
    end.release();
    throwIfOver(end, error);
    throw error;
  }
}

function throwIfOver({ signal, failure }: CopyEnd, cause?: unknown): void {
  if (failure !== undefined) throw failure;
  if (signal.aborted) {
    throw new PartiError("PARTI_ABORTED", "the copier was ended before it began", { cause });
  }
}

/** Whoever is the first to begin hears at once what is in his way. */
async function claimFirst({ claim }: CopyParts): Promise<WrittenRecord | undefined> {
  if (await claim.look() !== undefined) return undefined;
  try {
    return await claim.claim(undefined);
  } catch (error) {
    if (isPartiError(error, "PARTI_FENCED")) return undefined;
    throw error;
  }
}

async function partsOf(
  options: CopyOptions,
  subjects: SourceSubjects,
  end: CopyEnd,
): Promise<CopyParts> {
  const { world, into, begin, replicas = 1 } = options;
  const { stream, subjectTemplate } = options.from;
  // It is written down, and compared: nothing else that the caller's object may have.
  const from: CopySource = { stream, subjectTemplate };
  const { takeOverAfterMs = TAKE_OVER_AFTER_MS } = options;
  if (!(takeOverAfterMs >= 0)) {
    throw new PartiError("PARTI_INVALID_CONFIG", `takeOverAfterMs is ${takeOverAfterMs}`, {
      value: takeOverAfterMs,
      hint: "it must be a number of milliseconds, at least 0",
    });
  }
  const onError = guarded(options.onError);
  const pauses = new Pauses(world, end.signal);
  const bucket = await world.kv.open(
    bucketOf(into),
    { ttlMs: 0, replicas, storage: "file" },
    (setting, actual, wanted) =>
      onError(
        new PartiError(
          "PARTI_INVALID_CONFIG",
          `bucket ${
            bucketOf(into)
          } exists with ${setting} ${actual}, not ${wanted}; it stays as it is`,
          { value: actual },
        ),
      ),
  );
  const holder = world.random.uuid();
  const ledger = new CopyLedger(bucket, pauses, onError);
  const consumers = new CopyConsumers({ world, from, subjects, feed: into.stream });
  const { feed } = world;
  const claim = new CopyClaim({
    ...{ feed, from, filterSubjects: subjects.filterSubjects, layout: into, begin, holder },
    ...{ ledger, consumers, onError },
  });
  return {
    ...{ world, from, subjects, layout: into, holder, ledger, consumers, claim, pauses, end },
    ...{ takeOverAfterMs, onError },
  };
}

/** What the user's own function throws must not end the copy. */
function guarded(onError: CopyOptions["onError"]): (error: unknown) => void {
  return (error) => {
    try {
      onError?.(error);
    } catch {
      // There is nobody else to tell.
    }
  };
}

function bucketOf({ stream }: ShardedFeed): string {
  if (/^[-\w]+$/.test(stream)) return copyBucket(stream);
  throw new PartiError("PARTI_INVALID_CONFIG", `${stream} cannot be the feed of a copy`, {
    value: stream,
    hint: "the name of a bucket is made of it: use letters, digits, - and _",
  });
}

/**
 * Removes what copiers keep: how far the copy has come, and their consumers of the source. No copier may run meanwhile. The shards stay; a
 * copier that begins afterwards, and is told to begin with all, stores everything in them again.
 *
 * @param options which copy
 * @throws {PartiError} `PARTI_INVALID_CONFIG`, and what the server says; harmless if there is nothing
 */
export async function forgetCopy(
  { world, from, into }: Pick<CopyOptions, "from" | "into"> & {
    /** Where streams and buckets are. */
    readonly world: Pick<CopyWorld, "kv" | "feed">;
  },
): Promise<void> {
  await world.kv.destroy(bucketOf(into));
  try {
    for (const { name, metadata } of await world.feed.listConsumers(from.stream)) {
      if (copyTerm(into.stream, metadata) === undefined) continue;
      await world.feed.deleteConsumer(from.stream, name);
    }
  } catch (error) {
    // Its consumers have gone with the source.
    if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
  }
}
