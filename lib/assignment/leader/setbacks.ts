/**
 * When a leader that fails again and again is to let somebody else try. One that keeps its lease fresh and cannot publish is worse than
 * none: the group has a leader, and its dead workers' partitions have no owners.
 *
 * @module
 */
import { isPartiError, type PartiErrorCode } from "../../errors.ts";

/** So many failures in a row. */
const FAILURES_MAX = 5;
/** For so long, in milliseconds: a bucket may be without its own leader for a moment, and nobody else would do better then. */
const LASTING_MS = 3_000;
/** These say nothing of how others would do: one's own connection is away, or a part of the assignment is missing for everybody. */
const EXCUSED: readonly PartiErrorCode[] = ["PARTI_DISCONNECTED", "PARTI_NOT_FOUND"];

/** Counts failures in a row. */
export class Setbacks {
  #count = 0;
  #sinceMs = 0;

  /**
   * Notes a failure.
   *
   * @param error why it failed
   * @param nowMs the time on the monotonic clock, in milliseconds
   * @returns whether that was enough: too many in a row, for too long
   */
  failed(error: unknown, nowMs: number): boolean {
    if (isPartiError(error, ...EXCUSED)) return false;
    if (this.#count++ === 0) this.#sinceMs = nowMs;
    return this.#count >= FAILURES_MAX && nowMs - this.#sinceMs >= LASTING_MS;
  }

  /** Notes that everything is well. */
  succeeded(): void {
    this.#count = 0;
  }
}
