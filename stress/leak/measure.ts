/**
 * Does a group that goes on for long, with workers that come and go, hold more and more?
 *
 * @module
 */
import { Seeded } from "../../sim/seed/seeded.ts";
import type { CaseContext, CaseOutcome, Sample } from "../case.ts";
import { pendingTimers } from "../../lib/ports/nats/clock.ts";
import { collectedMemory } from "../child/collected_memory.ts";
import { countTimers, type TimerCount } from "../child/timer_count.ts";
import { StressGroup, SUBJECT_TEMPLATE } from "../ground/group.ts";
import { Load } from "../ground/load.ts";
import { lossOf, patienceMsOf, starvedIn } from "../ground/loss.ts";
import { ServerMonitor } from "../ground/server_monitor.ts";
import { describeGrowth, describeLeak, judgeLeak, type LeakJudgement, watchedIn } from "./judge.ts";
import { Looks } from "./looks.ts";
import { PlantedLeak } from "./plant.ts";

const WORKERS = 10;
/** Their assignment is so long that it lies in parts, of which each change adds one. */
const PARTITIONS = { partitions: 500, nameLength: 40 };
/** A sanity check has so little time that it needs many cycles more than that. */
const QUICK_PARTITIONS = { partitions: 100 };
const PER_SECOND = 200;
const PAYLOAD_BYTES = 128;
const [DURATION_MS, QUICK_DURATION_MS] = [600_000, 12_000];
/** One worker comes and one goes, this often at most. */
const [CYCLE_MS, QUICK_CYCLE_MS] = [2_500, 1_000];
const MEBIBYTE = 1_048_576;

/** What is looked at. */
const NAMES = [
  ...["atSeconds", "objects", "external", "code", "rss"] as const,
  ...["timers", "sockets", "subscriptions", "consumers"] as const,
] as const;
type Seen = Looks<typeof NAMES[number]>;

/**
 * Has workers come and go under load, and looks at memory and handles each time when all is as it was before.
 *
 * @param context of the case
 * @returns the slopes, and a problem for each that is one
 */
export async function measureLeak(context: CaseContext): Promise<CaseOutcome> {
  const { url, quick, seed, fault } = context;
  const named = quick ? QUICK_PARTITIONS : PARTITIONS;
  const durationMs = context.durationMs ?? (quick ? QUICK_DURATION_MS : DURATION_MS);
  const timers = countTimers({ behindOne: pendingTimers });
  const monitor = new ServerMonitor(context.monitorUrl, context.serverPid);
  const chance = new Seeded(seed, "leak", context.repetition);
  await using leak = await PlantedLeak.open(fault, url);
  await using group = await StressGroup.open({
    ...{ ...named, url, consume: true, mostWorkers: WORKERS + 1, fault },
  });
  await group.add(WORKERS);
  await using load = await Load.start({
    ...{ ...named, url, subjectTemplate: SUBJECT_TEMPLATE, perSecond: PER_SECOND },
    payloadBytes: PAYLOAD_BYTES,
  });
  const startMs = performance.now();
  const elapsedMs = () => performance.now() - startMs;
  const cycleMs = quick ? QUICK_CYCLE_MS : CYCLE_MS;
  const looks: Seen = new Looks(NAMES, Math.ceil(durationMs / cycleMs) + 1);
  const patienceMs = patienceMsOf(quick);
  let starved: string | undefined;
  for (let cycle = 0; elapsedMs() < durationMs && starved === undefined; cycle++) {
    context.progress(
      `${Math.round(elapsedMs() / 1_000)} of ${
        durationMs / 1_000
      } s, ${cycle} workers came and went`,
    );
    const nextMs = elapsedMs() + cycleMs;
    await group.add(1);
    await group.remove(chance.int(cycle, 0, WORKERS));
    await leak.drip(cycle);
    await pause(Math.max(0, nextMs - elapsedMs()));
    starved = await starvedIn(group, patienceMs);
    await look(looks, monitor, timers, elapsedMs() / 1_000);
  }
  const perSecond = group.handled / (elapsedMs() / 1_000);
  const sent = await load.finish();
  // Of a partition that has nobody it is known that its messages are left.
  const wrong = starved ?? await lossOf({ url, sent, patienceMs, handled: () => group.handled });
  const problems = wrong === undefined ? [] : [wrong];
  return conclusionOf(looks, durationMs / 1_000, perSecond, problems);
}

async function look(
  looks: Seen,
  monitor: ServerMonitor,
  timers: TimerCount,
  atSeconds: number,
): Promise<void> {
  const { heapBytes, codeBytes, externalBytes, rssBytes } = await collectedMemory();
  const { connections, subscriptions, consumers } = await monitor.handles();
  looks.keep({
    atSeconds,
    objects: (heapBytes - codeBytes) / MEBIBYTE,
    external: externalBytes / MEBIBYTE,
    code: codeBytes / MEBIBYTE,
    rss: rssBytes / MEBIBYTE,
    timers: timers.pending,
    sockets: connections,
    subscriptions,
    consumers,
  });
}

function conclusionOf(
  looks: Seen,
  durationSeconds: number,
  handled: number,
  problems: readonly string[],
): CaseOutcome {
  const atSeconds = looks.of("atSeconds");
  const watched = watchedIn(durationSeconds);
  const judgements = watched.map((one) =>
    judgeLeak(one, atSeconds, looks.of(one.name), durationSeconds)
  );
  const seriesOf = (name: typeof NAMES[number], unit: string) => ({
    ...{ name, unit, atSeconds, values: looks.of(name) },
  });
  return {
    samples: [
      ...judgements.flatMap(samplesOf),
      { metric: "cycles", value: looks.count },
      { metric: "handled", value: handled },
    ],
    series: [
      ...watched.map(({ name, unit }) => seriesOf(name, unit)),
      ...[seriesOf("code", "MB"), seriesOf("rss", "MB")],
    ],
    problems: [...problems, ...judgements.filter(({ leaks }) => leaks).map(describeLeak)],
    notes: judgements.flatMap((judgement) => describeGrowth(judgement) ?? []),
  };
}

/**
 * The figures of something that was watched.
 *
 * @param judgement what is thought of it
 * @returns the slope with both ends of its interval, where there were looks enough to know them, and the floor
 */
export function samplesOf({ watched: { name }, fit, floorPerSecond }: LeakJudgement): Sample[] {
  const [low, high] = fit?.slopeInterval ?? [NaN, NaN];
  return [
    { metric: `${name}Slope`, value: (fit?.slope ?? NaN) * 60 },
    { metric: `${name}Low`, value: low * 60 },
    { metric: `${name}High`, value: high * 60 },
    { metric: `${name}Floor`, value: floorPerSecond * 60 },
  ].filter(({ value }) => Number.isFinite(value));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
