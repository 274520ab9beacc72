/**
 * What a group in this process takes, while messages flow.
 *
 * @module
 */
import { until } from "../../tasks/until.ts";
import type { CaseContext, CaseOutcome, CaseSize, Sample } from "../case.ts";
import type { Memory } from "../child/collected_memory.ts";
import { makeStream, SUBJECT_TEMPLATE } from "../ground/group.ts";
import { Load } from "../ground/load.ts";
import { lossOf, patienceMsOf } from "../ground/loss.ts";
import { type ServerHandles, ServerMonitor } from "../ground/server_monitor.ts";
import { median } from "../statistics/spread.ts";
import { Subject, type SubjectSpec } from "./subject_process.ts";

/** What is measured. */
export interface MemoryCase extends CaseSize {
  /** What the process loads; with workers that is a group. */
  readonly loads: SubjectSpec["loads"];
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
/** A load of which less was handled while it was measured was none. */
const LEAST_HANDLED = 0.9;
const SERVED_TIMEOUT_MS = 60_000;
const MEBIBYTE = 1_048_576;

interface Look {
  readonly memory: Memory;
  readonly timers: number;
  readonly handles: ServerHandles;
  readonly serverRssBytes: number;
}

/**
 * Measures memory and handles of a process under load.
 *
 * @param what how many workers and partitions, or what is loaded without any
 * @param context of the case
 * @param patienceMs how long is waited for messages that do not come
 * @returns the figures
 */
export async function measureMemory(
  what: MemoryCase,
  context: CaseContext,
  patienceMs: number = patienceMsOf(context.quick),
): Promise<CaseOutcome> {
  const { workers, partitions, loads, connections = 0, apart = false } = what;
  const { url, quick } = context;
  const monitor = new ServerMonitor(context.monitorUrl, context.serverPid);
  await makeStream(url);
  context.progress(workers === 0 ? "starting" : `starting ${workers} workers`);
  await using subject = await Subject.start({
    ...{ url, loads, workers, partitions, connections, apart },
    fault: context.fault ?? null,
  });
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
      async () => (await subject.ask("count")).served === partitions,
      SERVED_TIMEOUT_MS,
    );
  }
  if (context.fault === "memory" && workers > 0) await subject.ask("plant");
  context.progress("measuring under load");
  const startMs = performance.now();
  const { handled: handledBefore } = await subject.ask("count");
  const looks: Look[] = [];
  for (let n = 0; n < (quick ? QUICK_LOOKS : LOOKS); n++) {
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
    const { memory, timers } = await subject.ask("look");
    looks.push({
      ...{ memory: memory!, timers: timers! },
      handles: await monitor.handles(),
      serverRssBytes: (await monitor.counters()).rssBytes,
    });
  }
  const handled = (await subject.ask("count")).handled! - handledBefore!;
  const perSecondHandled = handled / (performance.now() - startMs) * 1_000;
  const sent = await load.finish();
  const problems: string[] = [];
  if (workers > 0) {
    if (perSecondHandled < perSecond * LEAST_HANDLED) {
      const rate = Math.round(perSecondHandled);
      problems.push(`only ${rate} of ${perSecond} messages per second were handled`);
    }
    const all = async () => (await subject.ask("count")).handled!;
    const loss = await lossOf({ url, sent, handled: all, patienceMs });
    if (loss !== undefined) problems.push(loss);
  }
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
    { metric: "beyondLibrary", value: megabytes(({ memory }) => memory.heapBytes) },
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
