/**
 * What a group costs by its size: the time to start, the time of a move, at rest and under load, and what the server has to do for it.
 *
 * @module
 */
import type { CaseContext, CaseOutcome, CaseSize, Sample } from "../case.ts";
import { GROUP_CONFIG, StressGroup, SUBJECT_TEMPLATE } from "../ground/group.ts";
import { Load } from "../ground/load.ts";
import { lossOf, patienceMsOf } from "../ground/loss.ts";
import { measureAtRest, restWindowMs } from "../ground/rest.ts";
import { ServerMonitor, type ServerWork } from "../ground/server_monitor.ts";

/** What is measured. */
export interface ScaleCase extends CaseSize {
  /** Whether messages are consumed, or only assignments followed. */
  readonly consume: boolean;
}

/** Enough to see that it works; a whole run looks for longer than its rarest messages take to come by. */
const QUICK_REST_MS = 3_000;
/** What a start or a move leaves to be done afterwards, such as merging lanes, is none of the rest. */
const CALM_MS = 1_500;
/** Messages over all partitions in turn, while one more comes and one goes. */
const LOAD_PER_SECOND = 500;
const PAYLOAD_BYTES = 128;

/**
 * Measures a group: started all at once, at rest, one worker more, one less; and if it consumes, both once more while messages flow. What is
 * counted on the server is counted while none do.
 *
 * @param what how large
 * @param context of the case
 * @returns the figures
 */
export async function measureScale(what: ScaleCase, context: CaseContext): Promise<CaseOutcome> {
  const { workers, partitions, consume } = what;
  const monitor = new ServerMonitor(context.monitorUrl, context.serverPid);
  await using group = await StressGroup.open({
    ...{ url: context.url, partitions, consume, mostWorkers: workers + 1, fault: context.fault },
  });
  const start = await group.prepare(workers);
  context.progress(`starting ${workers} workers`);
  const started = await monitor.during(start);
  await pause(CALM_MS);
  context.progress("at rest");
  const restMs = context.quick ? QUICK_REST_MS : restWindowMs(GROUP_CONFIG);
  const { measured: rest, problems } = await measureAtRest(
    group,
    () => monitor.during(() => pause(restMs)),
  );
  context.progress("one worker more");
  const join = await group.prepare(1);
  const joined = await monitor.during(join);
  await pause(CALM_MS);
  context.progress("one worker less");
  const left = await monitor.during(() => group.remove());
  const loaded = consume
    ? await moveUnderLoad(group, partitions, context, patienceMsOf(context.quick))
    : { samples: [] };
  return {
    samples: [
      { metric: "start", value: started.durationMs },
      ...restSamples(rest),
      ...moveSamples("join", joined, rest),
      ...moveSamples("leave", left, rest),
      ...loaded.samples,
    ],
    problems: [
      ...problems,
      ...(loaded.problems ?? []),
    ],
  };
}

/**
 * One worker more and one less while messages flow to all partitions.
 *
 * @param group a group that is well and consumes
 * @param partitions how many
 * @param context of the case
 * @param patienceMs how long is waited for messages that do not come
 * @returns both times, and whether all messages were handled
 */
export async function moveUnderLoad(
  group: StressGroup,
  partitions: number,
  { url, progress }: Pick<CaseContext, "url" | "progress">,
  patienceMs: number,
): Promise<CaseOutcome> {
  progress("one worker more and one less under load");
  const before = group.handled;
  await using load = await Load.start({
    ...{ url, subjectTemplate: SUBJECT_TEMPLATE, partitions },
    ...{ perSecond: LOAD_PER_SECOND, payloadBytes: PAYLOAD_BYTES },
  });
  const join = await group.prepare(1);
  await pause(CALM_MS);
  const joinLoaded = await timeOf(join);
  await pause(CALM_MS);
  const leaveLoaded = await timeOf(() => group.remove());
  const sent = await load.finish();
  const loss = await lossOf({ url, sent, patienceMs, handled: () => group.handled - before });
  return {
    samples: [
      { metric: "joinLoaded", value: joinLoaded },
      { metric: "leaveLoaded", value: leaveLoaded },
    ],
    problems: loss === undefined ? [] : [loss],
  };
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

/**
 * Measures a group that grows in bursts.
 *
 * @param steps how many workers there are after each
 * @param partitions how many
 * @param context of the case
 * @returns the time of each step
 */
export async function measureGrowth(
  steps: readonly number[],
  partitions: number,
  context: CaseContext,
): Promise<CaseOutcome> {
  await using group = await StressGroup.open({
    ...{ url: context.url, partitions, consume: true, fault: context.fault },
    mostWorkers: Math.max(...steps),
  });
  const samples: Sample[] = [];
  for (const workers of steps) {
    context.progress(`growing to ${workers} workers`);
    const grow = await group.prepare(workers - group.workers);
    samples.push({ metric: `to${workers}`, value: await timeOf(grow) });
  }
  return { samples };
}

function restSamples({ durationMs, messages, bytes, cpuMs }: ServerWork): Sample[] {
  const seconds = durationMs / 1_000;
  return [
    { metric: "restMessages", value: messages / seconds },
    { metric: "restBytes", value: bytes / seconds / 1_024 },
    // Where the system does not tell, the figure is missing, and said to be.
    ...(cpuMs === undefined ? [] : [{ metric: "restCpu", value: cpuMs / durationMs * 100 }]),
  ];
}

/** A move costs what happened beyond that which happens anyway. */
function moveSamples(name: string, move: ServerWork, rest: ServerWork): Sample[] {
  const beyond = (of: (work: ServerWork) => number) =>
    Math.max(0, of(move) - of(rest) * move.durationMs / rest.durationMs);
  return [
    { metric: name, value: move.durationMs },
    { metric: `${name}Messages`, value: beyond(({ messages }) => messages) },
    { metric: `${name}Bytes`, value: beyond(({ bytes }) => bytes) / 1_024 },
  ];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
