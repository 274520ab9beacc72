/**
 * What a partition is and how it is named.
 *
 * @module
 */
import { PartiError } from "../errors.ts";

/** A partition as a source gives it. */
export interface Partition {
  /** The parts of its name, such as `["tenant-7", "orders"]`. Each is one subject token: no dots, wildcards, spaces. */
  readonly keys: readonly string[];
  /** How heavy it is compared with others; 1 if left out. Above 0, and at most 1e15. */
  readonly weight?: number;
}

/** A partition's identity: its keys joined with dots, so that it is also the tail of its subject. */
export type PartitionId = string;

// White space, control characters, what means something in a subject, and halves of characters: on the wire those are all the same.
const NO_TOKEN = /[\s\p{Cc}\p{Cs}.*>]/u;

/**
 * A partition's identity.
 *
 * @param partition the partition
 * @returns its keys joined with dots
 * @throws {PartiError} `PARTI_INVALID_PARTITION` for no keys, one that is no text or an empty one, a dot, a wildcard or white space in one
 */
export function partitionId(partition: Partition): PartitionId {
  // A list may come out of a database or a document: the types say nothing of what is in it.
  if (!Array.isArray(partition?.keys) || partition.keys.length === 0) {
    throw new PartiError("PARTI_INVALID_PARTITION", "a partition needs at least one key", {
      value: partition,
    });
  }
  for (const key of partition.keys) {
    if (typeof key !== "string" || key === "" || NO_TOKEN.test(key)) {
      throw new PartiError(
        "PARTI_INVALID_PARTITION",
        `partition key ${shown(key)} is not a subject token`,
        {
          value: partition,
          hint: "keys are texts without dots, wildcards, spaces or control characters",
        },
      );
    }
  }
  return partition.keys.join(".");
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

// Whatever is no token, and a token that is empty.
const NO_ID = /[\s\p{Cc}\p{Cs}*>]|^\.|\.\.|\.$|^$/u;

/**
 * Checks an identity that did not come from {@linkcode partitionId}, such as a key that a subject is to be made of.
 *
 * @param id the identity
 * @throws {PartiError} `PARTI_INVALID_PARTITION` as {@linkcode partitionId}: an empty token, a wildcard or white space
 */
export function checkPartitionId(id: PartitionId): void {
  if (NO_ID.test(id)) partitionId({ keys: id.split(".") });
}

/** Sums and products of weights up to this stay far from where numbers end, however many partitions there are. */
const WEIGHT_MAX = 1e15;

/**
 * A partition's weight.
 *
 * @param partition the partition
 * @returns its weight, 1 if it has none
 * @throws {PartiError} `PARTI_INVALID_PARTITION` if it is not a number above 0, or above 1e15
 */
export function partitionWeight(partition: Partition): number {
  const weight = partition.weight ?? 1;
  // "3" is above 0, too, and would be published: no worker understands an assignment in which a weight is a text.
  if (typeof weight !== "number" || !(weight > 0 && weight <= WEIGHT_MAX)) {
    throw new PartiError(
      "PARTI_INVALID_PARTITION",
      `the weight of ${partition.keys.join(".")} is ${
        shown(weight)
      }, not a number above 0 and at most ${WEIGHT_MAX.toExponential()}`,
      {
        value: partition,
        hint: "weights count only compared with each other: divide them all by the same number",
      },
    );
  }
  return weight;
}

/** A strategy's view of a worker. */
export interface StrategyWorker {
  /** The stable ID. */
  readonly id: string;
  /** How much it can carry compared with others; 1 unless configured. */
  readonly capacity: number;
  /** What its configuration says of it (zone, version, …). */
  readonly labels: Readonly<Record<string, string>>;
}

/** A strategy's view of a partition. */
export interface StrategyPartition {
  /** Its identity. */
  readonly id: PartitionId;
  /** Its weight, > 0. */
  readonly weight: number;
}

/** What a strategy sees. */
export interface StrategyInput {
  /** The workers, sorted by ID number, at least one. */
  readonly workers: readonly StrategyWorker[];
  /** The partitions, sorted by identity, unique. */
  readonly partitions: readonly StrategyPartition[];
  /** Who owned what before: partition → worker. May name partitions and workers that are gone. */
  readonly previous: ReadonlyMap<PartitionId, string>;
}

/**
 * Decides who owns what. A pure function: the same input gives the same output, on every machine.
 * Every partition must get exactly one of the given workers; the library checks it.
 */
export type AssignmentStrategy = (input: StrategyInput) => ReadonlyMap<PartitionId, string>;

/** Where the partitions come from. */
export interface PartitionSource {
  /** The partitions as they are now. May throw: a running group then goes on with what it has. */
  list(signal: AbortSignal): Promise<readonly Partition[]>;
  /** Calls `onChange` when {@linkcode list} would answer otherwise than before; returns what ends it. */
  watch?(onChange: () => void): { close(): void | Promise<void> };
}
