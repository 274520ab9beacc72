/**
 * What is planted in the cases of speed, in what is measured of the library's; the limit beside it stays as it is. The slowdown: everything
 * costs as much processor time again and again. The loss: one message is acknowledged and handled by nobody, and the next one is handled
 * twice, so that the handlings are as many as without.
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

/** Which of all messages is lost: the warm-up of a sanity check has as many. */
const LOST = 100;

/**
 * What becomes of a message: that nobody handles it, or that it is handled and comes again.
 *
 * @param fault the planted defect
 * @returns asked once for each handling; nothing where no loss is planted
 */
export function plantedLoss(fault: Fault | undefined): () => "lost" | "again" | undefined {
  let asked = 0;
  return () => {
    if (fault !== "loss") return undefined;
    asked++;
    return asked === LOST ? "lost" : asked === LOST + 1 ? "again" : undefined;
  };
}

/** Thrown by a handler, it has its message come again. */
export const COMES_AGAIN = "planted: this comes again";
