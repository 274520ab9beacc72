/**
 * How evenly the partitions are shared, by weight and capacity, and whether that is as even as the strategy promises.
 *
 * @module
 */

/** What one worker carries. */
export interface Share {
  /** The worker's process and incarnation. */
  readonly process: string;
  /** How much it can carry compared with the others. */
  readonly capacity: number;
  /** The partitions that it owns. */
  readonly partitions: readonly number[];
}

/** Loads are sums of the same weights in different orders: less than this is rounding. */
const ROUNDING = 1e-9;

/**
 * The highest load per capacity over the mean one.
 *
 * @param shares what each worker carries, at least one
 * @param weights weights by partition
 * @returns 1 for perfect balance
 */
export function maxOverMean(shares: readonly Share[], weights: readonly number[]): number {
  const heights = shares.map((share) => heightOf(share, weights));
  return Math.max(...heights) / meanHeight(shares, weights);
}

/**
 * What `StickyBalanced` promises: each worker's load is within the tolerance, or no partition of it could go to another worker
 * without making that one as high as this one is (the integral optimum, where weights are equal).
 *
 * @param shares what each worker carries, at least one
 * @param weights weights by partition
 * @param tolerance how far above the mean a load may be, as a part of it
 * @returns what breaks the promise, in one sentence; undefined if nothing does
 */
export function unevenness(
  shares: readonly Share[],
  weights: readonly number[],
  tolerance: number,
): string | undefined {
  const mean = meanHeight(shares, weights);
  for (const share of shares) {
    const height = heightOf(share, weights);
    if (height <= mean * (1 + tolerance + ROUNDING)) continue;
    const lightest = Math.min(...share.partitions.map((partition) => weights[partition]!));
    const better = shares.find((other) =>
      heightOf(other, weights) + lightest / other.capacity < height - mean * ROUNDING
    );
    if (better === undefined) continue;
    return `the load is uneven: ${share.process} has ${
      (height / mean).toFixed(2)
    } times the mean, ` +
      `${better.process} ${(heightOf(better, weights) / mean).toFixed(2)} times`;
  }
  return undefined;
}

function heightOf({ capacity, partitions }: Share, weights: readonly number[]): number {
  return partitions.reduce((sum, partition) => sum + weights[partition]!, 0) / capacity;
}

function meanHeight(shares: readonly Share[], weights: readonly number[]): number {
  const capacity = shares.reduce((sum, share) => sum + share.capacity, 0);
  return weights.reduce((sum, weight) => sum + weight, 0) / capacity;
}
