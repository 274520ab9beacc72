/**
 * The keeper's half: has servers, processes and networks, and does with them what the coordinator says. When the coordinator dies, what it
 * has done to them is ended, and they go on.
 *
 * @module
 */
import { describeError, PartiError } from "../../lib/errors.ts";
import type { HostedProcess, ProcessEnd } from "../host/host.ts";
import type { ChildSpec, Role } from "../wire/wire.ts";
import type { CrashTimes, Ground } from "./ground.ts";
import {
  type EndedProcess,
  type GroundCall,
  type GroundLine,
  type Hello,
  LineWriter,
  type NumberedCall,
  readLines,
  type ServerPids,
} from "./ground_wire.ts";
import { PastFaults } from "./past_faults.ts";

/** What a keeper needs. */
export interface GroundKeeperOptions {
  /** The ground. */
  readonly ground: Ground;
  /** Asked to kill the coordinator. */
  readonly onCrash: (when: CrashTimes) => void;
  /** Told that the run has come to its end. */
  readonly onOver: () => void;
}

/** A coordinator that is connected. */
type Connection = Pick<Deno.Conn, "readable" | "writable">;

/** The name of the servers among what is away. */
const SERVERS = "server";

/** A keeper. */
export class GroundKeeper {
  readonly #options: GroundKeeperOptions;
  readonly #running = new Map<string, HostedProcess>();
  readonly #ended: EndedProcess[] = [];
  readonly #paused = new Map<string, AsyncDisposable>();
  readonly #failing = new Set<string>();
  readonly #faults = new PastFaults();
  /** Calls that are being carried out. */
  readonly #underWay = new Set<Promise<void>>();
  /** Servers are killed and started again in the order in which that was asked for. */
  #serverTurn: Promise<unknown> = Promise.resolve();
  #coordinator: LineWriter | undefined;
  #killedUs: number | undefined;
  #serverEnded: string | undefined;

  /** @param options what it needs */
  constructor(options: GroundKeeperOptions) {
    this.#options = options;
    void options.ground.serverEnded?.then((serverEnded) => {
      this.#serverEnded = serverEnded;
      // If it is not there any more, the next one is told by `hello`.
      this.#coordinator?.write({ serverEnded }).catch(() => {});
    });
  }

  /**
   * Does what a coordinator says, until its connection ends.
   *
   * @param connection the way to it
   */
  async serve(connection: Connection): Promise<void> {
    const coordinator = this.#coordinator = new LineWriter(connection.writable);
    await readLines<NumberedCall>(connection.readable, (call) => {
      const doing = this.#answer(coordinator, call).finally(() => this.#underWay.delete(doing));
      this.#underWay.add(doing);
    }).catch(() => {
      // A killed coordinator need not end its connection in order.
    });
    this.#coordinator = undefined;
  }

