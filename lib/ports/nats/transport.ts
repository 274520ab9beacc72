/**
 * The client's TCP transport, with one gap closed: between its phases it takes all listeners off the socket, and an error that
 * comes in such a moment (a server that refuses the password closes with a reset) would end the whole process.
 *
 * @module
 */
import { NatsConnectionImpl, setTransportFactory } from "@nats-io/nats-core/internal";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";
import type { ConnectionOptions, NatsConnection } from "./client_types.ts";

/** What is used of a socket. */
interface Emitter {
  on(event: "error", listener: () => void): unknown;
  removeAllListeners(event?: string): unknown;
}

const ignore = (): void => {};

/**
 * Makes a socket never be without a listener for errors. Those who handle errors do so as before; this one only keeps an error that
 * nobody waits for from being thrown.
 *
 * @param socket the socket
 * @returns the same socket
 */
export function neverUnheard<T extends Emitter>(socket: T): T {
  const removeAll = socket.removeAllListeners.bind(socket);
  socket.removeAllListeners = (event?: string) => {
    const result = event === undefined ? removeAll() : removeAll(event);
    socket.on("error", ignore);
    return result;
  };
  socket.on("error", ignore);
  return socket;
}

class HeardTransport extends NodeTransport {
  override async dial(hp: { hostname: string; port: number }): ReturnType<NodeTransport["dial"]> {
    return neverUnheard(await super.dial(hp));
  }

  override async startTLS(): ReturnType<NodeTransport["startTLS"]> {
    return neverUnheard(await super.startTLS());
  }
}

/**
 * Connects over TCP.
 *
 * @param options as the client takes them
 * @returns the connection
 * @throws what the client throws
 */
export function connectTcp(options: ConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new HeardTransport(), dnsResolveFn: nodeResolveHost });
  return NatsConnectionImpl.connect(options);
}
