/**
 * The machines of the simulated group. On each one worker at a time lives.
 *
 * @module
 */
import type { ManagerState } from "../../manager/state.ts";
import type { Partition } from "../../assignment/partition.ts";
import { isPartiError } from "../../errors.ts";
import type { World } from "../../ports/world.ts";
import { Draws } from "../draw.ts";
import { SimProcess } from "../kernel/node.ts";
import { SimLink } from "../nats/link.ts";
import type { ModelServer } from "../nats/server.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import { Member } from "./member.ts";
import type { Mood } from "./moody_source.ts";
import { linkOptions } from "./network.ts";
import type { Observer } from "./observer.ts";
import type { CoreParameters } from "./parameters.ts";

/** A node of a step: its number, or whoever leads. */
export type Target = number | "leader";

/** What the machines need. */
export interface FleetOptions {
  /** The run. */
  readonly simulation: Simulation<CoreCatalog>;
  /** Its parameters. */
  readonly parameters: CoreParameters;
  /** Who watches. */
  readonly observer: Observer;
  /** The server. */
  readonly server: ModelServer;
  /** Makes the world of a connection. */
  readonly makeWorld: (link: SimLink) => World;
  /** What sources say now. */
  readonly partitions: () => readonly Partition[];
  /** What sources are up to now. */
  readonly mood: () => Mood;
  /** Told when a handler of an instance has ended well. */
  readonly onDone: (instance: string) => void;
  /** Told of each state that a worker gets into. */
  readonly onState: (member: Member, state: ManagerState) => void;
}

interface Machine {
  lives: number;
  member: Member | undefined;
}

const CONNECT_RETRY_MS = 300;
const SUPERVISOR_MS = 1_000;
/** Whoever takes this share of the shutdown timeout for its stop has run out of time. */
const LATE = 0.97;
/** How long what it was doing then may go on, in milliseconds. */
const AFTERMATH_MS = 15_000;
const LOOK_MS = 100;

