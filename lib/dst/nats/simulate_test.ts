/**
 * For tests: a simulated server with clients, driven by a test.
 *
 * @module
 */
import type { World } from "../../ports/world.ts";
import { Kernel } from "../kernel/kernel.ts";
import { SimProcess } from "../kernel/node.ts";
import { type NatsFaults, NO_FAULTS } from "./faults.ts";
import { type LinkOptions, SimLink } from "./link.ts";
import { ModelServer, type ServerSession } from "./server.ts";
import { simWorld } from "./sim_world.ts";

/** The oldest and the newest server that the library is checked on. */
export const OLD_AND_NEW = ["2.10.27", "2.15.1"] as const;

/** One client. */
export interface TestClient {
  /** Its process. */
  readonly owner: SimProcess;
  /** Its connection. */
  readonly link: SimLink;
  /** The world it sees. */
  readonly world: World;
}

/** A simulation as a test has it in hand. */
export interface TestSimulation {
  /** The kernel. */
  readonly kernel: Kernel;
  /** The server. */
  readonly server: ModelServer;
  /** Adds a client, on a quick network unless told otherwise. */
  connect(options?: LinkOptions): TestClient;
}

/** What drives a simulation. */
export type Drive = (simulation: TestSimulation) => Promise<void>;

/** A session that nobody is connected to: what the server sends on it happens at once. */
export class TestSession implements ServerSession {
  /** See {@linkcode ServerSession.id}. */
  readonly id = 0;
  /** See {@linkcode ServerSession.open}. */
  open = true;
  readonly #listeners: (() => void)[] = [];

  /** See {@linkcode ServerSession.push}. */
  push(_label: string, arrive: () => void): void {
    if (this.open) arrive();
  }

  /** See {@linkcode ServerSession.onClose}. */
  onClose(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The connection ends. */
  close(): void {
    this.open = false;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

/**
 * Runs a test in a simulation.
 *
 * @param version which nats-server it is like
 * @param test what drives it
 * @param seed the seed of the run
 */
export async function simulate(version: string, test: Drive, seed = 1): Promise<void> {
  await hashOf(version, test, seed);
}

/**
 * Runs a test in a simulation.
 *
 * @param version which nats-server it is like
 * @param test what drives it
 * @param seed the seed of the run
 * @returns the hash over everything that happened
 */
export async function hashOf(version: string, test: Drive, seed: number): Promise<string> {
  const kernel = new Kernel({ seed });
  const server = new ModelServer({ kernel, version });
  const worldOf = simWorld(server);
  let clients = 0;
  const connect = (options?: LinkOptions): TestClient => {
    const owner = new SimProcess(kernel, `client-${++clients}#1`);
    const link = new SimLink(owner, server, options);
    return { owner, link, world: worldOf(link) };
  };
  await kernel.run(() => test({ kernel, server, connect }));
  return kernel.trace.hash;
}

/**
 * @param kv what goes wrong with buckets
 * @returns faults with nothing else on
 */
export function kvFaults(kv: Partial<NatsFaults["kv"]>): NatsFaults {
  return { ...NO_FAULTS, kv: { ...NO_FAULTS.kv, ...kv } };
}

/**
 * @param feed what goes wrong with streams and consumers
 * @returns faults with nothing else on
 */
export function feedFaults(feed: Partial<NatsFaults["feed"]>): NatsFaults {
  return { ...NO_FAULTS, feed: { ...NO_FAULTS.feed, ...feed } };
}
