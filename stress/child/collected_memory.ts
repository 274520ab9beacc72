/**
 * Memory of this process after all garbage is collected.
 *
 * @module
 */
import v8 from "node:v8";

/** What a process holds. */
export interface Memory {
  /** The whole heap, in bytes: objects, and code that V8 has compiled. */
  readonly heapBytes: number;
  /** The part of it that is compiled code and what belongs to that, in bytes. It grows for minutes, as V8 optimises what is used often. */
  readonly codeBytes: number;
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
  readonly usage: () => { heapUsed: number; code: number; external: number; rss: number };
  /** Lets finalisers and what has become due run. */
  readonly breathe: () => Promise<void>;
}

/** The environment variable that has a child expose its collector: it works from source and in a compiled program. */
export const EXPOSE_GC: Readonly<Record<"DENO_V8_FLAGS", string>> = {
  DENO_V8_FLAGS: "--expose-gc",
};

/** A heap that shrinks by less than this is as small as it gets. */
const TOLERANCE = 0.001;
const STEADY_TURNS = 3;
const MAX_TURNS = 15;
const BREATH_MS = 2;

/**
 * Collects until the heap does not shrink any more, and tells the least it was: one collection leaves what is only reachable from
 * finalisers, and messages under way come and go.
 *
 * @param given how it is looked at; by default this process
 * @returns what is left
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if this process was not started with {@linkcode EXPOSE_GC}
 */
export async function collectedMemory(given?: MemoryPorts): Promise<Memory> {
  const ports = given ?? await thisProcess();
  let least = Infinity;
  let external = Infinity;
  let code = 0;
  for (let turn = 0, steady = 0; turn < MAX_TURNS && steady < STEADY_TURNS; turn++) {
    ports.collect();
    const usage = ports.usage();
    steady = usage.heapUsed < least * (1 - TOLERANCE) ? 0 : steady + 1;
    if (usage.heapUsed < least) [least, code] = [usage.heapUsed, usage.code];
    external = Math.min(external, usage.external);
    await ports.breathe();
  }
  const { rss: rssBytes } = ports.usage();
  return { heapBytes: least, codeBytes: code, externalBytes: external, rssBytes };
}

async function thisProcess(): Promise<MemoryPorts> {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) {
    // A process whose memory is measured loads nothing that it does not need.
    const { PartiError } = await import("../../lib/errors.ts");
    throw new PartiError("PARTI_INVALID_CONFIG", "this process cannot collect its garbage", {
      hint: "start it with DENO_V8_FLAGS=--expose-gc",
    });
  }
  return {
    collect,
    usage: () => ({ ...Deno.memoryUsage(), code: codeInUse() }),
    breathe: () => new Promise((resolve) => setTimeout(resolve, BREATH_MS)),
  };
}

function codeInUse(): number {
  return v8.getHeapSpaceStatistics()
    .filter(({ space_name }) => /^(?:code|trusted)_/.test(space_name))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
}
