/**
 * The coordinator's half: a ground that another process keeps.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import type { HostedProcess, ProcessEnd } from "../host/host.ts";
import type { NetworkState } from "../run/fault_proxy.ts";
import type { ChildSpec, Role } from "../wire/wire.ts";
import type {
  CrashTimes,
  FailingNetwork,
  Ground,
  KillableCluster,
  KillableServer,
  Left,
  OwnServers,
} from "./ground.ts";
import {
  type EndedProcess,
  type GroundCall,
  type GroundLine,
  type Hello,
  LineWriter,
  readLines,
  type ServerPids,
} from "./ground_wire.ts";

/** A ground of another process. */
export interface KeptGround extends Ground {
  /** Tells its keeper that the run has come to its end. */
  over(): Promise<void>;
}

/**
 * Finds out what there is.
 *
 * @param connection the way to the keeper
 * @returns the ground
 * @throws {PartiError} `PARTI_DISCONNECTED` if there is no keeper any more
 */
export async function connectGround(connection: Deno.Conn): Promise<KeptGround> {
  const line = new GroundLineClient(connection);
  const hello = await line.call<Hello>({ call: "hello" });
  const servers = hello.server && new KeptServers(line, hello.server);
  const { nodeNames } = hello;
  if (hello.serverEnded !== undefined) line.serverEnded.resolve(hello.serverEnded);
  const networks = new Map<string, FailingNetwork>();
  return {
    urls: hello.urls,
    server: servers,
    cluster: servers && nodeNames && clusterOf(line, servers, nodeNames),
    serverEnded: line.serverEnded.promise,
    host: { spawn: (role, spec) => line.spawn(role, spec) },
    networks: hello.networksFail
      ? {
        of: (name) => {
          const known = networks.get(name) ?? new KeptNetwork(line, name);
          networks.set(name, known);
          return known;
        },
      }
      : undefined,
    crash: async (when: CrashTimes) => void await line.call({ call: "crash", when }),
    left: hello.left && line.adopt(hello.left),
    over: async () => void await line.call({ call: "over" }),
    [Symbol.asyncDispose]: () => line.close(),
  };
}

/** The line to the keeper. */
class GroundLineClient {
  readonly #connection: Deno.Conn;
  readonly #writer: LineWriter;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #processes = new Map<string, KeptProcess>();
  readonly serverEnded = Promise.withResolvers<string>();
  readonly #reading: Promise<void>;
  #id = 0;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
    this.#writer = new LineWriter(connection.writable);
    this.#reading = readLines<GroundLine>(connection.readable, (line) => this.#take(line))
      .catch(() => {}).then(() => this.#disconnected());
  }

  async call<T>(body: GroundCall): Promise<T> {
    const id = ++this.#id;
    const answer = Promise.withResolvers<unknown>();
    this.#calls.set(id, answer);
    // What cannot be said is not answered.
    this.#writer.write({ id, body }).catch(() => answer.reject(gone()));
    return await answer.promise as T;
  }

  spawn(role: Role, spec: ChildSpec): HostedProcess {
    const process = this.#processOf(spec.process);
    this.call<number>({ call: "spawn", role, spec }).then(
      (pid) => process.pid = pid,
      (error) => process.end({ code: 1, signal: null }, [`not started: ${error.message}`]),
    );
    return process;
  }

  adopt({ killedUs, running, ended, faults }: NonNullable<Hello["left"]>): Left {
    for (const { process, pid } of running) this.#processOf(process).pid = pid;
    for (const end of ended) this.#hasEnded(end);
    const living = new Set(running.map(({ process }) => process));
    return { killedUs, faults, processes: new Map(this.#processes), living };
  }

  async close(): Promise<void> {
    this.#connection.close();
    await this.#reading;
  }

  #processOf(name: string): KeptProcess {
    let process = this.#processes.get(name);
    if (process === undefined) {
      this.#processes.set(name, process = new KeptProcess(name, (call) => this.call(call)));
    }
    return process;
  }

  #hasEnded({ process, output, code, signal }: EndedProcess): void {
    this.#processOf(process).end({ code, signal }, output);
  }

