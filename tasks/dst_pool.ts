/**
 * Runs the seeds of a campaign in child processes, as many at a time as it was told.
 *
 * @module
 */

import type { RunFailure } from "../lib/dst/run_plan.ts";
import type { Batch, Campaign, FailedSeed } from "./dst_campaign.ts";
import { ChildEnded, DstChild, type DstChildOptions } from "./dst_child.ts";
import type { Reply } from "./dst_wire.ts";

/** How to run. */
export interface PoolOptions extends DstChildOptions {
  /** How many processes. */
  readonly jobs: number;
  /** Whether each seed is run twice and compared. */
  readonly twice: boolean;
  /** Called whenever there is news. */
  readonly onProgress: () => void;
}

/** A process that has grown beyond this is replaced by a fresh one. */
const MEMORY_MAX_BYTES = 1_500_000_000;

/**
 * Runs a campaign to its end.
 *
 * @param campaign which seeds
 * @param options how
 */
export async function runCampaign(campaign: Campaign, options: PoolOptions): Promise<void> {
  const hashes = new Map<number, string>();
  const worker = async () => {
    const hand = new Hand(campaign, options, hashes);
    try {
      for (let batch = campaign.next(); batch !== undefined; batch = campaign.next()) {
        await hand.run(batch);
        options.onProgress();
      }
    } finally {
      await hand.close();
    }
  };
  const jobs = Math.min(options.jobs, campaign.goal.maxSeeds);
  await Promise.all(Array.from({ length: jobs }, worker));
  // What the last process to die gave back, when the others had already ended.
  await worker();
  if (options.twice && campaign.reason !== "interrupted") {
    await sampleElsewhere(campaign, options, hashes);
  }
}

/** Enough to find what is decided once per process: that strikes every seed. */
const SAMPLE_MAX = 3;

/** Both runs of a seed were in one process, where what was decided when a module was loaded is the same. The first seeds are run in another one. */
async function sampleElsewhere(
  campaign: Campaign,
  options: PoolOptions,
  hashes: ReadonlyMap<number, string>,
): Promise<void> {
  const { workload, goal: { firstSeed: first } } = campaign;
  let count = 0;
  while (count < SAMPLE_MAX && hashes.has(first + count)) count++;
  if (count === 0) return;
  const child = new DstChild(options);
  try {
    const request = { kind: "seeds", workload: workload.name, first, count, twice: false } as const;
    await child.ask(request, (reply) => {
      if (reply.kind !== "seed") return;
      const failure = differenceOf(hashes.get(reply.seed)!, reply.hash);
      if (failure !== undefined) campaign.differ({ seed: reply.seed, failure });
    });
  } catch (error) {
    if (!(error instanceof ChildEnded)) throw error;
    campaign.differ({ seed: first, failure: lost(error) });
  } finally {
    await child.close();
  }
}

/**
 * Compares a seed's runs in two processes.
 *
 * @param here the hash of the one
 * @param elsewhere the hash of the other
 * @returns the failure; undefined if they are the same
 */
export function differenceOf(here: string, elsewhere: string): RunFailure | undefined {
  if (here === elsewhere) return undefined;
  const message = `hash ${here} in one process and ${elsewhere} in another: ` +
    "something is decided once per process, such as when a module is loaded";
  const check = "two processes of one seed";
  return { kind: "divergence", check, message, atMs: 0, stack: "", recent: [] };
}

/** One process at a time: when it is lost, there is another. */
class Hand {
  readonly #campaign: Campaign;
  readonly #options: PoolOptions;
  readonly #hashes: Map<number, string>;
  #child: DstChild | undefined;

  constructor(campaign: Campaign, options: PoolOptions, hashes: Map<number, string>) {
    this.#campaign = campaign;
    this.#options = options;
    this.#hashes = hashes;
  }

  async run(batch: Batch): Promise<void> {
    const { first, count } = batch;
    const { twice } = this.#options;
    const workload = this.#campaign.workload.name;
    const failed: FailedSeed[] = [];
    let seed = first;
    const onReply = (reply: Reply) => {
      if (reply.kind !== "seed") return;
      seed = reply.seed + 1;
      const isSampled = reply.seed < this.#campaign.goal.firstSeed + SAMPLE_MAX;
      // One that is never the same twice has been told apart already.
      if (isSampled && reply.failure?.kind !== "divergence") {
        this.#hashes.set(reply.seed, reply.hash);
      }
      if (reply.failure !== null) failed.push({ seed: reply.seed, failure: reply.failure });
    };
    const startMs = performance.now();
    try {
      this.#child ??= new DstChild(this.#options);
      const last = await this.#child.ask({ kind: "seeds", workload, first, count, twice }, onReply);
      if (last.kind !== "seeds") throw new ChildEnded("died", `an answer of kind ${last.kind}`);
      this.#campaign.commit(last.summary, failed, performance.now() - startMs);
      if (last.memoryBytes > MEMORY_MAX_BYTES) await this.close();
    } catch (error) {
      if (!(error instanceof ChildEnded)) throw error;
      await this.close();
      this.#campaign.lose(batch, { seed: Math.min(seed, first + count - 1), failure: lost(error) });
    }
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await child?.close();
  }
}

/**
 * The failure of a run whose process was lost.
 *
 * @param error why it was
 * @returns the failure
 */
export function lost({ how, message }: ChildEnded): RunFailure {
  const what = how === "died"
    ? { kind: "crash" as const, check: "process" }
    : { kind: "budget" as const, check: "real time" };
  return { ...what, message, atMs: 0, stack: "", recent: [] };
}
