/**
 * The buckets in which actors by directory lie: who lives, which actor is where, and what actors keep.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { KvBucket, KvBucketOptions } from "../../ports/kv.ts";
import type { World } from "../../ports/world.ts";
import { directoryBucket, nodeBucket, stateBucket } from "../names.ts";

/** The server lets a lease go only when its holder has long stopped. */
const BUCKET_TTLS = 3;
/** A bucket that was made with another time to live must keep a lease for so many of its own. */
const LEAST_TTLS = 2;

/** The buckets. */
export interface ActorBuckets {
  /** The leases of nodes. */
  readonly nodes: KvBucket;
  /** Which actor is where. */
  readonly directory: KvBucket;
  /** What actors keep. */
  readonly states: KvBucket;
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
  how: Pick<KvBucketOptions, "replicas" | "storage"> = { replicas: 1, storage: "file" },
): Promise<ActorBuckets> {
  const ttlMs = BUCKET_TTLS * leaseTtlMs;
  let keptMs = ttlMs;
  const name = nodeBucket(bus);
  const [nodes, directory, states] = await Promise.all([
    kv.open(name, { ...how, ttlMs }, (setting, actual) => {
      if (setting === "ttlMs") keptMs = Number(actual);
    }),
    kv.open(directoryBucket(bus), { ...how, ttlMs: 0 }),
    kv.open(stateBucket(bus), { ...how, ttlMs: 0 }),
  ]);
  if (keptMs === 0 || keptMs >= LEAST_TTLS * leaseTtlMs) return { nodes, directory, states };
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `the bucket ${name} keeps leases for ${keptMs} ms`,
    {
      value: keptMs,
      hint: `a lease of ${leaseTtlMs} ms needs twice that: change the bucket's TTL`,
    },
  );
}
