/**
 * At least once: a call that has a key is tried again until somebody has handled it or its time is over.
 *
 * @module
 */
import { follow } from "../abort.ts";
import { describeError, isPartiError, PartiError, type PartiErrorCode } from "../errors.ts";
import { type Clock, sleep } from "../ports/clock.ts";
import { backoffMs, jitter } from "../ports/random.ts";
import type { World } from "../ports/world.ts";

/** After these another try may help. Whoever has handled the call may handle it again: that is what the key is for. */
const AGAIN: readonly PartiErrorCode[] = [
  "PARTI_TIMEOUT",
  "PARTI_MAYBE_DELIVERED",
  "PARTI_NOT_SENT",
  "PARTI_OVERLOADED",
  "PARTI_TOO_MANY_HOPS",
];

const PAUSE_MS = 20;
const PAUSE_MAX_MS = 2_000;
/** A try that lost its answer must not take all of the time. */
const FIRST_TRY = 1 / 8;
/** From this one on a try may take all that is left: what takes long must be able to succeed. */
const PATIENT_TRY = 3;

/** How a call is tried again. */
export interface AttemptOptions {
  /** For all tries together, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
  /** Fires when nobody can make a call here any more: then the next try says so, and is not waited for. */
  readonly over: AbortSignal;
  /** Told before each further try. */
  readonly onAgain: () => void;
}

/**
 * Tries until one try has an outcome that counts.
 *
 * @param world time and jitter
 * @param options how long
 * @param attempt one try, with the time it may take in milliseconds
 * @returns what a try returned
 * @throws {PartiError} what a try threw that another would not better; `PARTI_TIMEOUT` with the last failure as its cause
 */
export async function tryAgain<T>(
  { clock, random }: Pick<World, "clock" | "random">,
  { timeoutMs, signal, over, onAgain }: AttemptOptions,
  attempt: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  const endMs = clock.monotonicMs() + timeoutMs;
  for (let tries = 1;; tries++) {
    try {
      const leftMs = Math.max(0, endMs - clock.monotonicMs());
      const tryMs = tries < PATIENT_TRY ? timeoutMs * FIRST_TRY * 2 ** (tries - 1) : leftMs;
      return await attempt(Math.min(leftMs, tryMs));
    } catch (error) {
      if (!isPartiError(error, ...AGAIN) || isPartiError(error.cause, "PARTI_TOO_LARGE")) {
        throw error;
      }
      const longestMs = backoffMs(PAUSE_MS, tries, PAUSE_MAX_MS);
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) throw timeUp(timeoutMs, error);
      await pause(clock, Math.min(jitter(random, longestMs), leftMs), signal, over);
      if (signal?.aborted) throw new PartiError("PARTI_ABORTED", "the call was given up");
      // Nobody would wait for what is sent now.
      if (clock.monotonicMs() >= endMs) throw timeUp(timeoutMs, error);
      onAgain();
    }
  }
}

function timeUp(timeoutMs: number, cause: unknown): PartiError {
  const why = `not handled for certain within ${timeoutMs} ms: ${describeError(cause)}`;
  return new PartiError("PARTI_TIMEOUT", why, { value: timeoutMs, cause });
}

/**
 * Waits, until one of some signals fires.
 *
 * @param clock the clock to wait on
 * @param delayMs how long at most, in milliseconds
 * @param signals what ends it early
 */
export async function pause(
  clock: Clock,
  delayMs: number,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<void> {
  const first = new AbortController();
  // Signals of a bus last for its life, so nothing is left behind with them.
  const unfollow = follow(first, ...signals.filter((signal) => signal !== undefined));
  await sleep(clock, delayMs, first.signal);
  unfollow();
}