/** The machines. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #machines: Machine[];
  readonly #byName = new Map<string, Member>();
  readonly #stopping = new WeakMap<Member, Promise<void>>();
  #closed = false;

  /** @param options what they need */
  constructor(options: FleetOptions) {
    this.#options = options;
    this.#machines = Array.from(
      { length: options.parameters.maxWorkers },
      () => ({ lives: 0, member: undefined }),
    );
  }

  /** Everybody who is to work. */
  get wanted(): Member[] {
    return this.#machines.flatMap(({ member }) =>
      // One that stands still hears only later that it is to leave.
      member?.wanted === true && !this.#stopping.has(member) ? [member] : []
    );
  }

  /** All processes that live. */
  get alive(): Member[] {
    return this.#machines.flatMap(({ member }) =>
      member === undefined || member.owner.dead ? [] : [member]
    );
  }

  /** The process of this name, if it lives. */
  ofProcess(name: string): Member | undefined {
    const member = this.#byName.get(name);
    return member === undefined || member.owner.dead ? undefined : member;
  }

  /** Whoever lives and was this instance when it wrote a lease last. */
  ofInstance(instance: string): Member | undefined {
    return this.alive.find((member) => member.instance === instance);
  }

  /**
   * Finds the worker a step is about.
   *
   * @param target a node, or whoever leads
   * @returns the worker, if there is one that lives
   */
  find(target: Target): Member | undefined {
    if (target === "leader") return this.alive.find(({ manager }) => manager.isLeader);
    const member = this.#machines[target]?.member;
    return member === undefined || member.owner.dead ? undefined : member;
  }

  /** Nobody is started any more. */
  close(): void {
    this.#closed = true;
  }

  /** Starts a worker on the first machine on which none lives, if there is one. */
  async fill(): Promise<void> {
    const node = this.#machines.findIndex((machine) => !isTaken(machine));
    if (node >= 0) await this.start(node);
  }

  /**
   * Starts a worker on a node, unless one lives there.
   *
   * @param node the node's number
   */
  async start(node: number): Promise<void> {
    const machine = this.#machines[node];
    if (machine === undefined || isTaken(machine) || this.#closed) return;
    const { simulation, parameters, makeWorld, partitions } = this.#options;
    const { kernel, plan, assertions } = simulation;
    const name = `worker-${node}#${++machine.lives}`;
    const clock = new Draws(plan.seed, "drift", name);
    const rate = 1 + clock.between(-parameters.drift, parameters.drift);
    const owner = new SimProcess(kernel, name, { rate, wallOffsetMs: clock.between(-1e6, 1e6) });
    const link = await this.#connect(owner);
    if (link === undefined) return owner.kill();
    // Another step may have started one meanwhile.
    if (isTaken(machine) || this.#closed) return owner.kill();
    const world = makeWorld(link);
    const { observer, mood, onDone, onState } = this.#options;
    machine.member = new Member({
      simulation,
      parameters,
      observer,
      owner,
      link,
      world,
      partitions: partitions(),
      mood,
      preferredId: node,
      onDone,
      onState,
    });
    this.#byName.set(name, machine.member);
    machine.member.start(() => this.#supervise(node));
    assertions.sometimesAtLeast("workers at once", this.wanted.length);
  }

  /** Kills a worker, as SIGKILL does. */
  crash(member: Member): void {
    const { simulation: { assertions }, observer } = this.#options;
    const { instance } = member;
    if (member.manager.isLeader) assertions.reachable("the leader crashed");
    if (instance !== undefined && observer.messages.handles(instance)) {
      assertions.reachable("a worker crashed while it handled");
    }
    this.excuse(member);
    member.owner.kill();
  }

  /** Stops a worker in an orderly way, once; it may take as long as the shutdown timeout. */
  stop(member: Member): Promise<void> {
    const stopping = this.#stopping.get(member) ?? this.#stop(member);
    this.#stopping.set(member, stopping);
    return stopping;
  }

  async #stop(member: Member): Promise<void> {
    const { simulation: { kernel }, observer, parameters } = this.#options;
    const { name } = member.owner;
    // The signal reaches a process that stands still when it goes on: what it was doing has to come to its end, too.
    while (member.owner.paused && !member.owner.dead) {
      await kernel.sleep(LOOK_MS, `${name} to go on`);
    }
    if (member.owner.dead) return;
    const sinceMs = kernel.nowMs;
    await member.stop();
    // What a stop that ran out of time has left behind ends by itself, a little later; and so does an election that has to be asked first.
    const isLate = kernel.nowMs - sinceMs > LATE * member.manager.config.shutdownTimeoutMs;
    const untilMs = kernel.nowMs + (isLate || parameters.electionMaxMs > 0 ? AFTERMATH_MS : 0);
    while (!member.owner.dead && member.owner.pendingTimers > 0 && kernel.nowMs < untilMs) {
      await kernel.sleep(LOOK_MS, `the last timers of ${name}`);
    }
    if (member.owner.dead) return;
    const { pendingTimers } = member.owner;
    observer.stopped(pendingTimers === 0 ? [] : [`${pendingTimers} timers of ${name}`]);
    member.owner.kill();
  }

  /** The others may take this worker for dead from now on. */
  excuse(member: Member): void {
    const { observer, simulation } = this.#options;
    const { instance } = member;
    if (instance !== undefined) observer.excuse(instance, simulation.kernel.nowMs);
  }

  /** A worker could not start: its process has ended, and another is started a little later. */
  #supervise(node: number): void {
    const member = this.find(node);
    if (member !== undefined) this.crash(member);
    const { kernel } = this.#options.simulation;
    kernel.schedule(SUPERVISOR_MS, "supervisor", () => void this.start(node));
  }

  /** A process that finds no server tries again, as one under a supervisor does. */
  async #connect(owner: SimProcess): Promise<SimLink | undefined> {
    const { simulation: { kernel, plan }, parameters, server } = this.#options;
    const options = linkOptions(parameters, plan.seed, owner.name);
    const jitter = new Draws(plan.seed, "connect", owner.name);
    while (!owner.dead) {
      try {
        return new SimLink(owner, server, options);
      } catch (error) {
        if (!isPartiError(error)) throw error;
        await kernel.sleep(jitter.between(CONNECT_RETRY_MS / 2, CONNECT_RETRY_MS), "connect");
      }
    }
    return undefined;
  }
}

/** Whether a worker lives on a machine. */
function isTaken({ member }: Machine): boolean {
  return member !== undefined && !member.owner.dead;
}
