/**
 * Follows a run for those who look at it: says when partitions move, and keeps what the metrics want to know.
 *
 * @module
 */
import type { SimConsole } from "../console/status_line.ts";
import { formatDuration } from "../config/units.ts";
import { type Rebalance, RebalanceWatch } from "../measure/rebalances.ts";
import { Observations } from "../metrics/observations.ts";
import type { Fleet, Member } from "../run/fleet.ts";
import { nowUs } from "../streams/message.ts";
import type { Report } from "../wire/wire.ts";

/** What observing needs. */
export interface RunObserverOptions {
  /** Where it is said. */
  readonly console: Pick<SimConsole, "log">;
  /** The processes. */
  readonly fleet: Pick<Fleet, "running">;
  /** How often it is told that time has passed, in milliseconds. */
  readonly tickMs: number;
}

/** Observes a run. */
export class RunObserver {
  /** What the metrics want to know. */
  readonly observations: Observations = new Observations();
  /** What the run has been doing, in order. */
  readonly phases: Set<string> = new Set();
  /** How late the last tick was, in milliseconds. */
  tickLateMs = 0;
  readonly #options: RunObserverOptions;
  readonly #rebalances: RebalanceWatch;
  #tickedMs = performance.now();
  #ending = false;

  /** @param options what it needs */
  constructor(options: RunObserverOptions) {
    this.#options = options;
    const { console } = options;
    this.#rebalances = new RebalanceWatch({
      detected: (moving) =>
        console.log("INFO", `Rebalancing detected: ${counted(moving, "partition")} moving`),
      complete: (rebalance) => {
        this.observations.rebalanced(rebalance.durationMs, rebalance.moved);
        console.log("INFO", `Rebalancing complete: ${described(rebalance)}`);
      },
    });
  }

  /** How many partitions are on their way. */
  get moving(): number {
    return this.#ending ? 0 : this.#rebalances.moving;
  }

  /**
   * Takes a report, beside whoever else does.
   *
   * @param process who reports
   * @param report what
   */
  takeReport(process: string, report: Report): void {
    this.observations.takeReport(process, report);
    if (report.kind === "status") {
      this.#rebalances.assigned(process, report.status, report.atUs);
    } else if (report.kind === "lanes" && report.change === "acquired") {
      this.#rebalances.acquired(process, report.partitions, report.atUs);
    }
  }

  /**
   * A worker was at work before this coordinator came: that it has what it has is no rebalancing.
   *
   * @param worker the worker
   */
  keeps({ process, status, statusUs = 0 }: Pick<Member, "process" | "status" | "statusUs">): void {
    if (status === undefined) return;
    this.#rebalances.acquired(process, status.owned, statusUs);
    this.#rebalances.assigned(process, status, statusUs);
  }

  /**
   * Time has passed.
   *
   * @param phase what the run is doing
   */
  tick(phase: string): void {
    const nowMs = performance.now();
    this.tickLateMs = Math.max(0, nowMs - this.#tickedMs - this.#options.tickMs);
    this.#tickedMs = nowMs;
    this.phases.add(phase);
    for (const { status } of this.#options.fleet.running("worker")) {
      if (status !== undefined) this.observations.partitionsPerWorker.add(status.owned.length);
    }
    if (!this.#ending) this.#rebalances.tick(nowUs());
  }

  /** From now on all workers leave: what they hand to each other is no rebalancing. */
  ending(): void {
    this.#rebalances.tick(Number.POSITIVE_INFINITY);
    this.#ending = true;
  }
}

function described({ durationMs, moved, workersBefore, workersAfter }: Rebalance): string {
  return `${workersBefore} -> ${workersAfter} workers, ` +
    `${counted(moved, "partition")} moved in ${formatDuration(durationMs)}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
