/**
 * A collector that cannot break what it measures.
 *
 * @module
 */
import { describeError, PartiError } from "../errors.ts";
import { type MetricsCollector, noMetrics } from "./collector.ts";

/**
 * Wraps a collector so that its calls never throw. A collector that fails does so at each call, so only the first error of each method is
 * told.
 *
 * @param collector the application's
 * @param onError told of the first error of each method
 * @returns the same collector, guarded
 */
export function guardedMetrics(
  collector: MetricsCollector,
  onError: (error: PartiError) => void,
): MetricsCollector {
  const told = new Set<string>();
  const guarded: Record<string, (...args: unknown[]) => void> = {};
  for (const name of Object.keys(noMetrics) as (keyof MetricsCollector)[]) {
    guarded[name] = (...args) => {
      try {
        (collector[name] as (...args: unknown[]) => void)(...args);
      } catch (cause) {
        if (told.has(name)) return;
        told.add(name);
        onError(
          new PartiError("PARTI_METRICS_FAILED", `metrics.${name}: ${describeError(cause)}`, {
            cause,
            value: name,
            hint: "nothing else is affected; it is told once",
          }),
        );
      }
    };
  }
  return guarded as unknown as MetricsCollector;
}
