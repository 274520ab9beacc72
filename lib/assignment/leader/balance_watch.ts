/**
 * Notices when the loads have become too uneven although nobody came or went: a worker's capacity changed, or an earlier leader
 * ran another strategy.
 *
 * @module
 */
import type { WorkerRecord } from "../../membership/worker_lease.ts";
import { imbalanceOf } from "./computation.ts";
import type { Snapshot } from "../snapshot.ts";

/** Watches the balance of one assignment after another. */
export class BalanceWatch {
  readonly #threshold: number;
  #settledFor: { readonly snapshot: Snapshot; readonly capacities: string } | undefined;

  /** @param threshold the share above the mean load that is still even enough */
  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  /**
   * Whether the strategy should be asked for a better assignment.
   *
   * @param snapshot the assignment in force
   * @param members everybody alive
   * @returns true if the loads are too uneven and the strategy has not had its say for these capacities
   */
  isUneven(snapshot: Snapshot, members: readonly WorkerRecord[]): boolean {
    const settled = this.#settledFor;
    if (settled?.snapshot === snapshot && settled.capacities === capacitiesOf(members)) {
      return false;
    }
    if (imbalanceOf(snapshot, members) > this.#threshold) return true;
    this.settle(snapshot, members);
    return false;
  }

  /**
   * The strategy has had its say: as uneven as this is, it stays until the assignment or a capacity changes. Otherwise one partition
   * that is heavier than the threshold allows would be a reason to rebalance for ever.
   *
   * @param snapshot the assignment in force
   * @param members everybody alive
   */
  settle(snapshot: Snapshot, members: readonly WorkerRecord[]): void {
    this.#settledFor = { snapshot, capacities: capacitiesOf(members) };
  }
}

function capacitiesOf(members: readonly WorkerRecord[]): string {
  return members.map(({ worker, capacity, leaving }) => `${worker} ${leaving ? 0 : capacity}`)
    .join();
}
