/**
 * How many timers of this process are pending, whoever has set them: the library, the client, we ourselves.
 *
 * @module
 */

type Globals = Pick<
  typeof globalThis,
  "setTimeout" | "setInterval" | "clearTimeout" | "clearInterval"
>;

/** What is counted. */
export interface TimerCountOptions {
  /** Where the runtime's timers are; by default in this process. */
  readonly globals?: Globals;
  /** How many there are that wait behind a single one of the runtime's. They count each, and that one does not. */
  readonly behindOne?: () => number;
}

/** Pending timers, from the moment of {@linkcode countTimers} on. */
export interface TimerCount {
  /** How many are pending now. */
  readonly pending: number;
}

/**
 * Puts counting timers in the place of the real ones. What Node's modules set for themselves (a socket's time-out) is not seen.
 *
 * @param options what is counted
 * @returns the count
 */
export function countTimers(
  { globals = globalThis, behindOne = () => 0 }: TimerCountOptions = {},
): TimerCount {
  const pending = new Set<unknown>();
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globals;
  globals.setTimeout =
    ((fire: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) => {
      const id: unknown = setTimeout(
        (...given: unknown[]) => {
          pending.delete(id);
          fire(...given);
        },
        delayMs,
        ...args,
      );
      pending.add(id);
      return id;
    }) as typeof setTimeout;
  globals.setInterval =
    ((fire: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) => {
      const id: unknown = setInterval(fire, delayMs, ...args);
      pending.add(id);
      return id;
    }) as typeof setInterval;
  globals.clearTimeout = ((id?: number) => {
    pending.delete(id);
    clearTimeout(id);
  }) as typeof clearTimeout;
  globals.clearInterval = ((id?: number) => {
    pending.delete(id);
    clearInterval(id);
  }) as typeof clearInterval;
  return {
    get pending() {
      const behind = behindOne();
      return pending.size + Math.max(0, behind - 1);
    },
  };
}