  #take(line: GroundLine): void {
    if ("ended" in line) return this.#hasEnded(line.ended);
    if ("serverEnded" in line) return this.serverEnded.resolve(line.serverEnded);
    const answer = this.#calls.get(line.id);
    this.#calls.delete(line.id);
    if ("error" in line) answer?.reject(new PartiError("PARTI_REFUSED", line.error));
    else answer?.resolve(line.result);
  }

  #disconnected(): void {
    for (const { reject } of this.#calls.values()) {
      reject(gone());
    }
    this.#calls.clear();
  }
}

function gone(): PartiError {
  return new PartiError("PARTI_DISCONNECTED", "the keeper of servers and processes has gone");
}

/** A process of the keeper. */
class KeptProcess implements HostedProcess {
  readonly output: string[] = [];
  pid = 0;
  readonly #name: string;
  readonly #call: (call: GroundCall) => Promise<unknown>;
  readonly #end = Promise.withResolvers<ProcessEnd>();

  constructor(name: string, call: (call: GroundCall) => Promise<unknown>) {
    this.#name = name;
    this.#call = call;
  }

  get exited(): Promise<ProcessEnd> {
    return this.#end.promise;
  }

  end(end: ProcessEnd, output: readonly string[]): void {
    this.output.push(...output);
    this.#end.resolve(end);
  }

  kill(): void {
    this.#signal("kill").catch(ifKeeperIsGone);
  }

  terminate(): void {
    this.#signal("terminate").catch(ifKeeperIsGone);
  }

  async pause(): Promise<AsyncDisposable> {
    await this.#signal("pause");
    return { [Symbol.asyncDispose]: async () => void await this.#signal("resume") };
  }

  #signal(signal: "kill" | "terminate" | "pause" | "resume"): Promise<unknown> {
    return this.#call({ call: "signal", process: this.#name, signal });
  }
}

/** Without a keeper there is no process to signal, and this one ends, too. */
function ifKeeperIsGone(): void {}

/** The servers of the keeper. */
class KeptServers implements OwnServers {
  readonly #line: GroundLineClient;
  #pids: ServerPids;

  constructor(line: GroundLineClient, pids: ServerPids) {
    this.#line = line;
    this.#pids = pids;
  }

  get pids(): readonly number[] {
    return this.#pids.all;
  }

  pidOf(name: string): number {
    return this.#pids.nodes[name] ?? 0;
  }

  kill(): Promise<void> {
    return this.act("kill");
  }

  restart(): Promise<void> {
    return this.act("restart");
  }

  async act(act: "kill" | "restart", node?: string): Promise<void> {
    const which = node === undefined ? {} : { node };
    this.#pids = await this.#line.call<ServerPids>({ call: "server", act, ...which });
  }
}

function clusterOf(
  line: GroundLineClient,
  servers: KeptServers,
  names: readonly string[],
): KillableCluster {
  const node = (name: string): KillableServer & { readonly pid: number } => ({
    pid: servers.pidOf(name),
    kill: () => servers.act("kill", name),
    restart: () => servers.act("restart", name),
  });
  return {
    names,
    node: (name) => names.includes(name) ? node(name) : undefined,
    leaderOf: (stream) => line.call({ call: "leaderOf", stream }),
    clientsAt: (name) => line.call({ call: "clientsAt", name }),
    untilWhole: async () => void await line.call({ call: "untilWhole" }),
  };
}

/** The network of a process of the keeper. */
class KeptNetwork implements FailingNetwork {
  readonly #line: GroundLineClient;
  readonly #name: string;
  #state: NetworkState = {};

  constructor(line: GroundLineClient, name: string) {
    this.#line = line;
    this.#name = name;
  }

  get well(): boolean {
    return Object.keys(this.#state).length === 0;
  }

  become(state: NetworkState): void {
    this.#state = state;
    this.#tell(state);
  }

  cut(): void {
    this.#tell("cut");
  }

  #tell(state: NetworkState | "cut"): void {
    this.#line.call({ call: "network", name: this.#name, state }).catch(ifKeeperIsGone);
  }
}
