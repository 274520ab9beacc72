/**
 * The group's two buckets: leases, and the assignment.
 *
 * @module
 */
import type { GroupConfig } from "./config/config.ts";
import { PartiError } from "./errors.ts";
import type { WorkerMetrics } from "./metrics/collector.ts";
import { measuredBucket } from "./metrics/measured_bucket.ts";
import { assignmentBucket, leaseBucket } from "./names.ts";
import type { KvBucket } from "./ports/kv.ts";
import type { World } from "./ports/world.ts";

/** A group's buckets, open. */
export interface GroupBuckets {
  /** Worker leases and the leader's; entries expire. */
  readonly leases: KvBucket;
  /** The published assignment; never expires. */
  readonly assignments: KvBucket;
}

/** What deleting the assignment bucket means, for people: nothing else remembers the epochs that an output stream has seen. */
const EPOCHS_ANEW =
  "; its epochs then begin anew, and an output stream of FencedOutput that is kept refuses all that is written under lower ones than " +
  "it has seen (PARTI_FENCED): purge that too";

/**
 * Opens a group's buckets, creating them if they are not there.
 *
 * @param world the world
 * @param config the group's configuration
 * @param metrics who measures their operations
 * @param onDrift told of each setting in which an existing bucket differs from the configuration; it stays as it is
 * @returns the buckets
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if the bucket of leases lets them go while their holders count on them, or what the server says
 */
export async function openBuckets(
  world: World,
  config: GroupConfig,
  metrics: Pick<WorkerMetrics, "kvOperation">,
  onDrift: (error: PartiError) => void,
): Promise<GroupBuckets> {
  let keptMs = config.workerIdTtlMs;
  const onTtl = (actualMs: number) => keptMs = actualMs;
  const how = { world, config, metrics, onDrift, onTtl };
  const name = leaseBucket(config.group);
  const [leases, assignments] = await Promise.all([
    open(how, name, keptMs, ""),
    open({ world, config, metrics, onDrift }, assignmentBucket(config.group), 0, EPOCHS_ANEW),
  ]);
  const neededMs = neededTtlMs(config);
  if (keptMs === 0 || keptMs >= neededMs) return { leases, assignments };
  throw new PartiError("PARTI_INVALID_CONFIG", `bucket ${name} keeps leases for ${keptMs} ms`, {
    value: keptMs,
    hint:
      `these leases need ${neededMs} ms: change the bucket's TTL, or delete it while no worker of the group runs`,
  });
}

/** How long the server must keep a lease: the rules for `workerIdTtl`, which an existing bucket need not have been made by. */
function neededTtlMs({ heartbeatIntervalMs, heartbeatTtlMs, electionTimeoutMs }: GroupConfig) {
  return Math.max(3 * heartbeatIntervalMs, heartbeatTtlMs, electionTimeoutMs);
}

/** How buckets are opened. */
interface HowToOpen {
  readonly world: World;
  readonly config: GroupConfig;
  readonly metrics: Pick<WorkerMetrics, "kvOperation">;
  readonly onDrift: (error: PartiError) => void;
  /** Told of another TTL than was wanted, in milliseconds. */
  readonly onTtl?: (actualMs: number) => void;
}

async function open(
  { world, config: { kvBuckets }, metrics, onDrift, onTtl }: HowToOpen,
  name: string,
  ttlMs: number,
  deletion: string,
): Promise<KvBucket> {
  const { replicas, storage } = kvBuckets;
  const options = { ttlMs, replicas, storage };
  const bucket = await world.kv.open(name, options, (setting, actual, wanted) => {
    if (setting === "ttlMs") onTtl?.(Number(actual));
    onDrift(
      new PartiError(
        "PARTI_INVALID_CONFIG",
        `bucket ${name} exists with ${setting} ${actual}, not ${wanted}; it stays as it is`,
        {
          value: actual,
          hint:
            `change the configuration, or delete it while no worker of the group runs${deletion}`,
        },
      ),
    );
  });
  return measuredBucket(bucket, world.clock, metrics);
}
