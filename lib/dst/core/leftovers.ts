/**
 * What a group leaves behind on the server when it has stopped.
 *
 * @module
 */
import { resolveConfig } from "../../config/config.ts";
import { decodeWorkerRecord } from "../../membership/worker_lease.ts";
import { assignmentBucket, chunkKey, laneOwner, leaseBucket, type PartName } from "../../names.ts";
import type { ConsumerInfo } from "../../ports/feed.ts";
import type { KvEntry } from "../../ports/kv.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { BucketModel } from "../nats/bucket_model.ts";
import { CoreModel } from "../nats/core_model.ts";
import { KvModel } from "../nats/kv_model.ts";
import type { ModelServer } from "../nats/server.ts";
import { feedStreamsOn, unitsRead } from "./feed_shape.ts";
import { groupConfig } from "./group_config.ts";
import { GROUP } from "./names.ts";
import type { CoreParameters } from "./parameters.ts";

/** How late the server may be with whatever ends by itself, in milliseconds. */
const LATE_MS = 2_000;
/** How long the server may take a connection for open of which it was not told that it has ended, in milliseconds. */
const STALE_CONNECTION_MS = 30_000;

/**
 * What is left on the server.
 *
 * @param server the server
 * @param recent the parts of assignments that may be there; undefined if any may
 * @returns each thing, for people
 */
export function leftOn(server: ModelServer, recent: readonly PartName[] | undefined): string[] {
  const buckets = KvModel.of(server);
  const { subscriptionCount } = CoreModel.of(server);
  return [
    ...lanesOn(server).map(({ name }) => `lane ${name}`),
    ...keysIn(buckets.find(leaseBucket(GROUP))).map((key) => `lease ${key}`),
    ...(recent === undefined ? [] : strayParts(buckets.find(assignmentBucket(GROUP)), recent)),
    ...(subscriptionCount > 0 ? [`${subscriptionCount} subscriptions`] : []),
    ...(buckets.readerCount > 0 ? [`${buckets.readerCount} watches`] : []),
  ];
}

/**
 * What is on the server of those who are not there any more: their leases and lanes, which the living have to clear away.
 *
 * @param server the server
 * @param isThere whether an instance is
 * @returns each thing, for people
 */
export function leftOfOthers(
  server: ModelServer,
  isThere: (instance: string) => boolean,
): string[] {
  const leases = KvModel.of(server).find(leaseBucket(GROUP));
  const lanesLeft = lanesOn(server).filter(({ metadata }) =>
    !isThere(laneOwner(metadata)?.instance ?? "")
  );
  const leasesLeft = entriesIn(leases).filter((entry) => {
    const record = decodeWorkerRecord(entry);
    return record !== undefined && !isThere(record.instance);
  });
  return [...lanesLeft.map(({ name }) => `lane ${name}`), ...leasesLeft.map(({ key }) => key)];
}

/**
 * Lanes that read what is not their owner's: a partition that it was not given, or that is no more.
 *
 * @param server the server
 * @param owners which instance has each partition
 * @returns each lane with what it reads without a right, for people
 */
export function lanesAstray(
  server: ModelServer,
  owners: ReadonlyMap<string, string | undefined>,
): string[] {
  return lanesOn(server).flatMap(({ name, metadata, units: ids }) => {
    const instance = laneOwner(metadata)?.instance;
    const strange = ids.filter((id) => instance === undefined || owners.get(id) !== instance);
    return strange.length === 0 ? [] : [`${name} (${strange.join(" ")})`];
  });
}

/**
 * Waits until nothing is left, or what is left will stay.
 *
 * @param kernel time
 * @param server the server
 * @param parameters the run's
 * @param how whether everybody has handed over in time, so that nothing has to expire by itself; and the parts of assignments that may be
 * there
 * @returns what is left
 */
export async function leftAtLast(
  kernel: Kernel,
  server: ModelServer,
  parameters: CoreParameters,
  { isInTime, recent }: { readonly isInTime: boolean; readonly recent: readonly PartName[] },
): Promise<string[]> {
  const config = resolveConfig(groupConfig(parameters));
  const { inactiveThresholdMs = 0, ackWaitMs = 0 } = config.consumer ?? {};
  // A server waits for acks first, where it does: of what a request that was left open has taken, and once more when that is due again.
  const inactiveMs = inactiveThresholdMs + STALE_CONNECTION_MS + 2 * ackWaitMs;
  // What a worker that ran out of time had to leave goes by itself.
  const patienceMs = isInTime ? STALE_CONNECTION_MS : Math.max(
    STALE_CONNECTION_MS,
    config.workerIdTtlMs,
    inactiveMs,
  );
  const untilMs = kernel.nowMs + patienceMs + LATE_MS;
  for (let pauseMs = 10;; pauseMs *= 2) {
    // A leader that ran out of time between a part and the word that it counts, or before it had tidied up: the next one does.
    const left = leftOn(server, isInTime ? recent : undefined);
    const isEnough = kernel.nowMs >= untilMs || (isInTime && !left.every(isConnectionBound));
    if (left.length === 0 || isEnough) return left;
    await kernel.sleep(Math.min(pauseMs, untilMs - kernel.nowMs), "what is left");
  }
}

/** All lanes on the feed, with what they read of what the group shares. */
function lanesOn(server: ModelServer): (ConsumerInfo & { readonly units: string[] })[] {
  return feedStreamsOn(server).flatMap(([stream, model]) =>
    model.listConsumers().map((lane) => ({
      ...lane,
      units: unitsRead(stream, lane.filterSubjects),
    }))
  );
}

/** Whether it ends when the server sees a connection end. */
function isConnectionBound(what: string): boolean {
  return /^\d/.test(what);
}

function entriesIn(bucket: BucketModel | undefined): KvEntry[] {
  return (bucket?.from(0, () => true) ?? []).filter(({ operation }) => operation === "put");
}

function keysIn(bucket: BucketModel | undefined): string[] {
  return entriesIn(bucket).map(({ key }) => key);
}

/** Parts of assignments that nobody may be reading any more, or a marker where one was. What a crash has brought back harms nobody. */
function strayParts(bucket: BucketModel | undefined, recent: readonly PartName[]): string[] {
  const wanted = recent.map((part) => chunkKey(part, 0).slice(0, -1));
  const keys = (bucket?.from(0, () => true) ?? []).map(({ key }) => key);
  const stray = keys.filter((key) =>
    key.startsWith("chunk.") && !wanted.some((prefix) => key.startsWith(prefix)) &&
    bucket?.revived.has(key) !== true
  );
  return stray.map((key) => `part ${key}`);
}
