/**
 * One run from beginning to end: a kernel, the guards around it, and what came of it.
 *
 * @module
 */
import { watchCrashes } from "../host/crashes.ts";
import { installStubs, type StubOptions } from "../host/stubs.ts";
import { SimulationFailure } from "./failure.ts";
import { Kernel, type KernelOptions } from "./kernel.ts";
import type { Trace } from "./trace.ts";

/**
 * What drives a simulation. It must follow from the kernel's seed alone.
 *
 * @param kernel the kernel
 */
export type Workload<T = void> = (kernel: Kernel) => Promise<T>;

/** What a run is made from. */
export interface SimulationOptions extends KernelOptions {
  /** Which globals stay although they lead out; `false` leaves all as they are. All are replaced by stubs if left out. */
  readonly stubs?: StubOptions | false;
}

/** What came of a run. */
export interface Outcome<T> {
  /** The seed. */
  readonly seed: number;
  /** What the workload returned; undefined if the run failed. */
  readonly value: T | undefined;
  /** Why it failed; undefined if it did not. */
  readonly failure: SimulationFailure | undefined;
  /** What happened. */
  readonly trace: Trace;
  /** How many events were fired. */
  readonly events: number;
  /** How much virtual time passed, in milliseconds. */
  readonly virtualMs: number;
}

/**
 * Runs a workload. Escapes and errors that nobody handled are failures of the run, even if the workload has caught what it got.
 *
 * @param options the seed and the bounds
 * @param work what drives the simulation
 * @returns what came of it; a failure is returned, not thrown
 */
export async function simulate<T>(
  options: SimulationOptions,
  work: Workload<T>,
): Promise<Outcome<T>> {
  const kernel = new Kernel(options);
  const host = {
    nowMs: () => kernel.nowMs,
    onEscape: (failure: SimulationFailure) => kernel.fail(failure),
  };
  const { stubs } = options;
  const putBack = stubs === false ? () => {} : installStubs(host, stubs);
  const stopWatching = watchCrashes((what, error) => kernel.fail(crash(what, error, kernel.nowMs)));
  let value: T | undefined;
  try {
    value = await kernel.run(() => work(kernel));
  } catch (error) {
    if (error !== kernel.failure) throw error;
  } finally {
    stopWatching();
    putBack();
  }
  const { seed, failure, trace, eventCount: events, nowMs: virtualMs } = kernel;
  return { seed, value, failure, trace, events, virtualMs };
}

function crash(what: string, error: unknown, atMs: number): SimulationFailure {
  if (error instanceof SimulationFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SimulationFailure("crash", what, message, atMs, error);
}
