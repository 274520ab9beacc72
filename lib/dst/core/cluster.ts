/**
 * The simulated group: a server, workers on nodes that are started, stopped, killed and cut off, and a producer.
 *
 * @module
 */
import type { Partition } from "../../assignment/partition.ts";
import { isPartiError } from "../../errors.ts";
import type { World } from "../../ports/world.ts";
import { Draws } from "../draw.ts";
import { SimProcess } from "../kernel/node.ts";
import { type LinkOptions, SimLink } from "../nats/link.ts";
import { ModelServer } from "../nats/server.ts";
import { StreamsModel } from "../nats/streams_model.ts";
import { simWorld } from "../nats/sim_world.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import { FEED, FEED_PREFIX, Member, OUTPUT, OUTPUT_PREFIX } from "./member.ts";
import { Observer } from "./observer.ts";
import type { CoreParameters } from "./parameters.ts";
import { Producer } from "./producer.ts";
import { Taps } from "./taps.ts";

/** A machine on which one worker at a time lives. */
interface Machine {
  lives: number;
  member: Member | undefined;
}

/** A node of a step: its number, or whoever leads. */
export type Target = number | "leader";

const CONNECT_RETRY_MS = 300;
const SUPERVISOR_MS = 1_000;

/** The group. */
export class CoreCluster {
  /** Who watches. */
  readonly observer: Observer;
  /** The server. */
  readonly server: ModelServer;
  /** A world of the simulation's own, which no fault reaches but the server's end. */
  readonly world: World;
  /** The producer. */
  readonly producer: Producer;
  readonly #simulation: Simulation<CoreCatalog>;
  readonly #parameters: CoreParameters;
  readonly #machines: Machine[];
  readonly #makeWorld: (link: SimLink) => World;
  readonly #taps: Taps;
  #partitions: Partition[];
  #nextPartition: number;

