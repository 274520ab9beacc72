/**
 * For tests: real servers, and the rig that runs the ports' contract on them.
 *
 * @module
 */
import { launchNats, type NatsServer } from "../../../tasks/nats_launcher.ts";
import type { ContractLink, ContractRig } from "../contract/rig_test.ts";
import { TestProxy } from "./tcp_proxy_test.ts";
import { connectNats, natsWorld, type NatsWorldOptions } from "./world.ts";

/** Short enough that a test sees requests expire and silence noticed. */
const OPTIONS: NatsWorldOptions = {
  feed: { pull: { expiresMs: 1_000, heartbeatMs: 250 } },
  kv: { pull: { expiresMs: 1_000, heartbeatMs: 250 } },
};

/** A server program to test on: `undefined` is the one the launcher finds. */
export interface TestServer {
  /** For the tests' names. */
  readonly label: string;
  /** The program, if not the launcher's own choice. */
  readonly binary: string | undefined;
}

/**
 * The servers to test on: the usual one, and `PARTI_NATS_SERVER_2_10` where that is set.
 *
 * @returns one or two servers
 */
export function testServers(): TestServer[] {
  const old = Deno.env.get("PARTI_NATS_SERVER_2_10");
  return [
    { label: "nats", binary: undefined },
    ...(old === undefined || old === "" ? [] : [{ label: "nats 2.10", binary: old }]),
  ];
}

/**
 * Launches a server for a test.
 *
 * @param server which
 * @param extraConfig more lines for its configuration file
 * @returns the running server
 */
export function launchTestServer(server: TestServer, extraConfig?: string): Promise<NatsServer> {
  return launchNats({
    ...(server.binary === undefined ? {} : { binary: server.binary }),
    ...(extraConfig === undefined ? {} : { extraConfig }),
  });
}

/**
 * Makes a rig on a real server. What a case leaves open, because it failed, is closed with the rig.
 *
 * @param server which
 * @returns the rig
 */
export async function natsRig(server: TestServer): Promise<ContractRig> {
  const nats = await launchTestServer(server);
  const links = new Set<ContractLink>();
  return {
    version: nats.version,
    connect: async () => {
      const link = await connectThroughProxy(nats.port);
      links.add(link);
      return link;
    },
    crash: () => nats.kill(),
    restart: () => nats.restart(),
    pause: () => pauseNow(nats),
    resume: () => nats.resume(),
    [Symbol.asyncDispose]: async () => {
      for (const link of links) await link.close();
      await nats.stop();
    },
  };
}

async function connectThroughProxy(port: number): Promise<ContractLink> {
  const proxy = new TestProxy(port);
  // The server tells its own address, and a client that follows it goes past the proxy.
  const nc = await connectNats({ servers: proxy.url, ignoreClusterUpdates: true })
    .catch(async (error) => {
      await proxy.close();
      throw error;
    });
  let closed = false;
  return {
    world: natsWorld(nc, OPTIONS),
    hold: () => proxy.hold(),
    release: () => proxy.release(),
    cut: () => proxy.cut(),
    close: async () => {
      if (closed) return;
      closed = true;
      await nc.close();
      await proxy.close();
    },
  };
}

/** A signal takes a moment to arrive, and a server that is not yet stopped still answers. */
async function pauseNow(nats: NatsServer): Promise<void> {
  nats.pause();
  const deadlineMs = performance.now() + 5_000;
  while (!(await isStopped(nats.pid))) {
    if (performance.now() > deadlineMs) throw new Error(`nats-server ${nats.pid} does not stop`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function isStopped(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] })
    .output();
  return new TextDecoder().decode(stdout).startsWith("T");
}
