/**
 * What a coordinator and the keeper of its ground say to each other: lines of JSON over a socket of this machine, so that they can do so
 * while the server is away.
 *
 * @module
 */
import type { ProcessEnd } from "../host/host.ts";
import type { NetworkState } from "../run/fault_proxy.ts";
import type { ChildSpec, Role } from "../wire/wire.ts";
import type { CrashTimes, PastFault } from "./ground.ts";

/** What the coordinator asks. Each is answered. */
export type GroundCall =
  | { readonly call: "hello" } // answered with a Hello
  | { readonly call: "spawn"; readonly role: Role; readonly spec: ChildSpec } // with the process ID
  | {
    readonly call: "signal";
    readonly process: string;
    readonly signal: "kill" | "terminate" | "pause" | "resume";
  }
  | { readonly call: "network"; readonly name: string; readonly state: NetworkState | "cut" }
  /** All servers, or one node of a cluster; answered with ServerPids. */
  | { readonly call: "server"; readonly act: "kill" | "restart"; readonly node?: string }
  | { readonly call: "leaderOf"; readonly stream: string }
  | { readonly call: "clientsAt"; readonly name: string }
  | { readonly call: "untilWhole" }
  | { readonly call: "crash"; readonly when: CrashTimes }
  | { readonly call: "over" }; // the run has come to its end, or was interrupted in order

/** A call as it travels. */
export interface NumberedCall {
  /** Counts the calls of a coordinator. */
  readonly id: number;
  /** The call. */
  readonly body: GroundCall;
}

/** What the keeper says. */
export type GroundLine =
  | { readonly id: number; readonly result?: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly ended: EndedProcess }
  | { readonly serverEnded: string };

/** A process has ended. */
export interface EndedProcess extends ProcessEnd {
  /** Its name and incarnation. */
  readonly process: string;
  /** The last lines it wrote. */
  readonly output: readonly string[];
}

/** Which processes the servers are. */
export interface ServerPids {
  /** Those that run. */
  readonly all: readonly number[];
  /** Those of a cluster's nodes, by name; a node that is away is not there. */
  readonly nodes: Readonly<Record<string, number>>;
}

/** What the ground is. */
export interface Hello {
  /** The servers' addresses. */
  readonly urls: readonly string[];
  /** The servers, if they are the run's own. */
  readonly server?: ServerPids | undefined;
  /** The names of a cluster's nodes, if they are one. */
  readonly nodeNames?: readonly string[] | undefined;
  /** Why one of the servers is not there any more, though nobody has ended it. */
  readonly serverEnded?: string | undefined;
  /** Whether networks can fail. */
  readonly networksFail: boolean;
  /** What the coordinator before has left. */
  readonly left?: {
    readonly killedUs: number;
    readonly running: readonly { readonly process: string; readonly pid: number }[];
    readonly ended: readonly EndedProcess[];
    readonly faults: readonly PastFault[];
  } | undefined;
}

/**
 * Reads lines of JSON until the end.
 *
 * @param readable where from
 * @param onLine takes each; must not throw
 */
export async function readLines<T>(
  readable: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: T) => void,
): Promise<void> {
  let rest = "";
  for await (const text of readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    // Whoever is killed in the middle of a line has not said it.
    rest = lines.pop()!;
    for (const line of lines) onLine(JSON.parse(line));
  }
}

/** Writes lines of JSON, one after the other. */
export class LineWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #encoder = new TextEncoder();

  /** @param writable where to */
  constructor(writable: WritableStream<Uint8Array<ArrayBuffer>>) {
    this.#writer = writable.getWriter();
  }

  /**
   * Writes a line.
   *
   * @param value what JSON can hold
   * @returns when it is written
   */
  write(value: GroundLine | NumberedCall): Promise<void> {
    return this.#writer.write(this.#encoder.encode(`${JSON.stringify(value)}\n`));
  }
}
