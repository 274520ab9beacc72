/**
 * The coordinator's half: knows the hosts that were started by hand, and has them start and signal processes.
 *
 * @module
 */
import { describeError, isPartiError } from "../../lib/errors.ts";
import type { Messaging, Subscription } from "../../lib/ports/messaging.ts";
import {
  type Ended,
  endedSubject,
  type HostCommand,
  hostSubject,
  type Join,
  type JoinAnswer,
  joinSubject,
  type Spawned,
} from "../wire/host_wire.ts";
import { type ChildSpec, fromBytes, type Role, toBytes } from "../wire/wire.ts";
import type { Host, HostedProcess, ProcessEnd } from "./host.ts";

/** What it needs. */
export interface RemoteHostsOptions {
  /** The way to them. */
  readonly messaging: Messaging;
  /** The simulation's name, under which they look for a coordinator. */
  readonly simulation: string;
  /** The run. */
  readonly runId: string;
  /** How many numbers there are for each role. */
  readonly slots: Readonly<Record<Role, number>>;
  /** Told of each host that comes. */
  readonly onJoin: (join: Join) => void;
}

/** A host that is not heard of for so long has gone, and its processes with it. Longer than a server is ever away on purpose. */
const SILENT_MS = 30_000;
const LOOK_INTERVAL_MS = 1_000;
const COMMAND_TIMEOUT_MS = 5_000;
const SPAWN_TRIES = 3;
const FAREWELL_MS = 2_000;

interface KnownHost {
  readonly join: Join;
  heardMs: number;
}

/** All hosts of a run. */
export class RemoteHosts implements AsyncDisposable {
  readonly #options: RemoteHostsOptions;
  readonly #life = crypto.randomUUID().slice(0, 8);
  readonly #hosts = new Map<string, KnownHost>();
  readonly #processes = new Map<string, RemoteProcess>();
  readonly #subscriptions: Subscription[];
  readonly #looking: ReturnType<typeof setInterval>;

