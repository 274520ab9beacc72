/**
 * A collector that cannot break what it measures.
 *
 * @module
 */
import { describeError, PartiError } from "../errors.ts";
import { type MetricsCollector, noMetrics } from "./collector.ts";

/** Calls a collector. Its methods are made below, once for all: a worker has one, and so many functions would be several kilobytes. */
class Guard {
  readonly #collector: MetricsCollector;
  readonly #onError: (error: PartiError) => void;
  /** The methods whose first error was told; made with the first. */
  #told: Set<string> | undefined;

  constructor(collector: MetricsCollector, onError: (error: PartiError) => void) {
    this.#collector = collector;
    this.#onError = onError;
  }

  static {
    for (const name of Object.keys(noMetrics) as (keyof MetricsCollector)[]) {
      const value = function (this: Guard, ...args: unknown[]): void {
        this.#call(name, args);
      };
      Object.defineProperty(this.prototype, name, { value });
    }
  }

  #call(name: keyof MetricsCollector, args: readonly unknown[]): void {
    try {
      (this.#collector[name] as (...args: readonly unknown[]) => void)(...args);
    } catch (cause) {
      this.#told ??= new Set();
      if (this.#told.has(name)) return;
      this.#told.add(name);
      this.#onError(
        new PartiError("PARTI_METRICS_FAILED", `metrics.${name}: ${describeError(cause)}`, {
          cause,
          value: name,
          hint: "nothing else is affected; it is told once",
        }),
      );
    }
  }
}

/**
 * Wraps a collector so that its calls never throw. A collector that fails does so at each call, so only the first error of each method is
 * told.
 *
 * @param collector the application's
 * @param onError told of the first error of each method
 * @returns the same collector, guarded. Its methods are to be called as such
 */
export function guardedMetrics(
  collector: MetricsCollector,
  onError: (error: PartiError) => void,
): MetricsCollector {
  return new Guard(collector, onError) as unknown as MetricsCollector;
}
