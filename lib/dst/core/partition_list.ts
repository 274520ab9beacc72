/**
 * The partitions there are, as an administrator changes them.
 *
 * @module
 */
import type { Partition } from "../../assignment/partition.ts";
import { partitionId } from "../../assignment/partition.ts";
import { type Snapshot, weightTable } from "../../assignment/snapshot.ts";

/** A list of partitions. */
export class PartitionList {
  readonly #nameLength: number;
  #next: number;
  #all: readonly Partition[];
  #names: readonly string[] = [];

  /**
   * @param count how many there are at first
   * @param nameLength how long names are at least, in characters
   */
  constructor(count: number, nameLength: number) {
    this.#nameLength = nameLength;
    this.#next = 0;
    this.#all = [];
    this.#set(Array.from({ length: count }, () => this.#make()));
  }

  /** All of them. */
  get all(): readonly Partition[] {
    return this.#all;
  }

  /** Their names. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** Those of their weights that are not 1. */
  get weights(): Snapshot["weights"] {
    return weightTable(this.#all.map((one) => [partitionId(one), one.weight ?? 1]));
  }

  /** Adds some. */
  add(count: number, weight: number): void {
    this.#set([...this.#all, ...Array.from({ length: count }, () => this.#make(weight))]);
  }

  /** Removes some; one stays. */
  remove(count: number): void {
    this.#set(this.#all.slice(0, Math.max(1, this.#all.length - count)));
  }

  /** Changes the weights of some. */
  weigh(count: number, weight: number): void {
    this.#set(this.#all.map((one, n) => n < count ? { ...one, weight } : one));
  }

  #make(weight?: number): Partition {
    const keys = [`p${this.#next++}`.padEnd(this.#nameLength, "x")];
    return weight === undefined ? { keys } : { keys, weight };
  }

  #set(all: readonly Partition[]): void {
    this.#all = all;
    this.#names = all.map(partitionId);
  }
}
