/**
 * What the library's tests stand on: a real nats-server and worlds over connections of their own. Only tests import this.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { launchNats, type LaunchNatsOptions, type NatsServer } from "../../tasks/nats_launcher.ts";

export { until } from "../../tasks/until.ts";

/** A world over a connection of its own, as a process has it. */
export interface ConnectedWorld {
  /** The world. */
  readonly world: World;
  /** Its connection; closing it abruptly is what the death of a process looks like to the server. */
  readonly nc: NatsConnection;
}

/** A server and everything that was connected to it. */
export class Rig implements AsyncDisposable {
  /** The server. */
  readonly server: NatsServer;
  readonly #connections: NatsConnection[] = [];

  private constructor(server: NatsServer) {
    this.server = server;
  }

  /** Launches a server. */
  static async launch(options: LaunchNatsOptions = {}): Promise<Rig> {
    return new Rig(await launchNats(options));
  }

  /** A world over a new connection. */
  async connect(): Promise<ConnectedWorld> {
    const nc = await connectNats({ servers: this.server.url });
    this.#connections.push(nc);
    return { world: natsWorld(nc), nc };
  }

  /** Closes all connections and stops the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#connections.map((nc) => nc.close()));
    await this.server.stop();
  }
}

/**
 * A test on a real server.
 *
 * @param name what holds
 * @param run the test
 * @param options how to launch the server
 */
export function natsTest(
  name: string,
  run: (rig: Rig) => Promise<void>,
  options: LaunchNatsOptions = {},
): void {
  Deno.test(name, async () => {
    await using rig = await Rig.launch(options);
    await run(rig);
  });
}

/**
 * A test on the usual server, and on one of the oldest line that is supported where there is one.
 *
 * @param name what holds
 * @param run the test
 */
export function bothNatsTest(name: string, run: (rig: Rig) => Promise<void>): void {
  natsTest(name, run);
  const binary = Deno.env.get("PARTI_NATS_SERVER_2_10");
  if (binary !== undefined && binary !== "") natsTest(`${name} (2.10)`, run, { binary });
}