  /** @param options what it needs */
  constructor(options: RemoteHostsOptions) {
    this.#options = options;
    const { messaging, simulation, runId } = options;
    this.#subscriptions = [
      messaging.subscribe(joinSubject(simulation), (notice) => {
        void this.#join(fromBytes<Join>(notice.data)).then((answer) => {
          notice.respond(toBytes(answer));
        });
      }),
      messaging.subscribe(endedSubject(runId), (notice) => {
        const ended = fromBytes<Ended>(notice.data);
        this.#processes.get(ended.process)?.end(ended, ended.output);
        notice.respond(toBytes("noted"));
      }),
    ];
    this.#looking = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
  }

  /**
   * Who starts a process.
   *
   * @param role what it is to do
   * @param index its number
   * @returns undefined if no host is there for that number
   */
  hostOf(role: Role, index: number): Host | undefined {
    const found = this.#find(role, index);
    return found && { spawn: (_role, spec) => this.#spawn(found.join.host, role, spec) };
  }

  /**
   * The numbers that no host is there for.
   *
   * @param role the role
   * @param count how many there are to be
   */
  missing(role: Role, count: number): number[] {
    return Array.from({ length: count }, (_, index) => index)
      .filter((index) => this.#find(role, index) === undefined);
  }

  /** Is there no more, and tells nobody. */
  abandon(): void {
    clearInterval(this.#looking);
    for (const subscription of this.#subscriptions) subscription.close();
  }

  /** Tells all hosts that the run is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.abandon();
    await Promise.allSettled([...this.#hosts.keys()].map((host) => {
      return this.#command(host, { command: "over" }, FAREWELL_MS);
    }));
  }

  #find(role: Role, index: number): KnownHost | undefined {
    return [...this.#hosts.values()].find(({ join }) => {
      return join.role === role && join.indexes.includes(index);
    });
  }

  async #join(join: Join): Promise<JoinAnswer> {
    const { runId, slots, onJoin } = this.#options;
    const { host, role, indexes } = join;
    const known = this.#hosts.get(host);
    if (known !== undefined) known.heardMs = performance.now();
    else {
      const high = indexes.find((index) => index >= slots[role]);
      if (high !== undefined) {
        return { kind: "refused", why: `the highest ${role} of this run is ${slots[role] - 1}` };
      }
      for (const index of indexes) {
        const other = this.#find(role, index);
        if (other === undefined || await this.#hasGone(other)) continue;
        return { kind: "refused", why: `${role}-${index} is there already, with another host` };
      }
      this.#hosts.set(host, { join, heardMs: performance.now() });
      onJoin(join);
    }
    return { kind: "welcome", runId, life: this.#life };
  }

  /** A person who starts a host again does not want to wait until the one before has been silent for long. */
  async #hasGone({ join: { host } }: KnownHost): Promise<boolean> {
    try {
      await this.#command(host, { command: "ping" }, COMMAND_TIMEOUT_MS);
      return false;
    } catch (error) {
      if (!isPartiError(error, "PARTI_NO_RESPONDERS")) return false;
      this.#forget(host);
      return true;
    }
  }

  #look(): void {
    for (const [host, { heardMs }] of this.#hosts) {
      if (performance.now() - heardMs >= SILENT_MS) this.#forget(host);
    }
  }

  #forget(host: string): void {
    this.#hosts.delete(host);
    for (const process of this.#processes.values()) {
      if (process.host === host) process.end({ code: 1, signal: null }, ["its host has gone"]);
    }
  }

  #spawn(host: string, role: Role, spec: ChildSpec): HostedProcess {
    const command = (command: HostCommand) => this.#command(host, command, COMMAND_TIMEOUT_MS);
    const process = new RemoteProcess(host, spec.process, command);
    this.#processes.set(spec.process, process);
    void process.exited.then(() => this.#processes.delete(spec.process));
    void process.start(role, spec);
    return process;
  }

  #command(host: string, command: HostCommand, timeoutMs: number): Promise<Uint8Array> {
    const subject = hostSubject(this.#options.runId, host);
    return this.#options.messaging.request(subject, toBytes(command), timeoutMs);
  }
}

/** A process of a host. */
class RemoteProcess implements HostedProcess {
  readonly host: string;
  readonly output: string[] = [];
  pid = 0;
  readonly #name: string;
  readonly #command: (command: HostCommand) => Promise<Uint8Array>;
  readonly #end = Promise.withResolvers<ProcessEnd>();

  constructor(
    host: string,
    name: string,
    command: (command: HostCommand) => Promise<Uint8Array>,
  ) {
    this.host = host;
    this.#name = name;
    this.#command = command;
  }

  get exited(): Promise<ProcessEnd> {
    return this.#end.promise;
  }

  /** Has it started; a host that does not answer has not done so. */
  async start(role: Role, spec: ChildSpec): Promise<void> {
    for (let tries = 1;; tries++) {
      try {
        const answer = await this.#command({ command: "spawn", role, spec });
        this.pid = fromBytes<Spawned>(answer).pid;
        return;
      } catch (error) {
        if (tries < SPAWN_TRIES) continue;
        return this.end({ code: 1, signal: null }, [`not started: ${describeError(error)}`]);
      }
    }
  }

  end({ code, signal }: ProcessEnd, output: readonly string[]): void {
    this.output.push(...output);
    this.#end.resolve({ code, signal });
  }

  kill(): void {
    void this.#signal("kill").catch(() => {});
  }

  terminate(): void {
    void this.#signal("terminate").catch(() => {});
  }

  async pause(): Promise<AsyncDisposable> {
    await this.#signal("pause");
    return { [Symbol.asyncDispose]: async () => void await this.#signal("resume") };
  }

  #signal(signal: "kill" | "terminate" | "pause" | "resume"): Promise<Uint8Array> {
    return this.#command({ command: "signal", process: this.#name, signal });
  }
}
