/**
 * How heavy each partition is, how fast its messages come and which producer makes them. All of it follows from the
 * configuration and the seed.
 *
 * @module
 */
import type { SimulationConfig } from "../config/config_schema.ts";
import { Seeded } from "./seeded.ts";

/**
 * Each partition's weight. With the exponential distribution a seeded choice of partitions is extreme, not simply the
 * first ones, so that neither a producer nor a worker gets them all by its number.
 *
 * @param partitions the configuration's section
 * @param seed the run's seed
 * @returns weights by partition
 */
export function partitionWeights(
  partitions: SimulationConfig["partitions"],
  seed: number,
): number[] {
  const { count, distribution, weights: { exponential } } = partitions;
  if (distribution === "uniform") return new Array<number>(count).fill(1);
  const order = Array.from({ length: count }, (_, partition) => partition);
  const extremes = Math.round(count * exponential.extreme_percent);
  const extreme = new Set(new Seeded(seed, "weights").shuffled(order).slice(0, extremes));
  return order.map((partition) =>
    extreme.has(partition) ? exponential.extreme_weight : exponential.normal_weight
  );
}

/**
 * Each partition's message rate: the total is count × rate, shared out by weight.
 *
 * @param weights weights by partition
 * @param ratePerPartition messages per second and partition, on average
 * @returns messages per second by partition
 */
export function partitionRates(weights: readonly number[], ratePerPartition: number): number[] {
  const totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
  const totalRate = ratePerPartition * weights.length;
  return weights.map((weight) => totalRate * (weight / totalWeight));
}

/** How many producers there are, and how many partitions one may have at most. */
type Producers = Pick<SimulationConfig["producers"], "count" | "partitions_per_producer">;

/**
 * Spreads partitions over producers: the heaviest first, each to whoever has the least load so far and may have more. Equal weights
 * come out as round robin.
 *
 * @param weights weights by partition
 * @param producers the configuration's section
 * @returns the partitions of each producer, ascending
 */
export function producerShares(
  weights: readonly number[],
  { count, partitions_per_producer: most = Number.POSITIVE_INFINITY }: Producers,
): number[][] {
  const shares = Array.from({ length: count }, () => [] as number[]);
  const loads = new Array<number>(count).fill(0);
  const heaviestFirst = weights.map((weight, partition) => ({ weight, partition }))
    .sort((a, b) => b.weight - a.weight || a.partition - b.partition);
  for (const { weight, partition } of heaviestFirst) {
    const lightest = loads.indexOf(Math.min(...loads));
    shares[lightest]!.push(partition);
    loads[lightest]! += weight;
    if (shares[lightest]!.length >= most) loads[lightest] = Number.POSITIVE_INFINITY;
  }
  for (const share of shares) share.sort((a, b) => a - b);
  return shares;
}

/**
 * The weight of a partition that comes while the run goes on: extreme by the same chance as those that are there at the beginning.
 *
 * @param partitions the configuration's section
 * @param seed the run's seed
 * @param partition its number
 * @returns its weight
 */
export function addedWeight(
  partitions: SimulationConfig["partitions"],
  seed: number,
  partition: number,
): number {
  const { distribution, weights: { exponential } } = partitions;
  if (distribution === "uniform") return 1;
  const isExtreme =
    new Seeded(seed, "added-weights").float(partition) < exponential.extreme_percent;
  return isExtreme ? exponential.extreme_weight : exponential.normal_weight;
}

/**
 * The message rate of a partition that comes while the run goes on: by its weight as much as those that are there at the beginning.
 *
 * @param partitions the configuration's section
 * @param seed the run's seed
 * @param partition its number
 * @returns messages per second
 */
export function addedRate(
  partitions: SimulationConfig["partitions"],
  seed: number,
  partition: number,
): number {
  const weights = partitionWeights(partitions, seed);
  const [rate] = partitionRates(weights, partitions.message_rate_per_partition);
  return rate! / weights[0]! * addedWeight(partitions, seed, partition);
}

/**
 * Which producer sends to a partition that comes while the run goes on.
 *
 * @param partition its number
 * @param producers how many producers there are
 * @returns the producer's number
 */
export function producerOfAdded(partition: number, producers: number): number {
  return partition % producers;
}

/**
 * How much faster or slower than average the producers are at a moment: up from the least to the greatest multiplier
 * over one ramp, down again over the next.
 *
 * @param variation the configuration's section
 * @param elapsedMs since the load began
 * @returns the multiplier, 1 if rates do not vary
 */
export function rateMultiplier(
  variation: SimulationConfig["producers"]["rate_variation"],
  elapsedMs: number,
): number {
  if (!variation.enabled) return 1;
  const phase = (elapsedMs / variation.ramp_interval) % 2;
  const height = phase <= 1 ? phase : 2 - phase;
  return variation.min_multiplier +
    height * (variation.max_multiplier - variation.min_multiplier);
}

/**
 * As fast as messages of one partition come at any time.
 *
 * @param config the configuration
 * @param seed the run's seed
 * @param grows whether partitions come while the run goes on
 * @returns messages per second
 */
export function fastestRate(
  { partitions, producers }: Pick<SimulationConfig, "partitions" | "producers">,
  seed: number,
  grows: boolean,
): number {
  const weights = partitionWeights(partitions, seed);
  const [rate] = partitionRates(weights, partitions.message_rate_per_partition);
  const { distribution, weights: { exponential } } = partitions;
  const { extreme_percent, extreme_weight, normal_weight } = exponential;
  const all = [...weights];
  // Among those that are there none need be extreme, and one that comes can be all the same.
  if (grows && distribution === "exponential" && extreme_percent > 0) all.push(extreme_weight);
  if (grows && distribution === "exponential" && extreme_percent < 1) all.push(normal_weight);
  const heaviest = all.reduce((most, weight) => Math.max(most, weight));
  const { enabled, max_multiplier } = producers.rate_variation;
  return rate! / weights[0]! * heaviest * (enabled ? max_multiplier : 1);
}

/**
 * How long producers that keep to their average rates would take for what is sent while rates vary.
 *
 * @param variation the configuration's section
 * @param fromMs since when, counted from the beginning of the load
 * @param untilMs until when, counted from there, too
 * @returns milliseconds, as long as it is if rates do not vary
 */
export function averageMs(
  variation: SimulationConfig["producers"]["rate_variation"],
  fromMs: number,
  untilMs: number,
): number {
  if (!variation.enabled) return untilMs - fromMs;
  const { ramp_interval, min_multiplier, max_multiplier } = variation;
  const mean = (min_multiplier + max_multiplier) / 2;
  const sinceBeginningMs = (elapsedMs: number) => {
    const ramps = Math.floor(elapsedMs / ramp_interval);
    const restMs = elapsedMs - ramps * ramp_interval;
    const now = rateMultiplier(variation, elapsedMs);
    const atFoot = ramps % 2 === 0 ? min_multiplier : max_multiplier;
    return ramps * ramp_interval * mean + restMs * (atFoot + now) / 2;
  };
  return sinceBeginningMs(untilMs) - sinceBeginningMs(fromMs);
}
