/**
 * How high the load would stand if weight flowed like water.
 *
 * @module
 */

/** What {@linkcode fairLevel} finds, in load per capacity. */
export interface FairLevel {
  /** The level of the workers that hold no partition too heavy to share. */
  readonly level: number;
  /** All weight over all capacity. */
  readonly mean: number;
}

/**
 * The fair load per capacity. A partition that is heavier than the fair load of the largest worker cannot be shared: it takes
 * one worker for itself (the largest), and the others share the rest. Without this, everybody without such a
 * partition would look underloaded for ever.
 *
 * @param weights the partitions' weights
 * @param capacities the workers' capacities, at least one
 * @returns the level and the plain mean
 */
export function fairLevel(weights: Float64Array, capacities: Float64Array): FairLevel {
  let weight = 0, heaviest = 0;
  for (const one of weights) {
    weight += one;
    if (one > heaviest) heaviest = one;
  }
  let capacity = 0, largest = 0;
  for (const one of capacities) {
    capacity += one;
    if (one > largest) largest = one;
  }
  const mean = weight / capacity;
  if (heaviest <= mean * largest) return { level: mean, mean };

  const byWeight = weights.slice().sort();
  const byCapacity = capacities.slice().sort();
  // Sorted ascending: the heaviest and the largest are at the ends.
  let p = byWeight.length - 1, w = byCapacity.length - 1;
  while (p >= 0 && w > 0 && byWeight[p]! > weight / capacity * byCapacity[w]!) {
    weight -= byWeight[p--]!;
    capacity -= byCapacity[w--]!;
  }
  // Adding up the few that are left is exact where subtracting was not.
  let rest = 0;
  for (let i = 0; i <= p; i++) rest += byWeight[i]!;
  return { level: rest / capacity, mean };
}
