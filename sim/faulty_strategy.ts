/**
 * Strategies that share badly on purpose, to see that the run finds it.
 *
 * @module
 */
import type { AssignmentStrategy } from "../lib/assignment/partition.ts";
import type { Fault } from "./fault.ts";

/**
 * Plants a defect in a strategy.
 *
 * @param fault the planted defect, if any
 * @param strategy the strategy
 * @returns one that does it wrong if the defect is one of strategies
 */
export function faultyStrategy(
  fault: Fault | undefined,
  strategy: AssignmentStrategy,
): AssignmentStrategy {
  return fault?.kind === "uneven" ? uneven(strategy) : strategy;
}

/** The second worker's partitions all go to the first. */
function uneven(strategy: AssignmentStrategy): AssignmentStrategy {
  return (input) => {
    const [first, second] = input.workers;
    const owners = [...strategy(input)];
    return new Map(owners.map(([partition, owner]) => {
      return [partition, owner === second?.id ? first!.id : owner];
    }));
  };
}
