/**
 * Hears of errors that nobody handled: rejections without a handler, and what is thrown where nobody can catch it.
 *
 * @module
 */

/**
 * Called with an error that nobody handled.
 *
 * @param what `unhandled rejection` or `uncaught error`
 * @param error the error
 */
export type OnCrash = (what: string, error: unknown) => void;

/** Innermost last; the innermost is told. */
const listeners: OnCrash[] = [];

/**
 * Listens from now on. Such an error then ends neither the process nor the test that it happens in.
 *
 * @param onCrash called with each
 * @returns stops listening; harmless when called again
 */
export function watchCrashes(onCrash: OnCrash): () => void {
  const listener: OnCrash = (what, error) => onCrash(what, error);
  if (listeners.length === 0) {
    globalThis.addEventListener("unhandledrejection", onRejection);
    globalThis.addEventListener("error", onError);
  }
  listeners.push(listener);
  return () => {
    const index = listeners.indexOf(listener);
    if (index < 0) return;
    listeners.splice(index, 1);
    if (listeners.length > 0) return;
    globalThis.removeEventListener("unhandledrejection", onRejection);
    globalThis.removeEventListener("error", onError);
  };
}

function onRejection(event: PromiseRejectionEvent): void {
  event.preventDefault();
  listeners.at(-1)?.("unhandled rejection", event.reason);
}

function onError(event: ErrorEvent): void {
  event.preventDefault();
  listeners.at(-1)?.("uncaught error", event.error ?? event.message);
}
