/**
 * Writes a run's checkpoints while it goes on: at intervals, and soon after something that must not be forgotten.
 *
 * @module
 */
import { describeError } from "../../lib/errors.ts";
import { writeCheckpoint } from "./checkpoint_file.ts";

/** What writing checkpoints needs. */
export interface CheckpointsOptions {
  /** Where they go; must exist. */
  readonly folder: string;
  /** How long between two, in milliseconds. */
  readonly intervalMs: number;
  /** How many are kept. */
  readonly keep: number;
  /** What is to be written, as it is now. */
  readonly take: () => unknown;
  /** Told of each one that could not be written: the run goes on, and so do the attempts. */
  readonly onTrouble: (message: string) => void;
}

/** The longest delay `setTimeout` takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Writes them. */
export class Checkpoints implements AsyncDisposable {
  readonly #options: CheckpointsOptions;
  #timer: ReturnType<typeof setInterval> | undefined;
  #writing: Promise<void> | undefined;
  #again = false;
  #closed = false;

  /** @param options what it needs */
  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** From now on one is written at each interval; the first one at once. */
  start(): void {
    const intervalMs = Math.min(this.#options.intervalMs, MAX_DELAY_MS);
    this.#timer ??= setInterval(() => this.soon(), intervalMs);
    this.soon();
  }

  /** Writes one, or one more if one is being written. */
  soon(): void {
    if (this.#closed || this.#timer === undefined) return;
    this.#again = true;
    this.#writing ??= this.#write().finally(() => this.#writing = undefined);
  }

  /** Writes what is under way and nothing more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { folder, keep, take, onTrouble } = this.#options;
    while (this.#again) {
      this.#again = false;
      try {
        await writeCheckpoint(folder, take(), new Date(), keep);
      } catch (error) {
        onTrouble(describeError(error));
      }
    }
  }
}
