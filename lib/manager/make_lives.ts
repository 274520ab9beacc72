/**
 * Makes a worker's lives from the manager's options: what each session is given besides what it finds out by itself.
 *
 * @module
 */
import type { SourceView } from "../assignment/leader/source_view.ts";
import { stickyBalanced } from "../assignment/strategies/sticky_balanced.ts";
import { openBuckets } from "../buckets.ts";
import type { GroupConfig } from "../config/config.ts";
import { type CheckedFeed, checkFeed } from "../consumption/feed_check.ts";
import type { WorkerConsumer } from "../consumption/worker_consumer.ts";
import type { DegradedMonitor } from "./degraded.ts";
import type { ElectionAgent } from "../leadership/election_agent.ts";
import { kvElection } from "../leadership/kv_election.ts";
import { Lives } from "./lives.ts";
import { makeConsumer } from "../session/make_consumer.ts";
import type { ManagerOptions } from "./manager_options.ts";
import type { MetricsCollector } from "../metrics/collector.ts";
import type { KvBucket } from "../ports/kv.ts";
import { checkSource } from "../sharding/copying/copy_source.ts";
import { feedStreams } from "../sharding/shards.ts";
import type { World } from "../ports/world.ts";
import type { SessionEvents } from "../session/session_options.ts";

/** One for all workers of a process: it remembers nothing but a ring that is the same for all. */
const defaultStrategy = stickyBalanced();

/** What the lives are made from. */
export interface LivesParts {
  /** The manager's. */
  readonly options: ManagerOptions;
  /** The complete configuration. */
  readonly config: GroupConfig;
  /** Where partitions come from. */
  readonly source: SourceView;
  /** Who measures. */
  readonly metrics: MetricsCollector;
  /** Told of each operation on a bucket that failed, and asked until when others that were cut off too are on their way back. */
  readonly degraded: Pick<DegradedMonitor, "kvError" | "recoveringUntilMs">;
  /** When the connection came back last, on the monotonic clock, in milliseconds; undefined if it has never been away. */
  readonly reconnectedAtMs: () => number | undefined;
  /** Who is told what sessions tell. */
  readonly events: SessionEvents;
}

/**
 * Makes the lives.
 *
 * @param parts what they are made from
 * @returns the lives, before the first
 */
export function makeLives(parts: LivesParts): Lives {
  const { options, config, source, metrics, degraded, reconnectedAtMs, events } = parts;
  const { world, host, strategy, election, handler } = options;
  const { consumer } = config;
  const onError = (error: unknown) => events.onError(error);
  const kvOperation = (op: string, ok: boolean, durationMs: number) => {
    metrics.kvOperation(op, ok, durationMs);
    if (!ok) degraded.kvError();
  };
  let checkedFeed: CheckedFeed | undefined;
  let last: WorkerConsumer | undefined;
  return new Lives({
    world,
    group: config.group,
    streams: consumer === undefined ? [] : feedStreams(consumer.stream, consumer.shards),
    preferredId: config.preferredId,
    openBuckets: () => openBuckets(world, config, { kvOperation }, onError),
    // An application that consumes by itself may do so from any stream.
    checkFeed: async () => {
      if (handler === undefined || consumer === undefined) return;
      checkedFeed = await checkFeed(world.feed, consumer);
      if (consumer.from !== undefined) await checkSource(world.feed, consumer.from);
    },
    sessionOptions: ({ leases }, formerInstances) => ({
      config,
      host: host ?? "",
      election: election?.(leases) ?? builtInElection(world, config, leases, formerInstances),
      source,
      strategy: strategy ?? defaultStrategy,
      recoveringUntilMs: () => degraded.recoveringUntilMs,
      reconnectedAtMs,
      makeConsumer: (owner, right) => {
        const isPaused = last?.paused ?? false;
        last = makeConsumer(options, config, metrics, checkedFeed, owner, right, onError);
        // Whoever has paused the worker knows nothing of its lives.
        if (isPaused) last?.pause();
        return last;
      },
    }),
    events,
  });
}

function builtInElection(
  { clock, random }: World,
  { electionTimeoutMs, heartbeatIntervalMs }: GroupConfig,
  bucket: KvBucket,
  formerInstances: ReadonlySet<string>,
): ElectionAgent {
  return kvElection({
    bucket,
    clock,
    random,
    ttlMs: electionTimeoutMs,
    renewEveryMs: Math.min(heartbeatIntervalMs, electionTimeoutMs / 3),
    formerInstances,
  });
}
