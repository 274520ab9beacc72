/**
 * What only the metrics want to know of the reports: how long handlers took, how many failed, what the library counts.
 *
 * @module
 */
import type { Report } from "../wire/wire.ts";
import { Buckets } from "./buckets.ts";
import { CATALOG } from "./catalog.ts";
import { LibraryMetrics } from "./library_metrics.ts";

/** Observes a run for its metrics. */
export class Observations {
  /** Handlers, in seconds. */
  readonly processing: Buckets = new Buckets(CATALOG.processing.bounds!);
  /** Rebalancings, in seconds. */
  readonly rebalancing: Buckets = new Buckets(CATALOG.rebalancing.bounds!);
  /** How many partitions workers have. */
  readonly partitionsPerWorker: Buckets = new Buckets(CATALOG.partitionsPerWorker.bounds!);
  /** What the library counts. */
  readonly library: LibraryMetrics = new LibraryMetrics();
  /** Handler calls that failed. */
  errors = 0;
  /** Partitions that rebalancings have moved. */
  moved = 0;

  /**
   * Takes a report, beside whoever else does.
   *
   * @param process who reports
   * @param report what
   */
  takeReport(process: string, report: Report): void {
    if (report.kind === "metrics") return this.library.report(process, report.families);
    if (report.kind !== "delivered") return;
    const { startUs, endUs, outcome } = report.delivery;
    this.processing.add(Math.max(0, endUs - startUs) / 1_000_000);
    if (outcome === "failed") this.errors++;
  }

  /**
   * A rebalancing is complete.
   *
   * @param durationMs how long it took, in milliseconds
   * @param moved how many partitions it moved
   */
  rebalanced(durationMs: number, moved: number): void {
    this.rebalancing.add(durationMs / 1_000);
    this.moved += moved;
  }
}
