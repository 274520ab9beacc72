/**
 * Calls foreign code that may hang.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";

/**
 * Runs something with a deadline. When it passes, the signal fires and the call fails at once, even if the code ignores it.
 *
 * @param clock the clock
 * @param timeoutMs the deadline, in milliseconds from now
 * @param run what to run
 * @param outer ends it earlier
 * @returns what `run` returns
 * @throws {PartiError} `PARTI_TIMEOUT` when the deadline passes, `PARTI_ABORTED` when `outer` fires, or whatever `run` throws
 */
export function withDeadline<T>(
  clock: Clock,
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const end = (settle: () => void) => {
      timer.cancel();
      outer?.removeEventListener("abort", onAbort);
      settle();
    };
    const fail = (error: PartiError) => {
      controller.abort(error);
      end(() => reject(error));
    };
    const onAbort = () => fail(new PartiError("PARTI_ABORTED", "the call was ended"));
    const timer = clock.setTimer(timeoutMs, () => {
      fail(new PartiError("PARTI_TIMEOUT", `no answer within ${timeoutMs} ms`));
    });
    if (outer?.aborted) return onAbort();
    outer?.addEventListener("abort", onAbort, { once: true });
    Promise.resolve().then(() => run(controller.signal)).then(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    );
  });
}
