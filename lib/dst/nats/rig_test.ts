/**
 * For tests: the rig that runs the ports' contract on the simulated server.
 *
 * @module
 */
import type { ContractCase, ContractLink, ContractRig } from "../../ports/contract/rig_test.ts";
import type { World } from "../../ports/world.ts";
import { Kernel } from "../kernel/kernel.ts";
import { SimProcess } from "../kernel/node.ts";
import { SimLink } from "./link.ts";
import { ModelServer } from "./server.ts";

/**
 * Runs one case in a world of its own.
 *
 * @param version which nats-server the world is like
 * @param seed the seed of the run
 * @param worldOf makes a world over a connection
 * @param contractCase the case
 */
export async function runOnModel(
  version: string,
  seed: number,
  worldOf: (server: ModelServer) => (link: SimLink) => World,
  contractCase: ContractCase,
): Promise<void> {
  const kernel = new Kernel({ seed });
  const server = new ModelServer({ kernel, version });
  const makeWorld = worldOf(server);
  await kernel.run(() => contractCase.run(rigOn(kernel, server, version, makeWorld)));
}

function rigOn(
  kernel: Kernel,
  server: ModelServer,
  version: string,
  makeWorld: (link: SimLink) => World,
): ContractRig {
  let processes = 0;
  const connect = (): ContractLink => {
    const link = new SimLink(new SimProcess(kernel, `client-${++processes}#1`), server);
    return {
      world: makeWorld(link),
      hold: () => link.hold(),
      release: () => link.release(),
      cut: () => link.cut(),
      close: () => {
        link.close();
        return Promise.resolve();
      },
    };
  };
  return {
    version,
    // A connection that cannot be made rejects.
    connect: () => new Promise((resolve) => resolve(connect())),
    crash: () => Promise.resolve(server.crash()),
    restart: () => Promise.resolve(server.restart()),
    pause: () => Promise.resolve(server.pause()),
    resume: () => server.resume(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
