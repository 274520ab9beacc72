/**
 * The buckets in which actors by directory lie: who lives, which actor is where, and what actors keep. Each that was deleted is made anew.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import type { KvBucket, KvBucketOptions } from "../../ports/kv.ts";
import type { World } from "../../ports/world.ts";
import { directoryBucket, nodeBucket, stateBucket } from "../names.ts";
import type { Nodes } from "./nodes.ts";

/** The server lets a lease go only when its holder has long stopped. */
const BUCKET_TTLS = 3;
/** A bucket that was made with another time to live must keep a lease for so many of its own. */
const LEAST_TTLS = 2;

/** Whatever was sent before a place was given back has come by then; longer the server need not know that there was one. */
const REMOVALS_TTL_MS = 60_000;
const PAUSE_MS = 100;

/** How they are kept. */
export type BucketsHow = Pick<KvBucketOptions, "replicas" | "storage">;

/** How they are kept unless it is said: on one server's disk. */
const DEFAULT_HOW: BucketsHow = { replicas: 1, storage: "file" };

/** The buckets that can be opened, and made, at any time. */
export interface ActorBuckets {
  /** The leases of nodes. */
  readonly nodes: KvBucket;
  /** What actors keep. */
  readonly states: KvBucket;
}

/** What is needed to open the directory. */
export interface DirectoryMeans {
  /** The server, and time. */
  readonly world: Pick<World, "kv" | "clock">;
  /** The bus's name. */
  readonly bus: string;
  /** How it is kept; on one server's disk unless given. */
  readonly how?: BucketsHow | undefined;
  /** Who lives. */
  readonly nodes: Pick<Nodes, "areAllOver">;
  /** Fires when nobody needs it any more. */
  readonly over: AbortSignal;
}

/** The directory as it was opened. */
export interface OpenDirectory {
  /** Its bucket. */
  readonly bucket: KvBucket;
  /** What tells it from one before or after it. */
  readonly identity: string;
}

/**
 * Opens them, and makes those that are missing.
 *
 * @param kv the server
 * @param bus the bus's name
 * @param leaseTtlMs how long a node's lease lasts, in milliseconds
 * @param how how they are kept; on one server's disk unless given
 * @returns the buckets
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if the bucket of leases lets them go too soon, or what the server says
 */
export async function openActorBuckets(
  kv: World["kv"],
  bus: string,
  leaseTtlMs: number,
  how: BucketsHow = DEFAULT_HOW,
): Promise<ActorBuckets> {
  const ttlMs = BUCKET_TTLS * leaseTtlMs;
  let keptMs = ttlMs;
  const name = nodeBucket(bus);
  const [nodes, states] = await Promise.all([
    kv.open(name, { ...how, ttlMs }, (setting, actual) => {
      if (setting === "ttlMs") keptMs = Number(actual);
    }),
    openStates(kv, bus, how),
  ]);
  if (keptMs === 0 || keptMs >= LEAST_TTLS * leaseTtlMs) return { nodes, states };
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `the bucket ${name} keeps leases for ${keptMs} ms`,
    {
      value: keptMs,
      hint: `a lease of ${leaseTtlMs} ms needs twice that: change the bucket's TTL`,
    },
  );
}

/**
 * Opens the bucket of what actors keep, and makes it if it is missing.
 *
 * @param kv the server
 * @param bus the bus's name
 * @param how how it is kept; on one server's disk unless given
 * @returns the bucket
 * @throws {PartiError} what the server says
 */
export function openStates(
  kv: World["kv"],
  bus: string,
  how: BucketsHow = DEFAULT_HOW,
): Promise<KvBucket> {
  return kv.open(stateBucket(bus), { ...how, ttlMs: 0 });
}

/**
 * Opens the directory. Where there is none it is made when no life of a node is left: those had their places in the one that was deleted,
 * and nobody would find them in another.
 *
 * @param means what is needed
 * @returns the directory
 * @throws {PartiError} `PARTI_STOPPED`, or what the server says
 */
export async function openDirectory(means: DirectoryMeans): Promise<OpenDirectory> {
  const { world: { kv, clock }, bus, how = DEFAULT_HOW, nodes, over } = means;
  const name = directoryBucket(bus);
  const open = () => kv.open(name, { ...how, ttlMs: 0, removalsTtlMs: REMOVALS_TTL_MS });
  for (;;) {
    const identity = await kv.identify(name);
    if (identity !== undefined) return { bucket: await open(), identity };
    if (await nodes.areAllOver()) await open();
    else await sleep(clock, PAUSE_MS, over);
    if (over.aborted) throw new PartiError("PARTI_STOPPED", "the actor system has stopped");
  }
}
