/**
 * The end of a run: the feed is drained, what is left of it is read, and all effects are.
 *
 * A run that cannot be drained has its report all the same. Outages are waited out for a while, and make the verdict unsure after that; any
 * other error fails the run.
 *
 * @module
 */
import { describeError } from "../../lib/errors.ts";
import { formatDuration } from "../config/units.ts";
import { IntervalSet } from "../ledger/intervals.ts";
import { pauseFor, POLL_MS, untilFine } from "../run/wait.ts";
import { type EffectsReader, readRemaining } from "../streams/effects_reader.ts";
import { decodeMessage } from "../streams/message.ts";
import { isOutage } from "../streams/outage.ts";
import type { Stage } from "./stage.ts";

/** What draining needs. */
export interface DrainOptions {
  /** Where the streams are. */
  readonly stage: Pick<Stage, "nc" | "world" | "topology">;
  /** Who reads the effects. */
  readonly reader: Pick<EffectsReader, "last">;
  /** Takes what went wrong. */
  readonly incidents: string[];
  /** The folder of what the run needs to go on, if it can. */
  readonly checkpointFolder: string | undefined;
  /** How long to wait without any progress, and for an answer, in milliseconds. */
  readonly patienceMs: number;
  /** Ends the waiting early. */
  readonly signal: AbortSignal;
  /** So many messages that are left over are read at most, one call each. */
  readonly maxRemaining?: number;
}

/** What came of draining. */
export interface Drained {
  /**
   * What is left in the feed, by partition, and all is read that had its effect by then; undefined if that is not known: the run was
   * interrupted, or why it is not known is a doubt or an incident.
   */
  readonly waiting: Map<number, IntervalSet> | undefined;
  /** Why it is not known, where whoever goes on with the run may find out. */
  readonly doubts: readonly string[];
}

/** A run that was interrupted before. */
export const NOT_DRAINED: Drained = { waiting: undefined, doubts: [] };

const MAX_REMAINING = 100_000;

interface Draining extends DrainOptions {
  readonly doubts: string[];
  /** What a person can do where nobody answered; the end of a sentence. */
  readonly advice: string;
}

/**
 * Waits until the feed is empty, as long as there is progress, and until its effects are read.
 *
 * @param options what it needs
 * @returns what came of it
 */
export async function drain(options: DrainOptions): Promise<Drained> {
  const doubts: string[] = [];
  const { checkpointFolder } = options;
  const advice = checkpointFolder === undefined
    ? "run it again, with checkpointing.enabled=true to be able to go on where it was"
    : `parti sim --resume ${checkpointFolder} goes on from the last checkpoint`;
  return { waiting: await readAll({ ...options, doubts, advice }), doubts };
}

async function readAll(options: Draining): Promise<Map<number, IntervalSet> | undefined> {
  if (!await untilEmpty(options) || options.signal.aborted) return undefined;
  // An effect is stored before its message leaves the feed. So the feed is read first: what is not in it any more has its effect by then.
  const waiting = await remaining(options);
  if (waiting === undefined || !await untilRead(options)) return undefined;
  return waiting;
}

/** Returns false if the feed could not be looked at; otherwise it is empty, nothing has left it for long, or the run is interrupted. */
async function untilEmpty(options: Draining): Promise<boolean> {
  const { stage: { world, topology }, patienceMs, signal } = options;
  let deadlineMs = performance.now() + patienceMs;
  let least = Number.POSITIVE_INFINITY;
  while (!signal.aborted && least > 0 && performance.now() < deadlineMs) {
    await pauseFor(POLL_MS, signal);
    const askedMs = performance.now();
    const info = await answer(options, "how much is left in the feed", () => {
      return world.feed.streamInfo(topology.feedStream);
    });
    if (info === undefined) return false;
    // Where nobody answers nobody can make progress either.
    deadlineMs += performance.now() - askedMs;
    if (info.messages < least) deadlineMs = performance.now() + patienceMs;
    least = Math.min(least, info.messages);
  }
  return true;
}

async function remaining(options: Draining): Promise<Map<number, IntervalSet> | undefined> {
  const { stage: { nc, topology }, incidents, patienceMs, signal } = options;
  const { maxRemaining = MAX_REMAINING } = options;
  const left = await answer(options, "what is left in the feed", async () => {
    const waiting = new Map<number, IntervalSet>();
    const take = (data: Uint8Array) => {
      const { partitionId, partitionSequence } = decodeMessage(data);
      const set = waiting.get(partitionId) ?? new IntervalSet();
      set.add(partitionSequence);
      waiting.set(partitionId, set);
    };
    const all = await readRemaining(nc, topology.feedStream, maxRemaining, take, signal);
    return { waiting, all };
  });
  if (left === undefined || signal.aborted) return undefined;
  if (left.all) return left.waiting;
  // What is not read would count as lost, which it is not.
  incidents.push(
    `more than ${maxRemaining} messages are left in the feed, and for ` +
      `${formatDuration(patienceMs)} none was handled`,
  );
  return undefined;
}

/** Returns false if not all effects were read that are there by now: those that were not would count as lost. */
async function untilRead(options: Draining): Promise<boolean> {
  const { stage: { world, topology }, reader, doubts, advice, patienceMs, signal } = options;
  const info = await answer(options, "how many effects there are", () => {
    return world.feed.streamInfo(topology.effectStream);
  });
  if (info === undefined) return false;
  const { lastSequence } = info;
  const behind = await untilFine(patienceMs, signal, () => {
    return reader.last >= lastSequence ? undefined : "behind";
  });
  if (behind === undefined) return true;
  if (!signal.aborted) {
    doubts.push(
      `the effects could not all be read: within ${
        formatDuration(patienceMs)
      } the reader came to ` +
        `${reader.last} of ${lastSequence}; ${advice}`,
    );
  }
  return false;
}

/** Asks until there is an answer; undefined if there is none. Outages are waited out for a while, and nothing else is. */
async function answer<T>(
  { doubts, incidents, advice, patienceMs, signal }: Draining,
  what: string,
  question: () => Promise<T>,
): Promise<T | undefined> {
  let deadlineMs: number | undefined;
  for (;;) {
    try {
      return await question();
    } catch (error) {
      const why = describeError(error);
      if (!isOutage(error)) {
        incidents.push(`${what} could not be read: ${why}`);
        return undefined;
      }
      // That it was interrupted is told for the whole run.
      if (signal.aborted) return undefined;
      deadlineMs ??= performance.now() + patienceMs;
      if (performance.now() >= deadlineMs) {
        const time = formatDuration(patienceMs);
        doubts.push(`${what} could not be read, tried for ${time}: ${why}; ${advice}`);
        return undefined;
      }
      await pauseFor(POLL_MS, signal);
    }
  }
}
