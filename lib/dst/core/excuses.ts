/**
 * Whom the others may take for dead: whose process was killed or paused, or who was cut off. What such a one does may overlap with its
 * successor; its effects may not.
 *
 * @module
 */

/** Whoever has renewed a lease within this share of its TTL is alive to everybody: no clock is so fast, and no news so old. */
export const SURELY_ALIVE = 0.9;

/** So long what was sent before a fault may still arrive, in milliseconds. */
const EXCUSE_MS = 1_000;

/** Keeps the excuses, by instance. */
export class Excuses {
  readonly #sinceMs = new Map<string, number>();
  /** When each instance renewed its lease last. */
  readonly #renewedMs = new Map<string, number>();

  /** The others may take this instance for dead from now on. */
  add(instance: string, nowMs: number): void {
    this.#sinceMs.set(instance, nowMs);
  }

  /** Whether the others may take it for dead. */
  has(instance: string): boolean {
    return this.#sinceMs.has(instance);
  }

  /**
   * Whether it has shown that it lives, although it may have been taken for dead before: it has renewed its lease over a connection that it
   * made after that.
   *
   * @param instance whose lease
   * @param connectedAtMs since when it is connected, in true virtual milliseconds
   */
  isProven(instance: string, connectedAtMs: number): boolean {
    const sinceMs = this.#sinceMs.get(instance);
    if (sinceMs === undefined) return true;
    return sinceMs < connectedAtMs && connectedAtMs <= this.renewedMs(instance);
  }

  /** When an instance last wrote its lease, in true virtual milliseconds; -∞ if it never has. */
  renewedMs(instance: string): number {
    return this.#renewedMs.get(instance) ?? -Infinity;
  }

  /**
   * It has renewed its lease. What was under way when the fault struck may still arrive; a renewal later than that proves that it has
   * lived on.
   *
   * @param instance whose lease
   * @param nowMs when, in true virtual milliseconds
   * @param isFit whether its process runs and its connection is up
   * @returns true if that ends an excuse
   */
  renewed(instance: string, nowMs: number, isFit: boolean): boolean {
    this.#renewedMs.set(instance, nowMs);
    const sinceMs = this.#sinceMs.get(instance);
    if (sinceMs === undefined || !isFit || nowMs - sinceMs <= EXCUSE_MS) return false;
    return this.#sinceMs.delete(instance);
  }
}
