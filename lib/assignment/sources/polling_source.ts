/**
 * Partitions that a function gives, asked again and again.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Partition, PartitionSource } from "../partition.ts";
import { normalizePartitions } from "../validate.ts";
import { withDeadline } from "./deadline.ts";
import { fingerprint } from "./fingerprint.ts";
import { Listeners } from "./listeners.ts";

/** Options of {@linkcode pollingSource}. */
export interface PollingSourceOptions {
  /** Gives the partitions as they are now. May throw; the group then goes on with what it has. */
  readonly poll: (signal: AbortSignal) => Promise<readonly Partition[]> | readonly Partition[];
  /**
   * How long to wait between two polls, in milliseconds, above 0. The leader asks besides when it begins and at each refresh, and one that goes
   * on after its time, whatever its signal says, is not waited for: these may overlap with a poll.
   */
  readonly intervalMs: number;
  /** A poll that takes longer has failed, in milliseconds; 10,000 unless given. */
  readonly timeoutMs?: number;
  /** The clock. */
  readonly clock: Clock;
  /** Told of each poll between two changes that failed. The next one comes after the usual interval. */
  readonly onError?: (error: unknown) => void;
}

/** What is known where not everybody was given the same: no list has this fingerprint, so the next poll is news. */
const DIFFERENT = "";

/**
 * Makes a source that polls a function while somebody watches. A change is a change of content: another order, or a missing
 * weight instead of a weight of 1, is none.
 *
 * @param options the function and how often to ask it
 * @returns the source
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for an interval or a timeout that is not above 0
 */
export function pollingSource(options: PollingSourceOptions): PartitionSource {
  const { poll, intervalMs, timeoutMs = 10_000, clock, onError } = options;
  for (const [name, value] of Object.entries({ intervalMs, timeoutMs })) {
    if (Number.isFinite(value) && value > 0) continue;
    throw new PartiError("PARTI_INVALID_CONFIG", `${name} of a polling source is ${value}`, {
      value,
      hint: `${name} must be a number of milliseconds above 0`,
    });
  }
  const listeners = new Listeners();
  /** What watchers know, by the last poll or by the first list; undefined before the first answer. */
  let known: string | undefined;
  let timer: Timer | undefined;
  let stop = new AbortController();

  const ask = (signal: AbortSignal) =>
    withDeadline(clock, timeoutMs, (inner) => Promise.resolve(poll(inner)), signal);
  const schedule = () => {
    const current = stop;
    timer = clock.setTimer(intervalMs, async () => {
      try {
        const seen = fingerprint(normalizePartitions(await ask(current.signal)));
        const changed = known !== undefined && seen !== known;
        known = seen;
        if (changed && !current.signal.aborted) listeners.notify();
      } catch (error) {
        if (!current.signal.aborted) onError?.(error);
      }
      if (!current.signal.aborted) schedule();
    });
  };
  return {
    async list(signal) {
      const partitions = await ask(signal);
      const seen = fingerprint(normalizePartitions(partitions));
      // Only whoever asked has heard of it. The next poll tells the others; telling them now would have it asked again at once.
      known = known === undefined || known === seen ? seen : DIFFERENT;
      return partitions;
    },
    watch(onChange) {
      const remove = listeners.add(onChange);
      if (listeners.size === 1) {
        stop = new AbortController();
        schedule();
      }
      return {
        close() {
          remove();
          if (listeners.size > 0) return;
          stop.abort();
          timer?.cancel();
        },
      };
    },
  };
}
