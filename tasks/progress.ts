/**
 * Tells the person in front of the screen what takes so long.
 *
 * @module
 */

/** Where progress lines go. */
export type Report = (line: string) => void;

const firstAfterMs = 2_000;
const thenEveryMs = 10_000;

/** When to speak. */
export interface ProgressTimes {
  /** Silence until then. */
  readonly firstAfterMs?: number;
  /** One more line in this interval. */
  readonly thenEveryMs?: number;
}

/**
 * Does some work, and says what it is if it takes longer than two seconds.
 *
 * @param what the work, as in "downloading nats-server"
 * @param report where to say it
 * @param work the work
 * @param times when to speak
 * @returns what the work returns
 */
export async function withProgress<T>(
  what: string,
  report: Report,
  work: () => Promise<T>,
  times: ProgressTimes = {},
): Promise<T> {
  const startMs = performance.now();
  let timer = setTimeout(say, times.firstAfterMs ?? firstAfterMs);
  function say() {
    report(`${what} … ${Math.round((performance.now() - startMs) / 1000)} s`);
    timer = setTimeout(say, times.thenEveryMs ?? thenEveryMs);
  }
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}
