/**
 * Nodes with actors where nothing fails by itself: for tests of one thing that goes wrong.
 *
 * @module
 */
import { ActorSystem } from "../../bus/actors/actor_system.ts";
import type { ActorSystemOptions } from "../../bus/actors/actor_system_options.ts";
import { MessageBus } from "../../bus/bus.ts";
import type { BusOptions } from "../../bus/bus_options.ts";
import type { World } from "../../ports/world.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { SimProcess } from "../kernel/node.ts";
import { SimLink } from "../nats/link.ts";
import { ModelServer } from "../nats/server.ts";
import { simWorld } from "../nats/sim_world.ts";
import { BUS } from "./bus_cluster.ts";

/** A node. */
export interface CalmNode {
  /** Its process. */
  readonly owner: SimProcess;
  /** Its world. */
  readonly world: World;
  /** Its bus. */
  readonly bus: MessageBus;
  /** Its actors. */
  readonly actors: ActorSystem;
}

/** How a node is made. */
export interface CalmOptions extends Partial<Omit<ActorSystemOptions, "world" | "bus">> {
  /** How long everything is under way to it and from it, in milliseconds; as to all others unless given. */
  readonly wayMs?: number;
  /** What its bus is made from, beside the world and the names. */
  readonly busOptions?: Partial<BusOptions>;
  /** Says what actors do there. */
  readonly define?: (actors: ActorSystem) => void;
}

/** One server, and the nodes of a test. */
export class CalmNodes {
  readonly #kernel: Kernel;
  readonly #server: ModelServer;
  readonly #worldOf: (link: SimLink) => World;
  readonly #latencyMs: number;

  /**
   * @param kernel of the run
   * @param latencyMs how long everything is under way, in milliseconds
   */
  constructor(kernel: Kernel, latencyMs = 5) {
    this.#kernel = kernel;
    this.#latencyMs = latencyMs;
    this.#server = new ModelServer({ kernel, version: "2.15.1" });
    this.#worldOf = simWorld(this.#server);
  }

  /**
   * Starts a node.
   *
   * @param name its name
   * @param options what it is made from
   * @returns the node, when actors may live there
   */
  async start(
    name: string,
    { define, busOptions, wayMs = this.#latencyMs, ...options }: CalmOptions = {},
  ): Promise<CalmNode> {
    const owner = new SimProcess(this.#kernel, `${name}#1`);
    const latencyMs = () => wayMs;
    const world = this.#worldOf(new SimLink(owner, this.#server, { latencyMs }));
    const bus = new MessageBus({ lookoutMs: 100, ...busOptions, world, bus: BUS, node: name });
    const actors = new ActorSystem({ ...options, world, bus });
    define?.(actors);
    await bus.start();
    await actors.start();
    return { owner, world, bus, actors };
  }
}
