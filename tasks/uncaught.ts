/**
 * What a command does about an error that nobody has caught: a bug of its own breaks no promise, and is not to look as if it did.
 *
 * @module
 */
import { note } from "./console.ts";
import { exitCodes } from "./exit_codes.ts";

/**
 * From now on an error that nobody catches ends this process with exit code 2. By itself it would be 1, which says that a promise was broken.
 *
 * @returns disposed of, it is as it was
 */
export function uncaughtIsUnknown(): Disposable {
  const onError = (event: ErrorEvent) => end(event, event.error);
  const onRejection = (event: PromiseRejectionEvent) => end(event, event.reason);
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onRejection);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("error", onError);
      globalThis.removeEventListener("unhandledrejection", onRejection);
    },
  };
}

function end(event: Event, error: unknown): void {
  event.preventDefault();
  note(`error: nobody has caught this: ${error instanceof Error ? error.stack : String(error)}`);
  Deno.exit(exitCodes.unknown);
}
