/**
 * Does a group that goes on for long, with workers that come and go, hold more and more?
 *
 * @module
 */
import { Seeded } from "../../sim/seed/seeded.ts";
import type { CaseContext, CaseOutcome } from "../case.ts";
import { collectedMemory } from "../child/collected_memory.ts";
import { StressGroup, SUBJECT_TEMPLATE } from "../ground/group.ts";
import { Load } from "../ground/load.ts";
import { describeLeak, judgeLeak } from "./judge.ts";

const [WORKERS, PARTITIONS] = [10, 100];
const PER_SECOND = 200;
const PAYLOAD_BYTES = 128;
const [DURATION_MS, QUICK_DURATION_MS] = [600_000, 20_000];
/** One worker comes and one goes, this often at most. */
const CYCLE_MS = 2_500;
const MEBIBYTE = 1_048_576;
/** In the end some messages are still under way. */
const LEAST_HANDLED = 0.95;
/** The planted leak: for each cycle. */
const LEAK_BYTES = 512 * 1_024;

/**
 * Has workers come and go under load, and looks at the heap each time when all is as it was before.
 *
 * @param context of the case
 * @returns the slope of the heap, and a problem if it is one
 */
export async function measureLeak(context: CaseContext): Promise<CaseOutcome> {
  const { url, quick, seed, fault } = context;
  const durationMs = context.durationMs ?? (quick ? QUICK_DURATION_MS : DURATION_MS);
  const chance = new Seeded(seed, "leak", context.repetition);
  await using group = await StressGroup.open({
    ...{ url, partitions: PARTITIONS, consume: true, mostWorkers: WORKERS + 1, fault },
  });
  await group.add(WORKERS);
  await using load = await Load.start({
    ...{ url, subjectTemplate: SUBJECT_TEMPLATE, partitions: PARTITIONS, perSecond: PER_SECOND },
    payloadBytes: PAYLOAD_BYTES,
  });
  const startMs = performance.now();
  const elapsedMs = () => performance.now() - startMs;
  const [atSeconds, objects, code, rss]: number[][] = [[], [], [], []];
  const held: unknown[] = [];
  for (let cycle = 0; elapsedMs() < durationMs; cycle++) {
    context.progress(
      `${Math.round(elapsedMs() / 1_000)} of ${
        durationMs / 1_000
      } s, ${cycle} workers came and went`,
    );
    const nextMs = elapsedMs() + CYCLE_MS;
    await group.add(1);
    await group.remove(chance.int(cycle, 0, WORKERS));
    if (fault === "leak") held.push(new Array(LEAK_BYTES / 8).fill(cycle + 0.5));
    await pause(Math.max(0, nextMs - elapsedMs()));
    const memory = await collectedMemory();
    atSeconds!.push(elapsedMs() / 1_000);
    objects!.push((memory.heapBytes - memory.codeBytes) / MEBIBYTE);
    code!.push(memory.codeBytes / MEBIBYTE);
    rss!.push(memory.rssBytes / MEBIBYTE);
  }
  const sent = await load.finish();
  const judgement = judgeLeak(atSeconds!, objects!, durationMs / 1_000);
  const served = group.handled >= sent * LEAST_HANDLED
    ? []
    : [`only ${group.handled} of ${sent} messages were handled`];
  return {
    samples: [
      ...(judgement.fit === undefined ? [] : [
        { metric: "slope", value: judgement.fit.slope * 60 },
        { metric: "slopeLow", value: judgement.fit.slopeInterval[0] * 60 },
        { metric: "slopeHigh", value: judgement.fit.slopeInterval[1] * 60 },
      ]),
      { metric: "floor", value: judgement.floorPerSecond * 60 },
      { metric: "cycles", value: objects!.length },
      { metric: "handled", value: group.handled / (elapsedMs() / 1_000) },
    ],
    series: [
      { name: "objects", unit: "MB", atSeconds: atSeconds!, values: objects! },
      { name: "code", unit: "MB", atSeconds: atSeconds!, values: code! },
      { name: "rss", unit: "MB", atSeconds: atSeconds!, values: rss! },
    ],
    problems: [...served, ...(judgement.leaks ? [describeLeak(judgement)] : [])],
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
