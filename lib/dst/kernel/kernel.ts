/**
 * The kernel: virtual time that jumps to the next event. One event is fired, everything that it sets off runs until it waits for another
 * event, the invariants are checked, and the next one follows.
 *
 * One thing cannot be caught from inside: a loop of promises that never waits for an event, such as `while (true) await undefined`. The
 * macrotask by which the kernel would notice never comes. Whoever runs many seeds does so in workers or processes, and ends one that says
 * nothing for too long.
 *
 * @module
 */
import type { Timer } from "../../ports/clock.ts";
import { Draws } from "../draw.ts";
import { everyHop } from "../host/hop.ts";
import { Awaited } from "./awaited.ts";
import { EventHeap, type EventOwner, SimEvent } from "./event_heap.ts";
import { SimulationFailure } from "./failure.ts";
import type { KernelOptions } from "./kernel_options.ts";
import { Bounds } from "./limits.ts";
import { Refusals } from "./refusals.ts";
import { Trace } from "./trace.ts";

export type { KernelOptions } from "./kernel_options.ts";
export { DEFAULT_LIMITS, type KernelLimits } from "./limits.ts";

/** Runs events in virtual time. */
export class Kernel {
  /** The seed of the run. */
  readonly seed: number;
  /** What has happened. */
  readonly trace: Trace;
  /** What dead processes tried to do. */
  readonly refusals: Refusals = new Refusals();
  readonly #options: KernelOptions;
  readonly #bounds: Bounds;
  readonly #heap = new EventHeap();
  /** For events that happen to nobody's process. */
  readonly #ties = new Map<string, Draws>();
  readonly #invariants: { readonly name: string; readonly check: () => void }[] = [];
  readonly #awaited = new Awaited();
  #nowMs = 0;
  #serial = 0;
  #fired = 0;
  #failure: SimulationFailure | undefined;
  #running = false;
  /** Hands over what the work returned, once it has. */
  #settle: (() => void) | undefined;
  #reject: (failure: SimulationFailure) => void = () => {};

  /**
   * Nothing happens until {@linkcode run}.
   *
   * @param options what it is made from
   */
  constructor(options: KernelOptions) {
    this.seed = options.seed;
    this.trace = new Trace(options.onTrace);
    this.#options = options;
    this.#bounds = new Bounds(options.limits);
  }

  /** True time, in virtual milliseconds since the run began. No node sees it. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events were fired. */
  get eventCount(): number {
    return this.#fired;
  }

  /** How many events wait. */
  get pendingCount(): number {
    return this.#heap.liveCount;
  }

  /** The first failure; undefined while all is well. */
  get failure(): SimulationFailure | undefined {
    return this.#failure;
  }

