/**
 * What a kernel is made from.
 *
 * @module
 */
import type { KernelLimits } from "./limits.ts";
import type { TraceRecord } from "./trace.ts";

/** What a kernel is made from. */
export interface KernelOptions {
  /** The seed of the run. */
  readonly seed: number;
  /** Its bounds. */
  readonly limits?: Partial<KernelLimits>;
  /** Called with each record of the trace. */
  readonly onTrace?: (record: TraceRecord) => void;
  /** True: after a quiet event promises may go on as after any other. The trace must be the same, or an event was not quiet. */
  readonly distrustQuiet?: boolean;
  /**
   * What becomes of an effect that a dead process tries to have after the event in which it died. It is refused anyway; `fail` makes it a
   * failure. `count` if left out.
   */
  readonly lateEffects?: "count" | "fail";
}
