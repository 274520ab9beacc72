/**
 * Simpler plans to try when a failing one is shrunk.
 *
 * @module
 */
import type { Plan } from "../plan/plan.ts";
import type { Simplification } from "../workload.ts";
import { type CoreParameters, readParameters } from "./parameters.ts";

/**
 * Offers simpler plans: an easier world, fewer partitions, less load.
 *
 * @param plan a failing plan
 * @returns simpler ones, most promising first
 */
export function* simplifyCore(plan: Plan): Iterable<Simplification> {
  const now = readParameters(plan.parameters);
  const simpler = (what: string, change: Partial<CoreParameters>): Simplification => ({
    what,
    plan: { ...plan, parameters: { ...now, ...change } },
  });
  const lastMs = Math.max(0, ...[...plan.operations, ...plan.faults].map(({ atMs }) => atMs));
  const loadMs = Math.max(1_000, Math.ceil(lastMs / 1_000) * 1_000 + 2_000);
  if (loadMs < now.loadMs) yield simpler("a shorter load", { loadMs });
  if (now.partitions > 2) {
    yield simpler("few partitions", { partitions: 2 });
    yield simpler("half the partitions", { partitions: Math.ceil(now.partitions / 2) });
  }
  if (now.drift > 0) yield simpler("true clocks", { drift: 0 });
  if (now.slowChance > 0) yield simpler("no slow messages", { slowChance: 0 });
  if (now.latencyMaxMs > 0.5) yield simpler("a quick network", { latencyMaxMs: 0.5 });
  if (now.workMaxMs > 0) yield simpler("quick handlers", { workMinMs: 0, workMaxMs: 0 });
  if (now.ratePerSecond > 5) yield simpler("few messages", { ratePerSecond: 5 });
  if (now.version !== "2.15.1") yield simpler("a new server", { version: "2.15.1" });
}
