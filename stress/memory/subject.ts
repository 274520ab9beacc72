/**
 * The process whose memory is measured, and nothing else in it: Deno, the NATS client, and what its specification asks for on top of these.
 * Everything that watches it, the load, the server's account, the suite itself, is in other processes, so that none of their code is in the
 * figures. That is why nothing but the client is imported before it is asked for.
 *
 * @module
 */
import { connect } from "@nats-io/transport-node";
import { exitWhenParentDies } from "../../tasks/spawn.ts";
import { collectedMemory, type Memory } from "../child/collected_memory.ts";
import { countTimers } from "../child/timer_count.ts";
import type { StressGroup } from "../ground/group.ts";
import type { SubjectAnswer, SubjectSpec } from "./subject_process.ts";

const encoder = new TextEncoder();
/** The planted growth. */
const GROWTH = 0.15;
/** Held until the process ends. */
const ballast: unknown[] = [];

/**
 * Runs this process as what is measured, until its parent ends it.
 *
 * @param spec what is measured
 */
export async function runSubject(spec: SubjectSpec): Promise<void> {
  const questions = new Questions();
  // The timers are counted before anybody sets one.
  let behindOne = () => 0;
  const timers = countTimers({ behindOne: () => behindOne() });
  const before = spec.fault === "memory" ? await collectedMemory() : undefined;
  for (let n = 0; n < spec.connections; n++) await connect({ servers: spec.url });
  let group: StressGroup | undefined;
  if (spec.loads !== "client") {
    // A program has the whole library, whatever part of it is at work.
    await import("../../mod.ts");
    behindOne = (await import("../../lib/ports/nats/clock.ts")).pendingTimers;
    group = await startGroup(spec);
  }
  say({});
  for (;;) {
    const question = await questions.next();
    const handled = group?.handled ?? 0, served = group?.partitionsServed ?? 0;
    if (question === "plant" && before !== undefined) plantGrowth(before, await collectedMemory());
    if (question !== "look") say({ handled, served });
    else say({ handled, served, memory: await collectedMemory(), timers: timers.pending });
  }
}

async function startGroup(
  { url, partitions, workers, apart, fault }: SubjectSpec,
): Promise<StressGroup> {
  const { StressGroup } = await import("../ground/group.ts");
  const group = await StressGroup.open({
    ...{ url, partitions, mostWorkers: workers, consume: true, shared: !apart },
    fault: fault ?? undefined,
  });
  if (workers > 0) await group.add(workers);
  return group;
}

/** What the parent asks, one after the other. */
class Questions {
  readonly #asked: string[] = [];
  #wake = () => {};

  constructor() {
    exitWhenParentDies({
      onLine: (line) => {
        this.#asked.push(line);
        this.#wake();
      },
    });
  }

  async next(): Promise<string> {
    while (this.#asked.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#asked.shift()!;
  }
}

/** The planted defect: what there is beyond the client, and a part of it once more. */
function plantGrowth(before: Memory, now: Memory): void {
  const bytes = (now.heapBytes - before.heapBytes) * GROWTH;
  // An array of numbers that are no whole ones takes eight bytes for each.
  for (let n = 0; n < 10; n++) {
    ballast.push(new Array(Math.max(0, Math.floor(bytes / 80))).fill(0.5));
  }
}

function say(answer: SubjectAnswer): void {
  const bytes = encoder.encode(`${JSON.stringify(answer)}\n`);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

if (import.meta.main) await runSubject(JSON.parse(Deno.args.at(-1)!));
