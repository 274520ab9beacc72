/**
 * Why a simulation failed.
 *
 * @module
 */

/** What kind of failure it is: shrinking keeps the kind and the name. */
export type FailureKind =
  | "assertion"
  | "deadlock"
  | "livelock"
  | "budget"
  | "escape"
  | "crash"
  | "divergence";

/** A simulation ended because something was wrong. */
export class SimulationFailure extends Error {
  /** What kind. */
  readonly kind: FailureKind;
  /** Which assertion or detector. */
  readonly check: string;
  /** When, in virtual milliseconds. */
  readonly atMs: number;
  #seed: number | undefined;

  /**
   * Where it was seen, and what.
   *
   * @param kind what kind
   * @param check which assertion or detector
   * @param message what was seen, for people
   * @param atMs when, in virtual milliseconds
   * @param cause the error behind it, if there is one
   */
  constructor(kind: FailureKind, check: string, message: string, atMs: number, cause?: unknown) {
    super(`${check}: ${message}`, cause === undefined ? {} : { cause });
    this.name = "SimulationFailure";
    this.kind = kind;
    this.check = check;
    this.atMs = atMs;
  }

  /** The seed of the run; undefined until a kernel has taken note of the failure. */
  get seed(): number | undefined {
    return this.#seed;
  }

  /**
   * Says where the failure is found again: from now on seed and time are in the message, and so in whatever prints it.
   *
   * @param seed the seed of the run; the first one counts
   */
  locate(seed: number): void {
    if (this.#seed !== undefined) return;
    this.#seed = seed;
    const located = `${this.message} (seed ${seed}, ${this.atMs.toFixed(3)} ms)`;
    // V8 has copied the message to the head of the stack.
    const stack = this.stack?.replace(this.message, () => located);
    if (stack !== undefined) this.stack = stack;
    this.message = located;
  }
}
