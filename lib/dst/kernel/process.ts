/**
 * A process: one life on a node. When it ends its timers, messages and promises have no effect any more. While it is paused it stands
 * still, and so does nothing else.
 *
 * @module
 */
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import { drawnRandom, Draws } from "../draw.ts";
import { type Checkpoint, Checkpoints } from "./checkpoint.ts";
import { type ClockShape, DriftingClock, TRUE_CLOCK } from "./drifting_clock.ts";
import type { EventOwner, SimEvent } from "./event_heap.ts";
import type { Kernel } from "./kernel.ts";

/** A machine has run for a while when a process starts. Each shows another time: who compares the clocks of two processes finds out. */
const UPTIME_MIN_MS = 100_000;
const UPTIME_MAX_MS = 1_000_000_000;

/** One life of a process on a node. */
export class SimProcess implements EventOwner {
  /** The node and the number of the life, such as `worker-3#2`. */
  readonly name: string;
  /** See {@linkcode EventOwner.ties}. */
  readonly ties: Map<string, Draws> = new Map();
  /** Its clock. Timers that are due while it is paused fire when it goes on. */
  readonly clock: Clock;
  /** Its randomness. What it draws is in the trace. */
  readonly random: Random;
  /** Fires when the process is asked to end, as SIGTERM does. Only its main function listens. */
  readonly stopping: AbortSignal;
  /** Lets others go first, as an event of this process. */
  readonly checkpoint: Checkpoint;
  readonly #kernel: Kernel;
  readonly #clock: DriftingClock;
  readonly #stop = new AbortController();
  readonly #onDeath = new Set<() => void>();
  readonly #held: SimEvent[] = [];
  #diedAtEvent: number | undefined;
  #exited = false;
  #paused = false;
  #timersLeft = 0;

  /**
   * It lives from now on.
   *
   * @param kernel the kernel
   * @param name the node and the number of the life
   * @param shape how its clocks go
   */
  constructor(kernel: Kernel, name: string, shape: ClockShape = TRUE_CLOCK) {
    this.#kernel = kernel;
    this.name = name;
    this.random = this.#tracedRandom();
    this.stopping = this.#stop.signal;
    const host = {
      nowMs: () => kernel.nowMs,
      schedule: (delayMs: number, label: string, fire: () => void) =>
        this.schedule(delayMs, label, fire),
      mayAct: (effect: string) => this.mayAct(effect),
    };
    const uptime = new Draws(kernel.seed, "uptime", name);
    this.#clock = new DriftingClock(host, shape, uptime.integer(UPTIME_MIN_MS, UPTIME_MAX_MS));
    this.clock = this.#clock;
    const checkpoints = new Checkpoints(kernel.seed, name);
    this.checkpoint = (place) => {
      const { label, delayMs } = checkpoints.pass(place);
      return new Promise((resolve) => {
        if (this.mayAct(label)) this.schedule(delayMs, label, resolve);
      });
    };
  }

  /** The process is no more. */
  get dead(): boolean {
    return this.#diedAtEvent !== undefined;
  }

  /** It ended by itself. */
  get exited(): boolean {
    return this.#exited;
  }

  /** The process stands still. */
  get paused(): boolean {
    return this.#paused;
  }

  /** How many of its timers wait: what was closed must leave none. */
  get pendingTimers(): number {
    return this.#clock.pendingTimers;
  }

  /** How many timers waited when it ended. One whose main function has returned should have left none. */
  get timersLeft(): number {
    return this.#timersLeft;
  }

  /**
   * Schedules something that happens to this process: a message arrives, a wait ends. Nothing happens to a dead one.
   *
   * @param delayMs in how many true milliseconds
   * @param label what it is
   * @param fire makes it happen
   * @param quiet see {@linkcode Kernel.schedule}
   */
  schedule(delayMs: number, label: string, fire: () => void, quiet = false): Timer {
    return this.#kernel.schedule(delayMs, label, fire, this, quiet);
  }

  /**
   * Asked before every effect on the world outside: code of a dead process may still run, but must not have any.
   *
   * @param effect what is about to be done, such as `send a request`, from a small set of texts
   * @returns false if the process is dead; this is counted in {@linkcode Kernel.refusals}
   */
  mayAct(effect: string): boolean {
    if (this.#diedAtEvent === undefined) return true;
    this.#kernel.refuse(this.name, effect, this.#diedAtEvent);
    return false;
  }

  /** See {@linkcode EventOwner.hold}. */
  hold(event: SimEvent): boolean {
    if (this.#paused) this.#held.push(event);
    return this.#paused;
  }

  /** Called when the process ends, however it does; at once if it has ended. */
  onDeath(listener: () => void): void {
    if (this.dead) listener();
    else this.#onDeath.add(listener);
  }

  /** Asks the process to end, as SIGTERM does: {@linkcode stopping} fires. A paused process hears it when it goes on. */
  terminate(): void {
    this.schedule(0, "stop signal", () => this.#stop.abort());
  }

  /** Ends the process by itself: its main function has returned. */
  exit(): void {
    if (this.dead) return;
    this.#exited = true;
    this.kill();
  }

  /** Ends the process at once, as SIGKILL does. */
  kill(): void {
    if (this.dead) return;
    this.#diedAtEvent = this.#kernel.eventCount;
    this.#timersLeft = this.#clock.pendingTimers;
    this.#note(this.#exited ? "exited" : "killed");
    this.#clock.stop();
    this.#held.length = 0;
    for (const listener of this.#onDeath) listener();
    this.#onDeath.clear();
  }

  /** Stops the process where it is, as SIGSTOP does. Its clock goes on. */
  pause(): void {
    if (this.#paused || this.dead) return;
    this.#paused = true;
    this.#note("paused");
  }

  /** Lets it go on: what was due meanwhile happens now, in the order in which it was due. */
  resume(): void {
    if (!this.#paused || this.dead) return;
    this.#paused = false;
    this.#note("resumed");
    this.#kernel.release(this.#held.splice(0), this);
  }

  /** Changes how its clocks go from now on. The monotonic clock never jumps, and never goes back. */
  setClock(shape: ClockShape): void {
    this.#clock.setShape(shape);
  }

  #note(label: string, value = 0): void {
    this.#kernel.trace.note(this.#kernel.nowMs, this.name, label, value);
  }

  /** Two runs that draw differently part here, and not only where it shows. */
  #tracedRandom(): Random {
    const random = drawnRandom(this.#kernel.seed, this.name);
    return {
      float: () => {
        const value = random.float();
        this.#note("drawn float", value);
        return value;
      },
      uuid: () => {
        const id = random.uuid();
        this.#note("drawn uuid", Number.parseInt(id.slice(0, 8), 16));
        return id;
      },
    };
  }
}
