/**
 * One direction of a connection: what is sent arrives later, in the order in which it was sent, or not at all if the connection is cut.
 *
 * @module
 */
import type { Timer } from "../../ports/clock.ts";

/** Who schedules what arrives. */
export interface PipeOptions {
  /** True time, in virtual milliseconds. */
  readonly nowMs: () => number;
  /** Schedules an arrival at the receiver's process. */
  readonly schedule: (delayMs: number, label: string, arrive: () => void) => Timer;
  /** How long the next message is under way, in milliseconds. */
  readonly latencyMs: () => number;
}

/** Two messages never arrive at the same instant, or the seed would change their order. */
const SPACING_MS = 0.001;

/** A direction. */
export class Pipe {
  readonly #options: PipeOptions;
  /** In the order of their arrival; those before {@linkcode #arrived} have arrived. */
  #underWay: { readonly timer: Timer; readonly arrive: () => void }[] = [];
  #arrived = 0;
  readonly #kept: { readonly label: string; readonly arrive: () => void }[] = [];
  #lastMs = 0;
  #holding = false;
  #dropped = false;

  /** @param options who schedules what arrives */
  constructor(options: PipeOptions) {
    this.#options = options;
  }

  /** Whether what is sent is kept back. */
  get holding(): boolean {
    return this.#holding;
  }

  /**
   * Sends something.
   *
   * @param label what it is
   * @param arrive what happens when it arrives
   */
  send(label: string, arrive: () => void): void {
    if (this.#dropped) return;
    if (this.#holding) this.#kept.push({ label, arrive });
    else this.#launch(label, arrive);
  }

  /** From now on what is sent is kept back; what is under way still arrives. */
  hold(): void {
    this.#holding = true;
  }

  /** What was kept back sets out, and all that follows. */
  release(): void {
    this.#holding = false;
    for (const { label, arrive } of this.#kept.splice(0)) this.#launch(label, arrive);
  }

  /** Everything under way or kept back is lost, and all that the other side sends before it learns of the end. */
  drop(): void {
    this.#dropped = true;
    for (let i = this.#arrived; i < this.#underWay.length; i++) this.#underWay[i]!.timer.cancel();
    this.#underWay = [];
    this.#arrived = 0;
    this.#kept.length = 0;
  }

  #launch(label: string, arrive: () => void): void {
    const nowMs = this.#options.nowMs();
    const atMs = Math.max(nowMs + this.#options.latencyMs(), this.#lastMs + SPACING_MS);
    this.#lastMs = atMs;
    const timer = this.#options.schedule(atMs - nowMs, label, this.#arrive);
    this.#underWay.push({ timer, arrive });
  }

  /** What arrives is always what has been under way longest. */
  readonly #arrive = (): void => {
    const { arrive } = this.#underWay[this.#arrived]!;
    if (++this.#arrived === this.#underWay.length) {
      this.#underWay.length = 0;
      this.#arrived = 0;
    }
    arrive();
  };
}
