/**
 * Strategies that share badly on purpose, to see that the run finds it.
 *
 * @module
 */
import type { AssignmentStrategy } from "../../lib/assignment/partition.ts";
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
  switch (fault?.kind) {
    case "uneven":
      return uneven(strategy);
    case "restless":
      return restless(strategy);
    default:
      return strategy;
  }
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

/** Who stays gives all its partitions to the next one, whenever anything changes. */
function restless(strategy: AssignmentStrategy): AssignmentStrategy {
  return (input) => {
    const ids = input.workers.map(({ id }) => id);
    return new Map([...strategy(input)].map(([partition, owner]) => {
      const before = input.previous.get(partition);
      if (before === undefined || !ids.includes(before)) return [partition, owner];
      return [partition, ids[(ids.indexOf(owner) + 1) % ids.length]!];
    }));
  };
}
