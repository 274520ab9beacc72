/**
 * The processes of a run: starts them, knows them, signals them, and sees to it that none is left.
 *
 * @module
 */
import type { Host, HostedProcess, ProcessEnd } from "../host/host.ts";
import { nowUs } from "../streams/message.ts";
import type { ChildSpec, Role } from "../wire/wire.ts";
import { formerOf, type Member, memberOf, nowhere, pidOf, type SavedMember } from "./member.ts";

export { type Member, pidOf, type SavedMember } from "./member.ts";
export type { Role } from "../wire/wire.ts";

/** What a fleet is made from. */
export interface FleetOptions {
  /** What all children have in common. */
  readonly spec: Omit<ChildSpec, "name" | "index" | "process">;
  /**
   * Who starts a process.
   *
   * @param role what it is to do
   * @param index its number
   * @returns undefined if there is nobody who could
   */
  readonly hostOf: (role: Role, index: number) => Host | undefined;
  /** The highest index a worker may have. */
  readonly maxWorkers: number;
  /** How long a process may take to leave, in milliseconds. */
  readonly leaveTimeoutMs: number;
  /** Called when a process ends that was neither killed nor asked to. */
  readonly onUnexpectedExit: (member: Member, end: ProcessEnd) => void;
}

/** A fleet as JSON holds it. */
export interface SavedFleet {
  /** How many incarnations each name has had. */
  readonly incarnations: readonly [name: string, count: number][];
  /** All processes that were ever started. */
  readonly members: readonly SavedMember[];
}

/**
 * After a crash nobody knows how many were started since the last checkpoint: the next incarnation has a number that none of
 * them has had.
 */
const UNKNOWN_INCARNATIONS = 1_000;

/** All processes of a run. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<string, Member>();
  readonly #incarnations = new Map<string, number>();
  /** Names whose next incarnation is to come. */
  readonly #expected = new Set<string>();

  /** @param options what it is made from */
  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** All processes that were ever started. */
  get members(): Member[] {
    return [...this.#members.values()];
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
    return this.#members.get(process);
  }

  /**
   * A process that is away, or about to go, is to come back: nobody else gets its number meanwhile. Its next incarnation ends that.
   *
   * @param member the process
   */
  expectBack({ name }: Pick<Member, "name">): void {
    this.#expected.add(name);
  }

  /**
   * The lowest number that no worker has, and none that is to come back.
   *
   * @returns undefined if the fleet is as large as it may be
   */
  freeWorkerIndex(): number | undefined {
    const taken = new Set(
      this.members.filter(({ role, phase }) => role === "worker" && phase !== "gone")
        .map(({ index }) => index),
    );
    for (let index = 0; index < this.#options.maxWorkers; index++) {
      const hasHost = this.#options.hostOf("worker", index) !== undefined;
      const isExpected = this.#expected.has(`worker-${index}`);
      if (!taken.has(index) && !isExpected && hasHost) return index;
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
    this.#expected.delete(name);
    const process = `${name}#${incarnation}`;
    const { spec: common, hostOf } = this.#options;
    const spec: ChildSpec = { ...common, name, index, process };
    const hosted = hostOf(role, index)?.spawn(role, spec) ?? nowhere(name);
    return this.#follow(memberOf({ role, name, index, process, startedUs: nowUs() }, hosted));
  }

  #follow(member: Member): Member {
    this.#members.set(member.process, member);
    void member.exited.then((end) => {
      const wanted = member.phase !== "running";
      member.endedUs ??= nowUs();
      member.phase = "gone";
      if (!wanted) this.#options.onUnexpectedExit(member, end);
    });
    return member;
  }

  /** Who is there and was there, as JSON holds it. */
  save(): SavedFleet {
    const members = this.members.map((member): SavedMember => {
      const { role, name, index, process, startedUs, readyUs, endedUs, phase } = member;
      const { status, statusUs, rssBytes, handled } = member;
      return {
        ...{ role, name, index, process, startedUs, phase, rssBytes, handled, pid: pidOf(member) },
        ...(readyUs === undefined ? {} : { readyUs }),
        ...(endedUs === undefined ? {} : { endedUs }),
        ...(status === undefined ? {} : { status }),
        ...(statusUs === undefined ? {} : { statusUs }),
      };
    });
    return { incarnations: [...this.#incarnations], members };
  }

  /**
   * Goes on after everybody has gone, for a fleet that has nobody yet.
   *
   * @param saved who was there
   * @param endedUs when those that were there then are taken to have ended, in microseconds since 1970
   */
  load({ incarnations, members }: SavedFleet, endedUs: number): void {
    for (const [name, count] of incarnations) {
      this.#incarnations.set(name, count + UNKNOWN_INCARNATIONS);
    }
    for (const saved of members) {
      this.#members.set(saved.process, formerOf({ endedUs, ...saved }));
    }
  }

  /**
   * Goes on with processes that live, or have ended meanwhile, for a fleet that has nobody yet.
   *
   * @param saved who was there
   * @param processes all that were ever started; also those that were so after it was saved
   */
  adopt({ members }: SavedFleet, processes: ReadonlyMap<string, HostedProcess>): void {
    const known = new Map(members.map((member) => [member.process, member]));
    for (const [process, hosted] of processes) {
      const [name, incarnation] = process.split("#") as [string, string];
      const [role, index] = name.split("-") as [Role, string];
      const count = Math.max(this.#incarnations.get(name) ?? 0, Number(incarnation));
      this.#incarnations.set(name, count);
      // Nobody knows any more when it was started.
      const fresh = { role, name, index: Number(index), process, startedUs: 0 };
      const saved = known.get(process);
      if (saved === undefined) this.#follow(memberOf(fresh, hosted));
      else if (saved.phase === "gone") this.#members.set(process, formerOf(saved));
      else this.#follow({ ...memberOf(saved, hosted), ...saved });
    }
    // Those of before the keeper of all these was started.
    for (const saved of members) {
      if (!processes.has(saved.process)) this.#members.set(saved.process, formerOf(saved));
    }
  }

  /** Waits for the ends of those that were killed or asked to leave, and kills whoever does not. */
  async untilLeft(): Promise<void> {
    await Promise.all(this.members.map(async (member) => {
      if (member.phase === "leaving") await this.leave(member);
      if (member.phase !== "killed") return;
      this.kill(member);
      await member.exited;
    }));
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
    member.hosted?.kill();
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
    member.hosted?.terminate();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      member.hosted?.kill();
    }, this.#options.leaveTimeoutMs);
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
}
