/**
 * A process for tests of whoever has hosts start some. No test of its own.
 *
 * @module
 */
import type { HostedProcess, ProcessEnd } from "./host.ts";

/** A process that does nothing but note what is done to it, and ends by kill and terminate. */
export class TestProcess implements HostedProcess {
  /** Its number. */
  readonly pid: number;
  /** What it is said to have written. */
  readonly output = ["its last line"];
  /** What was done to it, in order. */
  readonly seen: string[] = [];
  readonly #end = Promise.withResolvers<ProcessEnd>();

  /** @param pid its number */
  constructor(pid: number) {
    this.pid = pid;
  }

  /** Its end. */
  get exited(): Promise<ProcessEnd> {
    return this.#end.promise;
  }

  /** Ends it as SIGKILL does. */
  kill(): void {
    this.seen.push("kill");
    this.#end.resolve({ code: 137, signal: "SIGKILL" });
  }

  /** Ends it as if it had left when asked to. */
  terminate(): void {
    this.seen.push("terminate");
    this.#end.resolve({ code: 0, signal: null });
  }

  /** Notes that it was paused, and that it goes on. */
  pause(): Promise<AsyncDisposable> {
    this.seen.push("pause");
    return Promise.resolve({
      [Symbol.asyncDispose]: () => Promise.resolve(void this.seen.push("resume")),
    });
  }
}
