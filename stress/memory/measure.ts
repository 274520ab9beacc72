/**
 * What a group in this process takes, while messages flow.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { pendingTimers } from "../../lib/ports/nats/clock.ts";
import { connectNats } from "../../lib/ports/nats/world.ts";
import { until } from "../../tasks/until.ts";
import type { CaseContext, CaseOutcome, CaseSize, Sample } from "../case.ts";
import { collectedMemory, type Memory } from "../child/collected_memory.ts";
import { countTimers } from "../child/timer_count.ts";
import { makeStream, StressGroup, SUBJECT_TEMPLATE } from "../ground/group.ts";
import { Load } from "../ground/load.ts";
import { type ServerHandles, ServerMonitor } from "../ground/server_monitor.ts";
import { median } from "../statistics/spread.ts";

/** What is measured. */
export interface MemoryCase extends CaseSize {
  /** So many connections without workers, to see what they alone take. */
  readonly connections?: number;
  /** Whether each worker has a connection of its own; otherwise all have one together. */
  readonly apart?: boolean;
}

/** A message per second and partition… */
const PER_PARTITION_SECOND = 1;
/** …but so many in all at least, and at most. */
const [LEAST_PER_SECOND, MOST_PER_SECOND] = [200, 2_000];
const PAYLOAD_BYTES = 128;
/** So often memory is looked at under load. */
const [LOOKS, QUICK_LOOKS] = [6, 3];
const BETWEEN_LOOKS_MS = 500;
/** A load of which less was handled was none. */
const LEAST_HANDLED = 0.9;
const SERVED_TIMEOUT_MS = 60_000;
const MEBIBYTE = 1_048_576;
/** The planted growth. */
const GROWTH = 0.15;

interface Look {
  readonly memory: Memory;
  readonly timers: number;
  readonly handles: ServerHandles;
  readonly serverRssBytes: number;
}

/**
 * Measures memory and handles under load.
 *
 * @param what how many workers and partitions; no workers are the baseline
 * @param context of the case
 * @returns the figures
 */
export async function measureMemory(what: MemoryCase, context: CaseContext): Promise<CaseOutcome> {
  const { workers, partitions, connections = 0, apart = false } = what;
  const { url, quick } = context;
  // Before anybody sets one.
  const timers = countTimers({ behindOne: pendingTimers });
  const monitor = new ServerMonitor(context.monitorUrl, context.serverPid);
  const before = context.fault === "memory" ? await collectedMemory() : undefined;
  await makeStream(url);
  const bare = await connectMany(url, connections);
  await using group = await StressGroup.open({
    ...{ url, partitions, mostWorkers: workers, consume: true, fault: context.fault },
    shared: !apart,
  });
  if (workers > 0) {
    context.progress(`starting ${workers} workers`);
    await group.add(workers);
  }
  const perSecond = Math.min(
    MOST_PER_SECOND,
    Math.max(LEAST_PER_SECOND, partitions * PER_PARTITION_SECOND),
  );
  await using load = await Load.start({
    ...{ url, subjectTemplate: SUBJECT_TEMPLATE, partitions, perSecond },
    payloadBytes: PAYLOAD_BYTES,
  });
  if (workers > 0) {
    await until(
      "every partition has had a message",
      () => group.partitionsServed === partitions,
      SERVED_TIMEOUT_MS,
    );
  }
  if (before !== undefined) plantGrowth(before, await collectedMemory());
  context.progress("measuring under load");
  const startMs = performance.now();
  const handledBefore = group.handled;
  const looks: Look[] = [];
  for (let n = 0; n < (quick ? QUICK_LOOKS : LOOKS); n++) {
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
    looks.push({
      memory: await collectedMemory(),
      timers: timers.pending,
      handles: await monitor.handles(),
      serverRssBytes: (await monitor.counters()).rssBytes,
    });
  }
  const perSecondHandled = (group.handled - handledBefore) / (performance.now() - startMs) * 1_000;
  await load.finish();
  await Promise.all(bare.map((nc) => nc.close()));
  const problems = workers > 0 && perSecondHandled < perSecond * LEAST_HANDLED
    ? [`only ${Math.round(perSecondHandled)} of ${perSecond} messages per second were handled`]
    : [];
  return {
    samples: [
      ...samplesOf(looks),
      ...(workers > 0 ? [{ metric: "handled", value: perSecondHandled }] : []),
    ],
    problems,
  };
}

function samplesOf(looks: readonly Look[]): Sample[] {
  const middle = (of: (look: Look) => number) => median(looks.map(of));
  const megabytes = (of: (look: Look) => number) => middle(of) / MEBIBYTE;
  return [
    { metric: "heap", value: megabytes(({ memory }) => memory.heapBytes) },
    { metric: "code", value: megabytes(({ memory }) => memory.codeBytes) },
    { metric: "external", value: megabytes(({ memory }) => memory.externalBytes) },
    { metric: "rss", value: megabytes(({ memory }) => memory.rssBytes) },
    { metric: "processRss", value: megabytes(({ memory }) => memory.rssBytes) },
    {
      metric: "unisolated",
      value: megabytes(({ memory, serverRssBytes }) => memory.rssBytes + serverRssBytes),
    },
    { metric: "timers", value: middle(({ timers }) => timers) },
    { metric: "sockets", value: middle(({ handles }) => handles.connections) },
    { metric: "subscriptions", value: middle(({ handles }) => handles.subscriptions) },
    { metric: "consumers", value: middle(({ handles }) => handles.consumers) },
  ];
}

async function connectMany(url: string, count: number): Promise<NatsConnection[]> {
  const all: NatsConnection[] = [];
  for (let n = 0; n < count; n++) {
    all.push(await connectNats({ servers: url, name: "stress-worker" }));
  }
  return all;
}

/** Held until the process ends. */
const ballast: unknown[] = [];

/** The planted defect: what the group takes, and a part of it once more. */
function plantGrowth(before: Memory, now: Memory): void {
  const bytes = (now.heapBytes - before.heapBytes) * GROWTH;
  // An array of numbers that are no whole ones takes eight bytes for each.
  for (let n = 0; n < 10; n++) {
    ballast.push(new Array(Math.max(0, Math.floor(bytes / 80))).fill(0.5));
  }
}