  /**
   * Schedules an event.
   *
   * @param delayMs in how many virtual milliseconds, ≥ 0; `Infinity` is never
   * @param label what it is, from a small set of texts
   * @param fire makes it happen
   * @param owner to whose process; without one it happens whatever the nodes do
   * @param quiet a promise of the caller: `fire` settles no promise, aborts no signal and calls no code that does. The next event follows
   * without looking for what goes on, which is much quicker. For what a server does within itself
   * @returns the event, which can be cancelled
   */
  schedule(
    delayMs: number,
    label: string,
    fire: () => void,
    owner?: EventOwner,
    quiet = false,
  ): Timer {
    if (Number.isNaN(delayMs)) throw new RangeError(`${label} in NaN ms`);
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const tie = this.#tieOf(owner, label);
    const event = new SimEvent(atMs, tie, this.#serial++, label, owner, fire, quiet);
    if (event.atMs < Infinity) this.#heap.push(event);
    return event;
  }

  /**
   * Lets events that were held back happen now, in the order given, before anything else of this instant. Whoever scheduled them can still
   * cancel them.
   *
   * @param events the events, all of one process
   * @param owner the process, which goes on
   */
  release(events: readonly SimEvent[], owner?: EventOwner): void {
    if (owner !== undefined) this.#awaited.released(owner);
    for (const event of events) {
      if (event.cancelled) continue;
      event.atMs = this.#nowMs;
      event.tie = -1;
      event.serial = this.#serial++;
      this.#heap.push(event);
    }
  }

  /**
   * Checks something after every event. It fails by throwing.
   *
   * @param check what is checked
   * @param name which invariant it is, for failures
   */
  addInvariant(check: () => void, name = "invariant"): void {
    this.#invariants.push({ name, check });
  }

  /**
   * Names what is waited for, so that a deadlock can be told by name.
   *
   * @param name what is waited for
   * @param promise the waiting itself
   * @param owner whose process waits; when it is dead nobody does
   * @returns a promise that settles as the one given does
   */
  awaiting<T>(name: string, promise: Promise<T>, owner?: EventOwner): Promise<T> {
    return this.#awaited.add(name, promise, owner);
  }

  /** Waits in true virtual time. Only for what drives the simulation: nodes have clocks of their own. */
  sleep(delayMs: number, name = "sleep"): Promise<void> {
    return this.awaiting(
      name,
      new Promise((resolve) => void this.schedule(delayMs, name, resolve)),
    );
  }

  /** Ends the run with a failure; the first one counts. */
  fail(failure: SimulationFailure): void {
    failure.locate(this.seed);
    this.#failure ??= failure;
  }

  /**
   * Refuses an effect of a dead process, and counts it.
   *
   * @param name the name of the process
   * @param effect what it wanted to do
   * @param diedAtEvent how many events had been fired when it died
   */
  refuse(name: string, effect: string, diedAtEvent: number): void {
    const isLate = this.#fired > diedAtEvent;
    this.refusals.note(name, effect, isLate);
    if (!isLate || this.#options.lateEffects !== "fail") return;
    const message = `${name} is dead and tried to ${effect}`;
    this.fail(new SimulationFailure("assertion", "effect of the dead", message, this.#nowMs));
  }

  /**
   * Runs until the work is done.
   *
   * @param work what drives the simulation
   * @returns what it returned
   * @throws {SimulationFailure} an assertion, a detector, or an error of the work itself
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running) throw new Error("this kernel is running already");
    this.#running = true;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#reject = reject;
    // Work that throws before it returns a promise fails like any other.
    new Promise<T>((started) => started(work())).then(
      (value) => void (this.#settle = () => resolve(value)),
      (error) => this.fail(this.#asFailure(error, "work")),
    );
    everyHop(() => this.#goOn());
    return promise;
  }

  /** Called when all that was set off has run: fires the next event that sets something off. Returns false if the run is over. */
  #goOn(): boolean {
    for (;;) {
      this.#checkInvariants();
      if (this.#failure !== undefined || this.#settle !== undefined) return this.#end();
      const event = this.#next();
      if (event === undefined) return this.#end();
      this.#fire(event);
      if (!event.quiet || this.#options.distrustQuiet === true) return true;
    }
  }

  /** Keyed by who and what: another event more or less changes no other's. */
  #tieOf(owner: EventOwner | undefined, label: string): number {
    const ties = owner?.ties ?? this.#ties;
    let draws = ties.get(label);
    if (draws === undefined) {
      draws = new Draws(this.seed, `tie ${label}`, owner?.name);
      ties.set(label, draws);
    }
    return draws.bits();
  }

  /** The next event that happens to somebody; undefined if the run has failed for want of one. */
  #next(): SimEvent | undefined {
    for (;;) {
      const event = this.#heap.pop();
      if (event === undefined) {
        const waiting = this.#awaited.describe();
        this.#detect(
          "deadlock",
          "deadlock",
          `nothing will ever happen, and these wait: ${waiting}`,
        );
        return undefined;
      }
      const { owner } = event;
      if (event.cancelled || owner?.dead === true) continue;
      const breach = this.#bounds.check(event.atMs, this.#fired);
      if (breach !== undefined) {
        const { kind, check, message } = breach;
        this.#detect(kind, check, `${message}; these wait: ${this.#awaited.describe()}`);
        return undefined;
      }
      this.#nowMs = event.atMs;
      if (owner?.hold(event) !== true) return event;
      this.#awaited.held(owner);
    }
  }

  #fire(event: SimEvent): void {
    this.#fired++;
    try {
      this.trace.note(this.#nowMs, event.owner?.name ?? "", event.label);
      event.fire();
    } catch (error) {
      this.fail(this.#asFailure(error, event.label));
    }
  }

  #checkInvariants(): void {
    for (const { name, check } of this.#invariants) {
      try {
        check();
      } catch (error) {
        this.fail(this.#asFailure(error, name, "assertion"));
      }
    }
  }

  #end(): false {
    const settle = this.#settle;
    this.#running = false;
    this.#settle = undefined;
    if (this.#failure !== undefined) this.#reject(this.#failure);
    else settle?.();
    return false;
  }

  #detect(kind: SimulationFailure["kind"], check: string, message: string): void {
    this.fail(new SimulationFailure(kind, check, message, this.#nowMs));
  }

  #asFailure(
    error: unknown,
    where: string,
    kind: SimulationFailure["kind"] = "crash",
  ): SimulationFailure {
    if (error instanceof SimulationFailure) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new SimulationFailure(kind, where, message, this.#nowMs, error);
  }
}
