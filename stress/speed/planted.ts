/**
 * What is planted in the cases of speed, in what is measured of the library's; the limit beside it stays as it is. The slowdown: everything
 * costs as much processor time again and again. The loss: one message is acknowledged and handled by nobody.
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
 * Whether a message is the lost one.
 *
 * @param fault the planted defect
 * @returns asked once for each message; never true where no loss is planted
 */
export function plantedLoss(fault: Fault | undefined): () => boolean {
  let asked = 0;
  return () => fault === "loss" && ++asked === LOST;
}
