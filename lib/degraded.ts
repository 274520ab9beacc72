/**
 * Degraded mode: the server is out of reach. Work goes on as long as the lease lasts; the longer it takes, the louder the alerts.
 *
 * @module
 */
import type { DegradedAlertConfig, DegradedBehaviorConfig } from "./config.ts";
import type { AlertLevel } from "./hooks.ts";
import type { Clock, Timer } from "./ports/clock.ts";

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
  #connected = true;
  #thresholdTimer: Timer | undefined;
  #alertTimer: Timer | undefined;

  /** @param options what it needs */
  constructor(options: DegradedOptions) {
    this.#options = options;
  }

  /** Whether degraded mode is on. */
  get degraded(): boolean {
    return this.#degradedSinceMs !== undefined;
  }

  /** The connection is gone. */
  disconnected(): void {
    this.#connected = false;
    this.#thresholdTimer?.cancel();
    if (this.degraded) return;
    this.#thresholdTimer = this.#options.clock.setTimer(
      this.#options.behavior.enterThresholdMs,
      () => this.#enter(),
    );
  }

  /** The connection is back. */
  reconnected(): void {
    this.#connected = true;
    this.#leaveLater();
  }

  /** An operation on a bucket failed. So many within the window are as bad as no connection. */
  kvError(): void {
    const { clock, behavior } = this.#options;
    const now = clock.monotonicMs();
    this.#kvErrors.push(now);
    while (this.#kvErrors[0] !== undefined && this.#kvErrors[0] < now - behavior.kvErrorWindowMs) {
      this.#kvErrors.shift();
    }
    if (behavior.kvErrorThreshold > 0 && this.#kvErrors.length >= behavior.kvErrorThreshold) {
      this.#kvErrors.length = 0;
      this.#enter();
      if (this.#connected) this.#leaveLater();
    }
  }

  /** Ends the monitor. */
  close(): void {
    this.#thresholdTimer?.cancel();
    this.#alertTimer?.cancel();
  }

  #leaveLater(): void {
    this.#thresholdTimer?.cancel();
    if (!this.degraded) return;
    this.#thresholdTimer = this.#options.clock.setTimer(
      this.#options.behavior.exitThresholdMs,
      () => this.#leave(),
    );
  }

  #enter(): void {
    if (this.degraded) return;
    this.#degradedSinceMs = this.#options.clock.monotonicMs();
    this.#options.onChange(true, 0);
    this.#armAlert();
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

  /** The next alert: when a level is reached, and again after each interval. */
  #armAlert(): void {
    const { clock, alerts } = this.#options;
    const thresholds = [
      alerts.infoThresholdMs,
      alerts.warnThresholdMs,
      alerts.errorThresholdMs,
      alerts.criticalThresholdMs,
    ];
    const passedMs = this.#durationMs();
    const next = thresholds.find((thresholdMs) => thresholdMs > passedMs) ?? Infinity;
    const repeatMs = passedMs >= alerts.infoThresholdMs ? alerts.alertIntervalMs : Infinity;
    const delayMs = Math.min(next - passedMs, repeatMs);
    if (delayMs === Infinity) return;
    this.#alertTimer = clock.setTimer(Math.max(1, delayMs), () => {
      const level = levelOf(this.#durationMs(), alerts);
      if (level !== undefined) this.#options.onAlert(level, this.#durationMs());
      this.#armAlert();
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
