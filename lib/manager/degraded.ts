/**
 * Degraded mode: the server is out of reach. Work goes on as long as the lease lasts; the longer it takes, the louder the alerts.
 *
 * @module
 */
import type { DegradedAlertConfig, DegradedBehaviorConfig } from "../config/config.ts";
import type { AlertLevel } from "./hooks.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/** What the monitor needs. */
export interface DegradedOptions {
  /** Time. */
  readonly clock: Clock;
  /** When it begins and ends. */
  readonly behavior: DegradedBehaviorConfig;
  /** When alerts are raised. */
  readonly alerts: DegradedAlertConfig;
  /** Told when degraded mode begins (true) and ends (false), with how long it lasted in milliseconds. */
  readonly onChange: (degraded: boolean, durationMs: number) => void;
  /** Told of each alert. */
  readonly onAlert: (level: AlertLevel, durationMs: number) => void;
}

/** Decides when a worker is degraded. */
export class DegradedMonitor {
  readonly #options: DegradedOptions;
  readonly #kvErrors: number[] = [];
  #degradedSinceMs: number | undefined;
  #recoveringUntilMs: number | undefined;
  #connected = true;
  #closed = false;
  #enterTimer: Timer | undefined;
  #leaveTimer: Timer | undefined;
  #alertTimer: Timer | undefined;

  /** @param options what it needs */
  constructor(options: DegradedOptions) {
    this.#options = options;
  }

  /** Whether degraded mode is on. */
  get degraded(): boolean {
    return this.#degradedSinceMs !== undefined;
  }

  /**
   * Until when others that were cut off as well are to be given the time to come back, on the monotonic clock in milliseconds: counted
   * from the last reconnect in degraded mode. Undefined before the first. A time in which only the buckets failed does not count: no
   * worker's connection went by it.
   */
  get recoveringUntilMs(): number | undefined {
    return this.#recoveringUntilMs;
  }

  /** The connection is gone. Said again while it is, it changes nothing: the time counts from the first. */
  disconnected(): void {
    if (this.#closed || !this.#connected) return;
    this.#connected = false;
    this.#leaveTimer?.cancel();
    if (this.degraded) return;
    const { clock, behavior } = this.#options;
    this.#enterTimer = clock.setTimer(behavior.enterThresholdMs, () => this.#enter());
  }

  /** The connection is back. */
  reconnected(): void {
    if (this.#closed) return;
    this.#connected = true;
    this.#enterTimer?.cancel();
    // What failed before belongs to the outage that is over.
    this.#kvErrors.length = 0;
    if (this.degraded) {
      const { clock, behavior } = this.#options;
      this.#recoveringUntilMs = clock.monotonicMs() + behavior.recoveryGracePeriodMs;
    }
    this.#leaveLater();
  }

  /**
   * An operation on a bucket failed. So many within the window are as bad as no connection; while there is none, the time
   * since it went decides alone.
   */
  kvError(): void {
    if (this.#closed || !this.#connected) return;
    // The buckets must have answered for a while before it ends.
    if (this.degraded) return this.#leaveLater();
    const { clock, behavior } = this.#options;
    const now = clock.monotonicMs();
    this.#kvErrors.push(now);
    while (this.#kvErrors[0] !== undefined && this.#kvErrors[0] < now - behavior.kvErrorWindowMs) {
      this.#kvErrors.shift();
    }
    if (behavior.kvErrorThreshold <= 0 || this.#kvErrors.length < behavior.kvErrorThreshold) return;
    this.#kvErrors.length = 0;
    this.#enter();
    this.#leaveLater();
  }

  /** Ends the monitor; nothing is told any more. */
  close(): void {
    this.#closed = true;
    this.#enterTimer?.cancel();
    this.#leaveTimer?.cancel();
    this.#alertTimer?.cancel();
  }

  #leaveLater(): void {
    this.#leaveTimer?.cancel();
    if (!this.degraded) return;
    const { clock, behavior } = this.#options;
    this.#leaveTimer = clock.setTimer(behavior.exitThresholdMs, () => this.#leave());
  }

  #enter(): void {
    if (this.degraded) return;
    this.#degradedSinceMs = this.#options.clock.monotonicMs();
    this.#options.onChange(true, 0);
    this.#armAlert(undefined);
  }

  #leave(): void {
    if (this.#degradedSinceMs === undefined) return;
    const durationMs = this.#durationMs();
    this.#degradedSinceMs = undefined;
    this.#alertTimer?.cancel();
    this.#options.onChange(false, durationMs);
  }

  #durationMs(): number {
    return this.#options.clock.monotonicMs() - (this.#degradedSinceMs ?? 0);
  }

  /** The next alert: when the next level is reached, and the present one again after each interval. */
  #armAlert(lastAtMs: number | undefined): void {
    if (this.#closed || !this.degraded) return;
    const { clock, alerts } = this.#options;
    const passedMs = this.#durationMs();
    const thresholds = [
      alerts.infoThresholdMs,
      alerts.warnThresholdMs,
      alerts.errorThresholdMs,
      alerts.criticalThresholdMs,
    ];
    const next = thresholds.find((thresholdMs) => thresholdMs > (lastAtMs ?? -1)) ?? Infinity;
    const repeat = lastAtMs === undefined ? Infinity : lastAtMs + alerts.alertIntervalMs;
    const delayMs = Math.max(0, Math.min(next, repeat) - passedMs);
    this.#alertTimer = clock.setTimer(delayMs, () => {
      const durationMs = this.#durationMs();
      const level = levelOf(durationMs, alerts);
      if (level !== undefined) this.#options.onAlert(level, durationMs);
      this.#armAlert(level === undefined ? lastAtMs : durationMs);
    });
  }
}

/**
 * The alert level after some time in degraded mode.
 *
 * @param durationMs how long it has lasted, in milliseconds
 * @param alerts the thresholds
 * @returns the level, undefined below the first threshold
 */
export function levelOf(durationMs: number, alerts: DegradedAlertConfig): AlertLevel | undefined {
  if (durationMs >= alerts.criticalThresholdMs) return "critical";
  if (durationMs >= alerts.errorThresholdMs) return "error";
  if (durationMs >= alerts.warnThresholdMs) return "warn";
  if (durationMs >= alerts.infoThresholdMs) return "info";
  return undefined;
}
