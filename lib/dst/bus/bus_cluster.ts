/**
 * The nodes of a simulated bus: a server, machines with a process each, and what happens to them.
 *
 * @module
 */
import { MessageBus } from "../../bus/bus.ts";
import type { BusOptions } from "../../bus/bus_options.ts";
import { isPartiError, type PartiError } from "../../errors.ts";
import type { Buggify } from "../../ports/buggify.ts";
import type { World } from "../../ports/world.ts";
import { SimProcess } from "../kernel/node.ts";
import { FaultBoard } from "../nats/fault_board.ts";
import { type LinkOptions, SimLink } from "../nats/link.ts";
import { ModelServer } from "../nats/server.ts";
import { simWorld } from "../nats/sim_world.ts";
import type { Catalog } from "../assertions/catalog.ts";
import type { Simulation } from "../workload.ts";
import { isCalm } from "./mood.ts";

/** The bus of all simulations. */
export const BUS = "sim";

/** Buckets whose entries do not expire. */
export const FOR_EVER = { ttlMs: 0, replicas: 1, storage: "file" } as const;

/** A process on the bus. */
export interface BusMember {
  /** The machine's name. */
  readonly node: string;
  /** The process. */
  readonly owner: SimProcess;
  /** Its connection. */
  readonly link: SimLink;
  /** Its world. */
  readonly world: World;
  /** Its bus. */
  readonly bus: MessageBus;
  /** Resolves when the process has died: nothing that it waits for ever ends. */
  readonly died: Promise<void>;
}

/** How processes are made. */
export interface BusClusterOptions<Member extends BusMember> {
  /** How connections behave. */
  readonly network: (owner: string) => LinkOptions;
  /** What a bus is made from, beside the world and the names. */
  readonly busOptions: (owner: SimProcess) => Partial<BusOptions>;
  /** Makes of a process with its bus what the simulation runs, and starts it. */
  readonly start: (member: BusMember) => Promise<Member>;
  /** Told when a process has ended, however it did. */
  readonly onDeath?: (member: Member) => void;
  /** Told why a process could not start. */
  readonly onFailedStart?: (error: PartiError) => void;
  /** Told of each place of the library that misbehaves. */
  readonly onMisbehaviour?: (site: string) => void;
}

const CONNECT_AGAIN_MS = 300;

/** The machines and the server. */
export class BusCluster<Member extends BusMember = BusMember> {
  /** The server. */
  readonly server: ModelServer;
  /** What goes wrong on the way to the server. */
  readonly faults: FaultBoard;
  /** A world of the simulation's own, which no fault reaches but the server's end. */
  readonly admin: World;
  readonly #simulation: Simulation<Catalog>;
  readonly #options: BusClusterOptions<Member>;
  readonly #makeWorld: (link: SimLink) => World;
  readonly #members = new Map<string, Member | undefined>();
  readonly #lives = new Map<string, number>();
  /** Made anew with each change: it is read after each event. */
  #alive: readonly Member[] = [];
  #behaves = false;
  #closed = false;

  /**
   * @param simulation the run
   * @param options how processes are made
   */
  constructor(simulation: Simulation<Catalog>, options: BusClusterOptions<Member>) {
    const { kernel } = simulation;
    this.#simulation = simulation;
    this.#options = options;
    // Servers of the older line leave no markers of what has expired.
    const version = simulation.plan.seed % 3 === 0 ? "2.10.27" : "2.15.1";
    this.server = new ModelServer({ kernel, version });
    this.faults = FaultBoard.of(this.server);
    this.#makeWorld = simWorld(this.server, { buggify: (owner) => this.#buggify(owner) });
    this.admin = this.#makeWorld(new SimLink(new SimProcess(kernel, "admin#1"), this.server));
  }

  /** Whoever lives. */
  get alive(): readonly Member[] {
    return this.#alive;
  }

  /** The process on a machine, if one lives there. */
  find(node: string): Member | undefined {
    const member = this.#members.get(node);
    return member === undefined || member.owner.dead ? undefined : member;
  }

  /**
   * The process on a machine, when it can do something: one that stands still can when it goes on.
   *
   * @returns the process; undefined if none lives there, or it dies before
   */
  async awake(node: string): Promise<Member | undefined> {
    const member = this.find(node);
    if (member?.owner.paused !== true) return member;
    const goesOn = new Promise<void>((resolve) =>
      void member.owner.schedule(0, "goes on", resolve)
    );
    await Promise.race([goesOn, member.died]);
    return member.owner.dead ? undefined : member;
  }

  /** From now on no place of the library misbehaves. */
  behave(): void {
    this.#behaves = true;
  }

  /** Nobody is started any more. */
  close(): void {
    this.#closed = true;
  }

  /** Starts a process on a machine, unless one lives there or is about to. */
  async start(node: string): Promise<void> {
    if (this.#closed || this.find(node) !== undefined) return;
    const life = (this.#lives.get(node) ?? 0) + 1;
    this.#lives.set(node, life);
    const owner = new SimProcess(this.#simulation.kernel, `${node}#${life}`);
    const link = await this.#connect(owner);
    if (link === undefined || this.#closed || this.find(node) !== undefined) return owner.kill();
    const world = this.#makeWorld(link);
    const bus = new MessageBus({
      ...this.#options.busOptions(owner),
      ...{ world, bus: BUS, node },
    });
    try {
      await bus.start();
      const died = new Promise<void>((resolve) => owner.onDeath(resolve));
      const member = await this.#options.start({ node, owner, link, world, bus, died });
      if (owner.dead) return;
      if (this.find(node) !== undefined) return owner.kill();
      this.#members.set(node, member);
      this.#alive = [...this.#alive, member];
      owner.onDeath(() => {
        this.#alive = this.#alive.filter((other) => other !== member);
        this.#options.onDeath?.(member);
      });
    } catch (error) {
      // Where nothing goes wrong nothing can be in its way.
      if (!isPartiError(error) || isCalm(this.#simulation.plan)) throw error;
      this.#options.onFailedStart?.(error);
      // The server or the network was away: the machine starts it anew.
      owner.kill();
      await this.#simulation.kernel.sleep(CONNECT_AGAIN_MS, "start again");
      await this.start(node);
    }
  }

  async #connect(owner: SimProcess): Promise<SimLink | undefined> {
    while (!owner.dead && !this.#closed) {
      try {
        return new SimLink(owner, this.server, this.#options.network(owner.name));
      } catch (error) {
        if (!isPartiError(error)) throw error;
        await this.#simulation.kernel.sleep(CONNECT_AGAIN_MS, "connect again");
      }
    }
    return undefined;
  }

  #buggify(owner: string): Buggify {
    const fires = this.#simulation.buggify.for(owner);
    return (site, probability) => {
      if (this.#behaves || !fires(site, probability)) return false;
      this.#options.onMisbehaviour?.(site);
      return true;
    };
  }
}
