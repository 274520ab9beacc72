/**
 * The end of a run: the feed is drained, all effects are read, and what is left is counted.
 *
 * @module
 */
import { IntervalSet } from "../ledger/intervals.ts";
import { pauseFor, POLL_MS, untilFine } from "../run/wait.ts";
import { type EffectsReader, readRemaining } from "../streams/effects_reader.ts";
import { decodeMessage } from "../streams/message.ts";
import type { Stage } from "./stage.ts";

/** What draining needs. */
export interface DrainOptions {
  /** Where the streams are. */
  readonly stage: Pick<Stage, "nc" | "world" | "topology">;
  /** Who reads the effects. */
  readonly reader: Pick<EffectsReader, "last">;
  /** Takes what makes the verdict unsure. */
  readonly doubts: string[];
  /** How long to wait without any progress, in milliseconds. */
  readonly patienceMs: number;
  /** Ends the waiting early. */
  readonly signal: AbortSignal;
}

/** So many messages that are left over are read at most, one call each; where there are more the verdict cannot be sure. */
const MAX_REMAINING = 100_000;

/**
 * Waits until the feed is empty, as long as there is progress, and until its effects are read.
 *
 * @param options what it needs
 * @returns what is left in the feed, by partition
 * @throws {PartiError} what the server says
 */
export async function drain(options: DrainOptions): Promise<Map<number, IntervalSet>> {
  const { stage, reader, doubts, patienceMs, signal } = options;
  const { feed } = stage.world;
  const { feedStream, effectStream } = stage.topology;
  let deadlineMs = performance.now() + patienceMs;
  let least = Number.POSITIVE_INFINITY;
  let left = Number.POSITIVE_INFINITY;
  while (!signal.aborted && left > 0 && performance.now() < deadlineMs) {
    await pauseFor(POLL_MS);
    left = await feed.streamInfo(feedStream).then(({ messages }) => messages, () => left);
    if (left < least) deadlineMs = performance.now() + patienceMs;
    least = Math.min(least, left);
  }
  // An effect is stored before its message is acknowledged: once the feed is empty no effect is to come.
  const { lastSequence } = await feed.streamInfo(effectStream);
  const behind = await untilFine(patienceMs, signal, () => {
    return reader.last >= lastSequence ? undefined : "behind";
  });
  if (behind !== undefined) doubts.push("the effects could not all be read");
  return await remaining(options);
}

async function remaining({ stage, doubts }: DrainOptions): Promise<Map<number, IntervalSet>> {
  const waiting = new Map<number, IntervalSet>();
  const { nc, topology } = stage;
  const all = await readRemaining(nc, topology.feedStream, MAX_REMAINING, (data) => {
    const { partitionId, partitionSequence } = decodeMessage(data);
    const set = waiting.get(partitionId) ?? new IntervalSet();
    set.add(partitionSequence);
    waiting.set(partitionId, set);
  });
  if (!all) doubts.push(`more than ${MAX_REMAINING} messages are left in the feed`);
  return waiting;
}