  /**
   * @param simulation the run
   * @param parameters its parameters
   */
  constructor(simulation: Simulation<CoreCatalog>, parameters: CoreParameters) {
    const { kernel } = simulation;
    this.#simulation = simulation;
    this.#parameters = parameters;
    this.observer = new Observer(simulation.assertions);
    this.server = new ModelServer({ kernel, version: parameters.version });
    this.#taps = new Taps(this);
    this.#makeWorld = simWorld(this.server);
    this.world = this.#makeWorld(new SimLink(new SimProcess(kernel, "admin#1"), this.server));
    this.#machines = Array.from({ length: parameters.maxWorkers }, () => ({
      lives: 0,
      member: undefined,
    }));
    this.#nextPartition = parameters.partitions;
    this.#partitions = Array.from({ length: parameters.partitions }, (_, n) => ({
      keys: [`p${n}`],
    }));
    const producer = new SimProcess(kernel, "producer#1");
    const link = new SimLink(producer, this.server);
    this.producer = new Producer(
      this.#makeWorld(link),
      parameters.ratePerSecond,
      () => this.partitionNames,
    );
  }

  /** Everybody who is to work. */
  get wanted(): Member[] {
    return this.#machines.flatMap(({ member }) => member?.wanted ? [member] : []);
  }

  /** All processes that live. */
  get alive(): Member[] {
    return this.#machines.flatMap(({ member }) =>
      member === undefined || member.owner.dead ? [] : [member]
    );
  }

  /** The names of the partitions there are. */
  get partitionNames(): string[] {
    return this.#partitions.map(({ keys }) => keys.join("."));
  }

  /** How many messages of the partitions there are the feed still holds. */
  get unacknowledged(): number {
    const feed = StreamsModel.of(this.server).stream(FEED, "observer");
    return this.partitionNames.reduce((sum, id) => sum + feed.countOf(FEED_PREFIX + id), 0);
  }

  /** Makes the streams, before anything goes wrong. */
  async open(): Promise<void> {
    const { feed } = this.world;
    const common = { storage: "file", replicas: 1 } as const;
    await feed.ensureStream(FEED, {
      ...common,
      retention: "workqueue",
      subjects: [`${FEED_PREFIX}>`],
    });
    await feed.ensureStream(OUTPUT, {
      ...common,
      retention: "limits",
      subjects: [`${OUTPUT_PREFIX}>`],
    });
    this.observer.sourceSays(this.partitionNames);
    this.#taps.open();
  }

  /** Whether this instance's process runs and its connection is up. */
  isFit(instance: string): boolean {
    const member = this.alive.find(({ manager }) => manager.instance === instance);
    return member !== undefined && !member.owner.paused && member.link.connected;
  }

  /**
   * Starts a worker on a node, unless one lives there.
   *
   * @param node the node's number
   */
  async start(node: number): Promise<void> {
    const machine = this.#machines[node];
    if (machine === undefined || isTaken(machine)) return;
    const { kernel, plan } = this.#simulation;
    const name = `worker-${node}#${++machine.lives}`;
    const clock = new Draws(plan.seed, "drift", name);
    const { drift } = this.#parameters;
    const rate = 1 + clock.between(-drift, drift);
    const owner = new SimProcess(kernel, name, { rate, wallOffsetMs: clock.between(-1e6, 1e6) });
    const link = await this.#connect(owner);
    if (link === undefined) return owner.kill();
    // Another step may have started one meanwhile.
    if (isTaken(machine)) return owner.kill();
    machine.member = new Member({
      simulation: this.#simulation,
      parameters: this.#parameters,
      observer: this.observer,
      owner,
      link,
      world: this.#makeWorld(link),
      partitions: this.#partitions,
      preferredId: node,
    });
    machine.member.start(() => this.#supervise(node));
    this.#simulation.assertions.sometimesAtLeast("workers at once", this.wanted.length);
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

  /** Kills a worker, as SIGKILL does. */
  crash(member: Member): void {
    const { assertions } = this.#simulation;
    const { instance } = member.manager;
    if (member.manager.isLeader) assertions.reachable("the leader crashed");
    if (instance !== undefined) {
      if (this.observer.handles(instance)) {
        assertions.reachable("a worker crashed while it handled");
      }
      this.excuse(member);
    }
    member.owner.kill();
  }

  /** The others may take this worker for dead from now on. */
  excuse(member: Member): void {
    const { instance } = member.manager;
    if (instance !== undefined) this.observer.excuse(instance, this.#simulation.kernel.nowMs);
  }

  /** Stops a worker in an orderly way; it may take as long as the shutdown timeout. */
  async stop(member: Member): Promise<void> {
    await member.stop();
    if (member.owner.dead) return;
    const { name, pendingTimers } = member.owner;
    this.#simulation.assertions.always(
      "nothing leaks",
      pendingTimers === 0,
      () => `${pendingTimers} timers of ${name}`,
    );
    member.owner.kill();
  }

  /** Adds partitions to what all sources say. */
  add(count: number, weight: number): void {
    const added = Array.from({ length: count }, () => ({
      keys: [`p${this.#nextPartition++}`],
      weight,
    }));
    this.#simulation.assertions.reachable("partitions were added");
    this.#setPartitions([...this.#partitions, ...added]);
  }

  /** Removes partitions from what all sources say; some always stay. */
  remove(count: number): void {
    const rest = this.#partitions.slice(0, Math.max(1, this.#partitions.length - count));
    this.#simulation.assertions.reachable("partitions were removed");
    this.#setPartitions(rest);
  }

  /** Changes the weights of some partitions. */
  weigh(count: number, weight: number): void {
    this.#setPartitions(
      this.#partitions.map((partition, n) => n < count ? { ...partition, weight } : partition),
    );
  }

  /** What is left on the server of a group that has stopped: lanes and leases. */
  async leftOnServer(): Promise<string[]> {
    const lanes = await this.world.feed.listConsumers(FEED);
    return [...lanes.map(({ name }) => `lane ${name}`), ...this.#taps.leases()];
  }

  /** Starts the server again after it was killed. */
  restartServer(): void {
    this.server.restart();
    this.#taps.restarted();
  }

  #setPartitions(list: Partition[]): void {
    this.#partitions = list;
    this.observer.sourceSays(this.partitionNames);
    for (const { source } of this.alive) source.update(list);
  }

  /** A worker could not start: its process has ended, and another is started a little later. */
  #supervise(node: number): void {
    const member = this.find(node);
    if (member !== undefined) this.crash(member);
    this.#simulation.kernel.schedule(SUPERVISOR_MS, "supervisor", () => void this.start(node));
  }

  /** A process that finds no server tries again, as one under a supervisor does. */
  async #connect(owner: SimProcess): Promise<SimLink | undefined> {
    const { kernel, plan } = this.#simulation;
    const { latencyMaxMs, slowChance } = this.#parameters;
    const options: LinkOptions = {
      latencyMs: (draws) =>
        draws.between(latencyMaxMs / 10, latencyMaxMs) * (draws.chance(slowChance) ? 10 : 1),
    };
    const jitter = new Draws(plan.seed, "connect", owner.name);
    while (!owner.dead) {
      try {
        return new SimLink(owner, this.server, options);
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
