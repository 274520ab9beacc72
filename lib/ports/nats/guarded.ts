/**
 * Call-backs of those who use the ports.
 *
 * @module
 */

/**
 * Runs a call-back. What it throws would end the client's reader without a word here; thrown in a turn of its own it is seen.
 *
 * @param run the call-back
 */
export function guarded(run: () => void): void {
  try {
    run();
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
