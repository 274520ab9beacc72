/**
 * Memory of this process after all garbage is collected.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";

/** What a process holds. */
export interface Memory {
  /** What JavaScript's objects take, in bytes. */
  readonly heapBytes: number;
  /** What buffers outside of the heap take, in bytes. */
  readonly externalBytes: number;
  /** All memory of the process that is in RAM, in bytes. */
  readonly rssBytes: number;
}

/** How memory is looked at. */
export interface MemoryPorts {
  /** Collects all garbage. */
  readonly collect: () => void;
  /** What is in use. */
  readonly usage: () => { heapUsed: number; external: number; rss: number };
  /** Lets finalisers and what has become due run. */
  readonly breathe: () => Promise<void>;
}

/** The environment variable that has a child expose its collector: it works from source and in a compiled program. */
export const EXPOSE_GC: Readonly<Record<string, string>> = { DENO_V8_FLAGS: "--expose-gc" };

/** A heap that shrinks by less than this is as small as it gets. */
const TOLERANCE = 0.001;
const STEADY_TURNS = 3;
const MAX_TURNS = 15;
const BREATH_MS = 2;

/**
 * Collects until the heap does not shrink any more, and tells the least it was: one collection leaves what is only reachable from
 * finalisers, and messages under way come and go.
 *
 * @param ports how it is looked at; by default this process
 * @returns what is left
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if this process was not started with {@linkcode EXPOSE_GC}
 */
export async function collectedMemory(ports: MemoryPorts = thisProcess()): Promise<Memory> {
  let least = Infinity;
  let external = Infinity;
  for (let turn = 0, steady = 0; turn < MAX_TURNS && steady < STEADY_TURNS; turn++) {
    ports.collect();
    const usage = ports.usage();
    steady = usage.heapUsed < least * (1 - TOLERANCE) ? 0 : steady + 1;
    least = Math.min(least, usage.heapUsed);
    external = Math.min(external, usage.external);
    await ports.breathe();
  }
  return { heapBytes: least, externalBytes: external, rssBytes: ports.usage().rss };
}

function thisProcess(): MemoryPorts {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) {
    throw new PartiError("PARTI_INVALID_CONFIG", "this process cannot collect its garbage", {
      hint: "start it with DENO_V8_FLAGS=--expose-gc",
    });
  }
  return {
    collect,
    usage: () => Deno.memoryUsage(),
    breathe: () => new Promise((resolve) => setTimeout(resolve, BREATH_MS)),
  };
}
