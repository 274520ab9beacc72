/**
 * The processes of a run: starts them, knows them, signals them, and sees to it that none is left.
 *
 * @module
 */
import { spawnSelf } from "../../tasks/spawn.ts";
import { nowUs } from "../streams/message.ts";
import { type Access, accessEnv } from "../wire/access.ts";
import type { ChildSpec, WorkerStatus } from "../wire/wire.ts";

/** What a process does in the run. */
export type Role = "worker" | "producer";

/** One process: one incarnation of a name. */
export interface Member {
  /** Its role. */
  readonly role: Role;
  /** Its name, such as `worker-4`. */
  readonly name: string;
  /** Its number. */
  readonly index: number;
  /** Its name and incarnation, such as `worker-4#2`. */
  readonly process: string;
  /** The operating system's number. */
  readonly pid: number;
  /** When it was started, in microseconds since 1970. */
  readonly startedUs: number;
  /** When it reported itself. */
  readyUs: number | undefined;
  /** When it ended, or was killed. */
  endedUs: number | undefined;
  /** Since when it has been Stable, if it is a worker; undefined while it is not. */
  stableUs: number | undefined;
  /** What it last reported, if it is a worker. */
  status: WorkerStatus | undefined;
  /** When it reported that. */
  statusUs: number | undefined;
  /** Its memory as last reported. */
  rssBytes: number;
  /** Messages whose effect it has written, if it is a worker. */
  handled: number;
  /** `leaving` was asked to go, `killed` was killed by us, `gone` has ended. */
  phase: "running" | "leaving" | "killed" | "gone";
  /** Its end. */
  readonly exited: Promise<Deno.CommandStatus>;
  /** The last lines it wrote. */
  readonly output: string[];
}

/** What a fleet is made from. */
export interface FleetOptions {
  /** What all children have in common. */
  readonly spec: Omit<ChildSpec, "name" | "index" | "process">;
  /** The servers' addresses for a process, where each has its own. */
  readonly natsUrlOf?: ((name: string) => string) | undefined;
  /** What a process of a role needs to get into the servers; nothing unless given. */
  readonly accessOf?: (role: Role) => Access;
  /** The highest index a worker may have. */
  readonly maxWorkers: number;
  /** Called when a process ends that was neither killed nor asked to. */
  readonly onUnexpectedExit: (member: Member, status: Deno.CommandStatus) => void;
}

/** Just what a child needs: its server, its own code, and to know its environment. */
const PERMISSIONS = ["--allow-net", "--allow-read", "--allow-env", "--allow-sys"];
const LEAVE_TIMEOUT_MS = 20_000;
const OUTPUT_LINES = 50;

/** All processes of a run. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<string, { member: Member; child: Deno.ChildProcess }>();
  readonly #incarnations = new Map<string, number>();

  /** @param options what it is made from */
  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** All processes that were ever started. */
  get members(): Member[] {
    return [...this.#members.values()].map(({ member }) => member);
  }

  /**
   * Those that run and are wanted.
   *
   * @param role the role
   */
  running(role: Role): Member[] {
    return this.members.filter((member) => member.role === role && member.phase === "running");
  }

  /**
   * A process by its name and incarnation.
   *
   * @param process such as `worker-4#2`
   */
  get(process: string): Member | undefined {
    return this.#members.get(process)?.member;
  }

  /**
   * The lowest number that no running worker has.
   *
   * @returns undefined if the fleet is as large as it may be
   */
  freeWorkerIndex(): number | undefined {
    const taken = new Set(
      this.members.filter(({ role, phase }) => role === "worker" && phase !== "gone")
        .map(({ index }) => index),
    );
    for (let index = 0; index < this.#options.maxWorkers; index++) {
      if (!taken.has(index)) return index;
    }
    return undefined;
  }

  /**
   * Starts a process.
   *
   * @param role what it does
   * @param index its number; a name that was there before gets its next incarnation
   * @returns the process
   */
  spawn(role: Role, index: number): Member {
    const name = `${role}-${index}`;
    const incarnation = (this.#incarnations.get(name) ?? 0) + 1;
    this.#incarnations.set(name, incarnation);
    const process = `${name}#${incarnation}`;
    const { spec: common, natsUrlOf, accessOf } = this.#options;
    const natsUrl = natsUrlOf?.(name) ?? common.natsUrl;
    const spec: ChildSpec = { ...common, natsUrl, name, index, process };
    const child = spawnSelf([`sim-${role}`, JSON.stringify(spec)], {
      permissions: PERMISSIONS,
      env: accessEnv(accessOf?.(role) ?? {}),
      stdout: "piped",
      stderr: "piped",
    });
    const output: string[] = [];
    void keepLines(child.stdout, output);
    void keepLines(child.stderr, output);
    const member: Member = {
      role,
      name,
      index,
      process,
      pid: child.pid,
      startedUs: nowUs(),
      readyUs: undefined,
      endedUs: undefined,
      stableUs: undefined,
      status: undefined,
      statusUs: undefined,
      rssBytes: 0,
      handled: 0,
      phase: "running",
      exited: child.status,
      output,
    };
    this.#members.set(process, { member, child });
    void child.status.then((status) => {
      const wanted = member.phase !== "running";
      member.endedUs ??= nowUs();
      member.phase = "gone";
      if (!wanted) this.#options.onUnexpectedExit(member, status);
    });
    return member;
  }

  /**
   * Kills a process with SIGKILL.
   *
   * @param member the process
   * @returns when, in microseconds since 1970
   */
  kill(member: Member): number {
    member.phase = "killed";
    const atUs = nowUs();
    member.endedUs ??= atUs;
    this.#signal(member, "SIGKILL");
    return atUs;
  }

  /**
   * Asks a process to leave, and kills it if it does not.
   *
   * @param member the process
   * @returns true if it left by itself
   */
  async leave(member: Member): Promise<boolean> {
    member.phase = "leaving";
    this.#signal(member, "SIGTERM");
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#signal(member, "SIGKILL");
    }, LEAVE_TIMEOUT_MS);
    const { code } = await member.exited;
    clearTimeout(timer);
    return !late && code === 0;
  }

  /**
   * Ends all processes.
   *
   * @param how gently, or at once
   * @returns those that had to be killed although they were asked to leave
   */
  async end(how: "leave" | "kill"): Promise<Member[]> {
    const left = this.members.filter(({ phase }) => phase !== "gone");
    if (how === "kill") { for (const member of left) this.kill(member); }
    const stubborn = await Promise.all(left.map(async (member) => {
      if (member.phase !== "running") return void await member.exited;
      return await this.leave(member) ? undefined : member;
    }));
    return stubborn.filter((member) => member !== undefined);
  }

  #signal(member: Member, signal: Deno.Signal): void {
    try {
      this.#members.get(member.process)?.child.kill(signal);
    } catch {
      // It has ended already.
    }
  }
}

async function keepLines(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  let rest = "";
  try {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = (parts.pop() ?? "").slice(-4_096);
      lines.push(...parts);
      if (lines.length > OUTPUT_LINES) lines.splice(0, lines.length - OUTPUT_LINES);
    }
  } catch {
    // The pipe ends with the process.
  }
  if (rest !== "") lines.push(rest);
}
