/**
 * A node: a simulated machine on which one process at a time lives. It can be crashed, started again, paused, and asked to stop.
 *
 * @module
 */
import type { Kernel } from "./kernel.ts";
import { type ClockShape, TRUE_CLOCK } from "./drifting_clock.ts";
import { SimulationFailure } from "./failure.ts";
import { SimProcess } from "./process.ts";

export { type ClockShape, TRUE_CLOCK } from "./drifting_clock.ts";
export { SimProcess } from "./process.ts";

/**
 * What a process does with its life. It ends when this returns.
 *
 * @param life the process: its clock, its randomness, and the signal that asks it to end
 */
export type Main = (life: SimProcess) => Promise<void>;

/** What may differ from node to node. */
export interface SimNodeOptions {
  /** How its clocks go. They go right if left out. */
  readonly clock?: ClockShape;
  /** Called when a main function throws. If left out this is a failure of the run, as nobody has dealt with it. */
  readonly onMainFailed?: (error: unknown, life: SimProcess) => void;
}

/** How long a process may take to end by itself. */
const GRACE_MS = 5_000;

/** A node. */
export class SimNode {
  /** Its name, such as `worker-3`. */
  readonly name: string;
  readonly #kernel: Kernel;
  readonly #onMainFailed: (error: unknown, life: SimProcess) => void;
  #shape: ClockShape;
  #lives = 0;
  #main: Main | undefined;
  #process: SimProcess | undefined;

  /**
   * Nothing lives on it until {@linkcode boot}.
   *
   * @param kernel the kernel
   * @param name its name
   * @param options what may differ
   */
  constructor(kernel: Kernel, name: string, options: SimNodeOptions = {}) {
    this.#kernel = kernel;
    this.name = name;
    this.#shape = options.clock ?? TRUE_CLOCK;
    this.#onMainFailed = options.onMainFailed ?? ((error, life) => this.#fail(error, life));
  }

  /** The process that lives on it, or the last that did; undefined before the first. */
  get process(): SimProcess | undefined {
    return this.#process;
  }

  /** How many processes have lived on it. */
  get lives(): number {
    return this.#lives;
  }

  /** Whether a process lives on it; a paused one does. */
  get running(): boolean {
    return this.#process !== undefined && !this.#process.dead;
  }

  /** Whether its process stands still. */
  get paused(): boolean {
    return this.running && this.#process?.paused === true;
  }

  /**
   * Starts a process: `name#1`, then `name#2`, and so on.
   *
   * @param main what it does
   * @returns the process; its main function is called by an event of its own
   */
  boot(main: Main): SimProcess {
    if (this.running) throw new Error(`${this.name} is running already`);
    const life = new SimProcess(this.#kernel, `${this.name}#${++this.#lives}`, this.#shape);
    this.#process = life;
    this.#main = main;
    life.schedule(0, "boot", () => void this.#live(life, main));
    return life;
  }

  /** Ends the process at once, as a loss of power does. Nothing happens if there is none. */
  crash(): void {
    this.#process?.kill();
  }

  /** Crashes the process if one lives, and starts another with the same main function. */
  restart(): SimProcess {
    if (this.#main === undefined) throw new Error(`${this.name} was never started`);
    this.crash();
    return this.boot(this.#main);
  }

  /** Stops the process where it is, as SIGSTOP does. */
  pause(): void {
    this.#process?.pause();
  }

  /** Lets a paused process go on. */
  resume(): void {
    this.#process?.resume();
  }

  /**
   * Asks the process to end, and kills it if it takes too long. A paused one does not hear it in time unless it goes on.
   *
   * @param graceMs how long it may take, in milliseconds
   * @returns whether it ended by itself; true if there was none
   */
  stop(graceMs = GRACE_MS): Promise<boolean> {
    const life = this.#process;
    if (life === undefined || life.dead) return Promise.resolve(true);
    const grace = this.#kernel.schedule(graceMs, "grace is over", () => life.kill());
    const { promise, resolve } = Promise.withResolvers<boolean>();
    life.onDeath(() => {
      grace.cancel();
      // Who waits is another task, and is woken by an event of its own.
      this.#kernel.schedule(0, "process ended", () => resolve(life.exited));
    });
    life.terminate();
    return this.#kernel.awaiting(`${life.name} to stop`, promise);
  }

  /** Changes how the node's clocks go, for this process and those to come. */
  setClock(shape: ClockShape): void {
    this.#shape = shape;
    this.#process?.setClock(shape);
  }

  async #live(life: SimProcess, main: Main): Promise<void> {
    try {
      await main(life);
    } catch (error) {
      // What a dead process throws reaches nobody.
      if (!life.dead) this.#onMainFailed(error, life);
    }
    life.exit();
  }

  #fail(error: unknown, life: SimProcess): void {
    const text = error instanceof Error ? error.message : String(error);
    const message = `${life.name}: ${text}`;
    const failure = error instanceof SimulationFailure
      ? error
      : new SimulationFailure("crash", "main", message, this.#kernel.nowMs, error);
    this.#kernel.fail(failure);
  }
}
