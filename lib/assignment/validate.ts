/**
 * Checks of what strategies answer and of what partition sources give, and the difference between two assignments.
 *
 * @module
 */
import { PartiError } from "../errors.ts";
import { compareText } from "./strategies/order.ts";
import {
  type Partition,
  type PartitionId,
  partitionId,
  partitionWeight,
  type StrategyInput,
  type StrategyPartition,
} from "./partition.ts";

/** How many offenders an error names. */
const NAMED = 5;

/**
 * Checks a strategy's answer: every partition has an owner, every owner is one of the workers, and there is no partition
 * that was not asked for. That none has two owners is in the nature of a map.
 *
 * @param input what the strategy was given
 * @param output what it answered
 * @throws {PartiError} `PARTI_INVALID_ASSIGNMENT` naming the first offenders
 */
export function validateAssignment(
  input: StrategyInput,
  output: ReadonlyMap<PartitionId, string>,
): void {
  // A custom strategy may come from plain JavaScript.
  if (typeof output?.get !== "function") {
    throw refused(`the strategy answered with ${output === null ? "null" : typeof output}`, output);
  }
  const workers = new Set(input.workers.map((worker) => worker.id));
  const missing: string[] = [], misplaced: string[] = [];
  for (const { id } of input.partitions) {
    const owner = output.get(id);
    if (owner === undefined) missing.push(id);
    else if (!workers.has(owner)) misplaced.push(`${id} at ${owner}`);
  }
  if (missing.length > 0) throw refused(`no owner for ${name(missing)}`, missing);
  if (misplaced.length > 0) throw refused(`unknown workers: ${name(misplaced)}`, misplaced);
  if (output.size === input.partitions.length) return;
  const known = new Set(input.partitions.map((partition) => partition.id));
  const unknown = [...output.keys()].filter((id) => !known.has(id));
  throw refused(`unknown partitions: ${name(unknown)}`, unknown);
}

function refused(what: string, value: unknown): PartiError {
  return new PartiError("PARTI_INVALID_ASSIGNMENT", `the assignment is not valid: ${what}`, {
    value,
    hint: "the strategy must give every partition exactly one of the workers it was given",
  });
}

function name(offenders: readonly string[]): string {
  const more = offenders.length - NAMED;
  return offenders.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/**
 * Brings a source's answer into the form that strategies see. The same partition twice is harmless; with two weights it is an
 * error, since picking one would make the assignment depend on the order of the list.
 *
 * @param list the partitions as a source gave them
 * @returns them by identity and weight, unique, sorted by identity
 * @throws {PartiError} `PARTI_INVALID_PARTITION` for a bad key or weight, or for one partition with two weights
 */
export function normalizePartitions(list: readonly Partition[]): StrategyPartition[] {
  const weights = new Map<PartitionId, number>();
  for (const partition of list) {
    const id = partitionId(partition);
    const weight = partitionWeight(partition);
    const known = weights.get(id);
    if (known !== undefined && known !== weight) {
      throw new PartiError(
        "PARTI_INVALID_PARTITION",
        `partition ${id} is listed with weight ${known} and with weight ${weight}`,
        { value: partition, hint: "list each partition once" },
      );
    }
    weights.set(id, weight);
  }
  const partitions = Array.from(weights, ([id, weight]) => ({ id, weight }));
  return partitions.sort((a, b) => compareText(a.id, b.id));
}

/** What changed between two assignments, seen from the group. */
export interface AssignmentDiff {
  /** Partitions that had no owner and have one now. */
  readonly added: readonly PartitionId[];
  /** Partitions that had an owner and have none now. */
  readonly removed: readonly PartitionId[];
  /** Partitions whose owner changed. */
  readonly moved: readonly PartitionId[];
  /** The weight of the moved ones. */
  readonly movedWeight: number;
}

/**
 * Compares two assignments.
 *
 * @param previous partition → worker before
 * @param next partition → worker now
 * @param weights the partitions' weights; those not named count 1
 * @returns the difference, each list sorted by identity
 */
export function diffAssignment(
  previous: ReadonlyMap<PartitionId, string>,
  next: ReadonlyMap<PartitionId, string>,
  weights: ReadonlyMap<PartitionId, number> = new Map(),
): AssignmentDiff {
  const added: string[] = [], moved: string[] = [];
  let movedWeight = 0;
  for (const [id, owner] of next) {
    const before = previous.get(id);
    if (before === undefined) added.push(id);
    else if (before !== owner) {
      moved.push(id);
      movedWeight += weights.get(id) ?? 1;
    }
  }
  const removed = [...previous.keys()].filter((id) => !next.has(id));
  return {
    added: added.sort(compareText),
    removed: removed.sort(compareText),
    moved: moved.sort(compareText),
    movedWeight,
  };
}
