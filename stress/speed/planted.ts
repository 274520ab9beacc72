/**
 * The planted slowdown of the cases of speed: whatever of the library's is measured costs as much processor time again and again. The limit
 * beside it stays as fast as it is.
 *
 * @module
 */
import type { Fault } from "../case.ts";

/** Several times what a message costs a worker. */
const SPIN_MS = 0.05;

/**
 * What each message costs more.
 *
 * @param fault the planted defect
 * @returns takes its time, or none where no slowness is planted
 */
export function plantedCost(fault: Fault | undefined): () => void {
  if (fault !== "slow") return () => {};
  return () => {
    const untilMs = performance.now() + SPIN_MS;
    while (performance.now() < untilMs);
  };
}
