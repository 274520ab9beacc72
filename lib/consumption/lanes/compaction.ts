/**
 * Which lanes to merge.
 *
 * @module
 */
import type { Lane } from "./lane.ts";

/** With this many times the lanes it should have, a worker merges also lanes in which messages wait. */
const CROWDED_FACTOR = 2;

/**
 * Chooses lanes to merge into one, once a worker has more than a few. Nothing runs in them and usually nothing waits, so that a merge
 * pauses nobody's work.
 *
 * @param lanes all lanes of the worker
 * @param maxLanes how many it may have before it merges
 * @param partitionsMax how many partitions one lane may have
 * @returns the lanes to merge, none if there is nothing to gain
 */
export function chooseCompaction(
  lanes: readonly Lane[],
  maxLanes: number,
  partitionsMax: number,
): Lane[] {
  if (lanes.length <= maxLanes) return [];
  const crowded = isCrowded(lanes, maxLanes);
  // The smallest first: they cost least, and whole lanes stay as they are.
  const candidates = lanes.filter((lane) => isMergeable(lane, crowded))
    .sort((a, b) => a.slots.size - b.slots.size);
  const chosen: Lane[] = [];
  let partitions = 0;
  for (const lane of candidates) {
    partitions += lane.slots.size;
    if (partitions > partitionsMax) break;
    chosen.push(lane);
  }
  return chosen.length < 2 ? [] : chosen;
}

/**
 * Whether a worker has so many lanes that merging them cannot wait.
 *
 * @param lanes all lanes of the worker
 * @param maxLanes how many it may have before it merges
 */
export function isCrowded(lanes: readonly Lane[], maxLanes: number): boolean {
  return lanes.length > maxLanes * CROWDED_FACTOR;
}

function isMergeable(lane: Lane, crowded: boolean): boolean {
  if (lane.busy || lane.closed || lane.running) return false;
  if (lane.buffered > 0 && !crowded) return false;
  for (const slot of lane.slots.values()) {
    if (!slot.wanted || slot.moving || slot.stale || slot.stopped) return false;
  }
  return true;
}
