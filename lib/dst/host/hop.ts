/**
 * The one thing the kernel needs of the real event loop: a moment at which every promise that can go on has gone on. V8 empties the queue
 * of microtasks before the next macrotask, so seeing a macrotask is the proof; no fixed number of awaits is.
 *
 * @module
 */

// Taken before a simulation puts throwing stubs in the place of the globals.
const { setImmediate, clearImmediate } = globalThis;

/**
 * Waits for the next macrotask.
 *
 * @returns when every promise that could go on has
 */
export function hop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Most hops that are asked for at once. The queue of microtasks is emptied between one immediate and the next, also if both were asked for
 * together, as Node promises since its version 11; and a turn of the event loop for 64 of them costs a fourth of 64 turns.
 */
const BATCH_MAX = 64;

/**
 * Does something again and again, each time in a macrotask of its own.
 *
 * @param step what is done when every promise that could go on has. It returns false when it was the last time, and must not throw
 */
export function everyHop(step: () => boolean): void {
  // Short runs ask for few; what is asked for in vain has to be taken back.
  let size = 1;
  let waiting: ReturnType<typeof setImmediate>[] = [];
  let next = 0;
  const ask = (): void => {
    next = 0;
    waiting = [];
    for (let asked = 0; asked < size; asked++) waiting.push(setImmediate(turn));
    size = Math.min(2 * size, BATCH_MAX);
  };
  const turn = (): void => {
    next++;
    if (!step()) {
      for (const unused of waiting.slice(next)) clearImmediate(unused);
    } else if (next === waiting.length) {
      ask();
    }
  };
  ask();
}