  /**
   * The coordinator is dead, and its connection has ended: whoever stands still goes on, networks are well, servers are back.
   *
   * @param killedUs when it was killed, in microseconds since 1970
   */
  async endFaults(killedUs: number): Promise<void> {
    this.#killedUs = killedUs;
    await Promise.all(this.#underWay);
    for (const process of [...this.#paused.keys()]) await this.#signal(process, "resume");
    for (const name of [...this.#failing]) this.#become(name, {});
    const { server, cluster } = this.#options.ground;
    if (this.#faults.goesOn(SERVERS) && server !== undefined) await this.#server("restart");
    for (const name of cluster?.names ?? []) {
      if (this.#faults.goesOn(name)) await this.#server("restart", name);
    }
  }

  /** Kills all processes and waits for their ends. */
  async killAll(): Promise<void> {
    const left = [...this.#running.values()];
    for (const process of left) process.kill();
    await Promise.all(left.map(({ exited }) => exited));
    for (const paused of this.#paused.values()) await paused[Symbol.asyncDispose]();
  }

  async #answer(coordinator: LineWriter, { id, body }: NumberedCall): Promise<void> {
    let line: GroundLine;
    try {
      line = { id, result: await this.#do(body) };
    } catch (error) {
      line = { id, error: describeError(error) };
    }
    // It may have been killed meanwhile.
    await coordinator.write(line).catch(() => {});
  }

  #do(call: GroundCall): unknown {
    const { ground: { cluster }, onCrash, onOver } = this.#options;
    switch (call.call) {
      case "hello":
        return this.#hello();
      case "spawn":
        return this.#spawn(call.role, call.spec);
      case "signal":
        return this.#signal(call.process, call.signal);
      case "network":
        return this.#become(call.name, call.state);
      case "server":
        return this.#server(call.act, call.node);
      case "leaderOf":
        return cluster?.leaderOf(call.stream);
      case "clientsAt":
        return cluster?.clientsAt(call.name);
      case "untilWhole":
        return cluster?.untilWhole();
      case "crash":
        return onCrash(call.when);
      case "over":
        return onOver();
    }
  }

  #hello(): Hello {
    const { urls, server, cluster, networks } = this.#options.ground;
    const running = [...this.#running].map(([process, { pid }]) => ({ process, pid }));
    return {
      urls,
      server: server && this.#serverPids(),
      nodeNames: cluster?.names,
      networksFail: networks !== undefined,
      serverEnded: this.#serverEnded,
      left: this.#killedUs === undefined ? undefined : {
        ...{ killedUs: this.#killedUs, running, ended: this.#ended, faults: this.#faults.all },
      },
    };
  }

  #spawn(role: Role, spec: ChildSpec): number {
    const { process } = spec;
    const child = this.#options.ground.host.spawn(role, spec);
    this.#running.set(process, child);
    void child.exited.then((end) => this.#hasEnded(process, end, child.output));
    return child.pid;
  }

  #hasEnded(process: string, { code, signal }: ProcessEnd, output: readonly string[]): void {
    const ended: EndedProcess = { process, code, signal, output };
    this.#running.delete(process);
    this.#ended.push(ended);
    // If it is not there any more, the next one is told by `hello`.
    this.#coordinator?.write({ ended }).catch(() => {});
  }

  async #signal(
    process: string,
    signal: "kill" | "terminate" | "pause" | "resume",
  ): Promise<void> {
    const child = this.#running.get(process);
    if (signal === "kill") child?.kill();
    if (signal === "terminate") child?.terminate();
    if (signal === "pause" && child !== undefined) {
      this.#faults.begin("stoodStill", `pause ${process}`, process);
      this.#paused.set(process, await child.pause());
    }
    if (signal !== "resume") return;
    await this.#paused.get(process)?.[Symbol.asyncDispose]();
    this.#paused.delete(process);
    this.#faults.end(`pause ${process}`);
  }

  #become(name: string, state: Extract<GroundCall, { call: "network" }>["state"]): void {
    const network = this.#options.ground.networks?.of(name);
    const process = [...this.#running.keys()].findLast((one) => one.startsWith(`${name}#`)) ?? "";
    const key = `network ${name}`;
    this.#faults.begin("network", key, process);
    if (state === "cut") network?.cut();
    else network?.become(state);
    const isWell = network?.well ?? true;
    if (!isWell) return void this.#failing.add(name);
    this.#failing.delete(name);
    this.#faults.end(key);
  }

  #server(act: "kill" | "restart", name?: string): Promise<ServerPids> {
    const turn = this.#serverTurn.then(async () => {
      const { server, cluster } = this.#options.ground;
      const one = name === undefined ? server : cluster?.node(name);
      if (one === undefined) {
        throw new PartiError("PARTI_NOT_FOUND", `there is no server ${name ?? "of ours"}`);
      }
      const key = name ?? SERVERS;
      if (act === "kill") this.#faults.begin("outage", key);
      await one[act]();
      if (act === "restart" && name !== undefined) await cluster?.untilWhole();
      if (act === "restart") this.#faults.end(key);
      return this.#serverPids();
    });
    this.#serverTurn = turn.catch(() => {});
    return turn;
  }

  #serverPids(): ServerPids {
    const { server, cluster } = this.#options.ground;
    const nodes = (cluster?.names ?? []).flatMap((name) => {
      const node = cluster!.node(name)!;
      return isUp(node) ? [[name, node.pid] as const] : [];
    });
    return { all: [...server?.pids ?? []], nodes: Object.fromEntries(nodes) };
  }
}

/** A server tells its number only while it runs. */
function isUp(node: { readonly pid: number; readonly pids?: readonly number[] }): boolean {
  return node.pids === undefined || node.pids.length > 0;
}
