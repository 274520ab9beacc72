/**
 * Which lanes to merge.
 *
 * @module
 */
import type { Lane } from "./lane.ts";

/**
 * Chooses idle lanes to merge into one, once a worker has more than a few. Idle means that nothing waits or runs in it, so that
 * a merge pauses nobody's work.
 *
 * @param lanes all lanes of the worker
 * @param maxLanes how many it may have before it merges
 * @returns the lanes to merge; fewer than two mean that there is nothing to do
 */
export function chooseCompaction(lanes: readonly Lane[], maxLanes: number): Lane[] {
  if (lanes.length <= maxLanes) return [];
  return lanes.filter(isIdle);
}

function isIdle(lane: Lane): boolean {
  if (lane.busy || lane.closed || lane.isolated || lane.buffered > 0) return false;
  for (const slot of lane.slots.values()) {
    if (!slot.wanted || slot.running !== undefined || slot.stopped) return false;
  }
  return true;
}
