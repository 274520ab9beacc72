/**
 * Deals partitions out one by one.
 *
 * @module
 */
import { sortedPartitions, sortedWorkers } from "./order.ts";
import type { AssignmentStrategy } from "../partition.ts";

/**
 * The round-robin strategy: both lists sorted, partition *i* goes to worker *i mod W*. Counts differ by one at most. It knows
 * neither weights nor capacities nor the previous assignment, and a change of the workers moves nearly everything: for
 * few partitions, or to look a placement up by hand.
 *
 * @returns the strategy
 */
export function roundRobin(): AssignmentStrategy {
  return (input) => {
    const workers = sortedWorkers(input);
    const owners = new Map<string, string>();
    sortedPartitions(input).forEach(({ id }, i) => owners.set(id, workers[i % workers.length]!.id));
    return owners;
  };
}
