/**
 * A world over a connection that a test can cut, and keep from coming back. Only tests import this.
 *
 * @module
 */
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import { TestProxy } from "../ports/nats/tcp_proxy_test.ts";
import type { World } from "../ports/world.ts";
import type { Rig } from "./rig.ts";

/** The world and its fate. */
export interface Cuttable extends AsyncDisposable {
  /** The world. */
  readonly world: World;
  /** Cuts the connection; nobody gets through from then on. */
  readonly cut: () => void;
  /** Lets it come back. */
  readonly mend: () => void;
}

/** A world over a connection that can be cut, and kept from coming back. */
export async function cuttable(rig: Rig): Promise<Cuttable> {
  const proxy = new TestProxy(rig.server.port);
  const nc = await connectNats({
    servers: proxy.url,
    ignoreClusterUpdates: true,
    // What is held back while the connection is cut is the server's greeting.
    timeout: 500,
  });
  return {
    world: natsWorld(nc),
    cut: () => {
      proxy.cut();
      proxy.hold();
    },
    mend: () => proxy.release(),
    [Symbol.asyncDispose]: async () => {
      await nc.close();
      await proxy.close();
    },
  };
}
