/**
 * The leader's loop: looks whenever it is woken or a time has come, one look at a time, and again after a look that failed.
 *
 * @module
 */
import type { Clock, Timer } from "../../ports/clock.ts";
import { backoffMs, jitter, type Random } from "../../ports/random.ts";

/** What the loop needs. */
export interface LookLoopOptions {
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: Random;
  /** One look at everything. */
  readonly look: () => Promise<void>;
  /** Told of a look that failed, unless the loop has ended. Must not throw. */
  readonly onFailure: (error: unknown) => void;
}

const RETRY_MS = 100;
/** Short, since it may be an emergency that waits. */
const RETRY_MAX_MS = 1_000;

/** Looks again and again. */
export class LookLoop {
  readonly #options: LookLoopOptions;
  #timer: Timer | undefined;
  #nextLookMs = Infinity;
  #running: Promise<void> | undefined;
  #isRunning = false;
  #again = false;
  #failures = 0;
  #ended = false;

  /** @param options what it needs */
  constructor(options: LookLoopOptions) {
    this.#options = options;
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Looks now, or once more after the look under way. */
  wake(): void {
    if (this.#ended) return;
    this.#again = true;
    if (!this.#isRunning) this.#running = this.#run();
  }

  /**
   * Looks at the latest then. Each look forgets what was asked for before it.
   *
   * @param atMs when, on the monotonic clock, in milliseconds
   */
  wakeBy(atMs: number): void {
    this.#nextLookMs = Math.min(this.#nextLookMs, atMs);
    if (!this.#isRunning) this.#arm();
  }

  /** Ends it: no look begins any more. */
  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  /** Waits for the look under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#again && !this.#ended) {
      this.#again = false;
      this.#timer?.cancel();
      this.#nextLookMs = Infinity;
      try {
        await this.#options.look();
        this.#failures = 0;
      } catch (error) {
        if (!this.#ended) this.#failed(error);
        break;
      }
    }
    this.#isRunning = false;
    this.#arm();
  }

  #failed(error: unknown): void {
    const { clock, random, onFailure } = this.#options;
    onFailure(error);
    this.#failures++;
    const delayMs = backoffMs(RETRY_MS, this.#failures, RETRY_MAX_MS);
    this.wakeBy(clock.monotonicMs() + jitter(random, delayMs));
  }

  /** One timer for whatever is due first. */
  #arm(): void {
    this.#timer?.cancel();
    if (this.#ended || this.#nextLookMs === Infinity) return;
    const { clock } = this.#options;
    const delayMs = Math.max(0, this.#nextLookMs - clock.monotonicMs());
    this.#timer = clock.setTimer(delayMs, () => this.wake());
  }
}
