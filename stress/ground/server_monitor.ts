/**
 * What a nats-server tells of itself over HTTP, and what the system tells of its process. Asking costs the server next to nothing, and is
 * not among the messages it counts.
 *
 * @module
 */
import { orIfGone } from "../../tasks/or_if_gone.ts";
import * as v from "valibot";
import { PartiError } from "../../lib/errors.ts";

/** What a server has done since it was started. */
export interface ServerCounters {
  /** When it was looked at, on this process's monotonic clock. */
  readonly atMs: number;
  /** Messages from clients. */
  readonly inMessages: number;
  /** Messages to clients. */
  readonly outMessages: number;
  /** Bytes from clients. */
  readonly inBytes: number;
  /** Bytes to clients. */
  readonly outBytes: number;
  /** Its memory that is in RAM. */
  readonly rssBytes: number;
  /** Processor time it has had, in milliseconds; undefined where the system does not tell. */
  readonly cpuMs: number | undefined;
}

/** What a server holds for its clients. */
export interface ServerHandles {
  /** Connections of clients. */
  readonly connections: number;
  /** Their subscriptions. */
  readonly subscriptions: number;
  /** Consumers, of streams and of buckets. */
  readonly consumers: number;
}

/** What a server did in a stretch of time. */
export interface ServerWork {
  /** How long it was, in milliseconds. */
  readonly durationMs: number;
  /** Messages from and to clients. */
  readonly messages: number;
  /** Bytes from and to clients. */
  readonly bytes: number;
  /** Processor time, in milliseconds; undefined where the system does not tell. */
  readonly cpuMs: number | undefined;
}

const varz = v.object({
  ...{ in_msgs: v.number(), out_msgs: v.number(), in_bytes: v.number(), out_bytes: v.number() },
  mem: v.number(),
});
const connz = v.object({
  num_connections: v.number(),
  connections: v.array(v.object({ subscriptions: v.number() })),
});
const jsz = v.object({ consumers: v.number() });

/** Linux counts processor time in hundredths of a second, whatever its clock does. */
const MS_PER_TICK = 10;
const CONNECTIONS_MAX = 10_000;
const TIMEOUT_MS = 10_000;

/** One server. */
export class ServerMonitor {
  readonly #url: string;
  readonly #pid: number;

  /**
   * Asks nothing yet.
   *
   * @param url where it is monitored
   * @param pid its process
   */
  constructor(url: string, pid: number) {
    this.#url = url;
    this.#pid = pid;
  }

  /**
   * What it has done since it was started.
   *
   * @throws {PartiError} `PARTI_REFUSED` if it does not tell
   */
  async counters(): Promise<ServerCounters> {
    const told = await this.#ask("varz", varz);
    return {
      atMs: performance.now(),
      ...{ inMessages: told.in_msgs, outMessages: told.out_msgs },
      ...{ inBytes: told.in_bytes, outBytes: told.out_bytes },
      rssBytes: told.mem,
      cpuMs: readCpuMs(this.#pid),
    };
  }

  /**
   * What it holds for its clients now.
   *
   * @throws {PartiError} `PARTI_REFUSED` if it does not tell
   */
  async handles(): Promise<ServerHandles> {
    const clients = await this.#ask(`connz?limit=${CONNECTIONS_MAX}`, connz);
    const { consumers } = await this.#ask("jsz", jsz);
    return {
      connections: clients.num_connections,
      subscriptions: clients.connections.reduce((sum, one) => sum + one.subscriptions, 0),
      consumers,
    };
  }

  /**
   * What it does while something else is done.
   *
   * @param work that
   * @returns what it did meanwhile
   */
  async during(work: () => Promise<unknown>): Promise<ServerWork> {
    const before = await this.counters();
    await work();
    return workBetween(before, await this.counters());
  }

  async #ask<T>(path: string, schema: v.GenericSchema<T>): Promise<T> {
    const response = await fetch(`${this.#url}/${path}`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { success, output, issues } = v.safeParse(schema, await response.json());
    if (success) return output;
    throw new PartiError("PARTI_REFUSED", `the server's /${path} cannot be understood`, {
      value: path,
      cause: new v.ValiError(issues),
    });
  }
}

/**
 * What a server did between two looks at it.
 *
 * @param before the first
 * @param after the second
 * @returns the difference
 */
export function workBetween(before: ServerCounters, after: ServerCounters): ServerWork {
  const { cpuMs: cpuBefore } = before;
  return {
    durationMs: after.atMs - before.atMs,
    messages: after.inMessages + after.outMessages - before.inMessages - before.outMessages,
    bytes: after.inBytes + after.outBytes - before.inBytes - before.outBytes,
    cpuMs: after.cpuMs === undefined || cpuBefore === undefined
      ? undefined
      : after.cpuMs - cpuBefore,
  };
}

/**
 * Reads the processor time out of Linux's `/proc/<pid>/stat`.
 *
 * @param stat its text; a program's name in it may hold anything
 * @returns milliseconds in user and in kernel mode
 */
export function cpuMsOf(stat: string): number {
  // After the name, which is in brackets: state is the third field, utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

function readCpuMs(pid: number): number | undefined {
  return orIfGone(() => cpuMsOf(Deno.readTextFileSync(`/proc/${pid}/stat`)), undefined);
}
