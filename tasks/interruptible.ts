/**
 * Ctrl-C, for commands that have something to finish.
 *
 * @module
 */
import { exitCodes } from "./exit_codes.ts";

/**
 * What comes within so long after the first signal is the same Ctrl-C, in milliseconds: a terminal sends it to all of its processes, and
 * `deno task` and `npx` pass on to us what they get.
 */
export const SAME_MS = 200;

/** What goes on until it is interrupted. Disposed of, it listens to signals no more. */
export interface Interruptible extends Disposable {
  /** Fires at the first signal. */
  readonly signal: AbortSignal;
}

/**
 * Ctrl-C, or a request to terminate, ends what goes on in order; the second one at once, and the children end with us.
 *
 * @param onInterrupted says at the first one what happens now
 * @param onSecond ends at the second one those children that would not notice that we are gone
 * @returns the signal to heed
 */
export function interruptible(
  onInterrupted: () => void,
  onSecond: () => void = () => {},
): Interruptible {
  const controller = new AbortController();
  let firstMs = 0;
  const onSignal = () => {
    if (controller.signal.aborted) {
      if (performance.now() - firstMs < SAME_MS) return;
      onSecond();
      Deno.exit(exitCodes.unknown);
    }
    firstMs = performance.now();
    onInterrupted();
    controller.abort();
  };
  Deno.addSignalListener("SIGINT", onSignal);
  Deno.addSignalListener("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      Deno.removeSignalListener("SIGINT", onSignal);
      Deno.removeSignalListener("SIGTERM", onSignal);
    },
  };
}
