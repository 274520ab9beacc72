/**
 * The coordinator's half: knows the hosts that were started by hand, and has them start and signal processes.
 *
 * @module
 */
import { isPartiError } from "../../lib/errors.ts";
import type { Messaging, Subscription } from "../../lib/ports/messaging.ts";
import {
  type Ended,
  endedSubject,
  type HostCommand,
  hostSubject,
  type Join,
  type JoinAnswer,
  joinSubject,
} from "../wire/host_wire.ts";
import { type ChildSpec, fromBytes, type Role, toBytes } from "../wire/wire.ts";
import { isTooFar, SKEW_BOUND_MS } from "./clock_skew.ts";
import type { Host, HostedProcess } from "./host.ts";
import { RemoteProcess } from "./remote_process.ts";

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
  /** Told why the run cannot be judged, once for each host. */
  readonly onDoubt: (doubt: string) => void;
  /** Told by how much more than {@linkcode SKEW_BOUND_MS} the clock of a host may be off, in milliseconds. */
  readonly onSkew: (moreMs: number) => void;
  /** Told what a host could not be told. */
  readonly onIncident: (incident: string) => void;
  /** How long a host is told something that it does not answer, in milliseconds; as long as it may be silent if it is left out. */
  readonly patienceMs?: number;
}

/** A host that is not heard of for so long has gone, and its processes with it. Longer than a server is ever away on purpose. */
const SILENT_MS = 30_000;
const LOOK_INTERVAL_MS = 1_000;
const COMMAND_TIMEOUT_MS = 5_000;
const FAREWELL_MS = 2_000;
/** Once the run is over: longer than a host takes to kill all it has. */
const END_MS = 5_000;

interface KnownHost {
  readonly join: Join;
  heardMs: number;
  /** Whether it was told that its clock is off. */
  isOff: boolean;
}

/** All hosts of a run. */
export class RemoteHosts implements AsyncDisposable {
  readonly #options: RemoteHostsOptions;
  readonly #life = crypto.randomUUID().slice(0, 8);
  readonly #hosts = new Map<string, KnownHost>();
  readonly #processes = new Map<string, RemoteProcess>();
  readonly #subscriptions: Subscription[];
  readonly #looking: ReturnType<typeof setInterval>;
  readonly #over = new AbortController();
  #hurry: ReturnType<typeof setTimeout> | undefined;

  /** @param options what it needs */
  constructor(options: RemoteHostsOptions) {
    this.#options = options;
    const { messaging, simulation, runId } = options;
    this.#subscriptions = [
      messaging.subscribe(joinSubject(simulation), (notice) => {
        const join = fromBytes<Join>(notice.data);
        if (join.runId !== undefined && join.runId !== runId) return;
        void this.#join(join).then((answer) => {
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

  /**
   * The run is over, and all processes are told to end: those of a host that has died are not waited for.
   *
   * @param withinMs how long the others may take, in milliseconds
   */
  hurry(withinMs: number = END_MS): void {
    this.#hurry ??= setTimeout(() => {
      for (const process of this.#processes.values()) {
        process.end({ code: 1, signal: null }, ["its host does not answer"]);
      }
    }, withinMs);
  }

  /** Is there no more, and tells nobody. */
  abandon(): void {
    clearInterval(this.#looking);
    clearTimeout(this.#hurry);
    this.#over.abort();
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
    if (known !== undefined) this.#heard(known, join);
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
      this.#hosts.set(host, { join, heardMs: performance.now(), isOff: false });
      onJoin(join);
    }
    return { kind: "welcome", runId, wallMs: Date.now(), life: this.#life };
  }

  #heard(known: KnownHost, { role, indexes, skew }: Join): void {
    const { onDoubt, onSkew } = this.#options;
    known.heardMs = performance.now();
    if (skew === undefined || known.isOff || !isTooFar(skew)) return;
    known.isOff = true;
    onSkew(Math.abs(skew.offsetMs) + skew.errorMs - SKEW_BOUND_MS);
    onDoubt(
      `the clock of the host of ${role} ${indexes.join(", ")} is ${
        Math.round(Math.abs(skew.offsetMs))
      } ms ${skew.offsetMs > 0 ? "behind" : "ahead of"} the coordinator's (±${
        Math.ceil(skew.errorMs)
      } ms; at most ${SKEW_BOUND_MS} ms): what was at work at once cannot be told, have both set by NTP`,
    );
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
    const { onIncident, patienceMs = SILENT_MS } = this.#options;
    const process = new RemoteProcess({
      ...{
        host,
        name: spec.process,
        life: this.#life,
        onIncident,
        patienceMs,
        signal: this.#over.signal,
      },
      command: (command) => this.#command(host, command, COMMAND_TIMEOUT_MS),
    });
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
