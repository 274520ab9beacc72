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

/** What is used of a socket's handle, if it is as Deno makes it. */
interface Handle {
  onread?: unknown;
}

/**
 * Deno throws what a server says at the end of a handshake, such as that it wants a certificate, out of the event loop, where it would end
 * the process; Node gives it to the encrypted socket. Whatever is to read the plain socket from now on throws no more.
 *
 * @param plain the plain socket, before it is encrypted
 * @param onError told of what would have been thrown
 */
export function neverThrowing(plain: unknown, onError: (error: Error) => void): void {
  const handle = (plain as { readonly _handle?: Handle } | undefined)?._handle;
  if (handle === undefined || handle === null) return;
  let onread = handle.onread;
  Object.defineProperty(handle, "onread", {
    configurable: true,
    get: () => onread,
    set: (reader: unknown) => {
      onread = typeof reader !== "function"
        ? reader
        : function (this: unknown, ...args: unknown[]) {
          try {
            return reader.apply(this, args);
          } catch (error) {
            onError(error instanceof Error ? error : new Error(String(error)));
          }
        };
    },
  });
}

class HeardTransport extends NodeTransport {
  readonly #onAlert: (error: Error) => void;

  /** @param onAlert told of what the server says of the handshake */
  constructor(onAlert: (error: Error) => void) {
    super();
    this.#onAlert = onAlert;
  }

  override async dial(hp: { hostname: string; port: number }): ReturnType<NodeTransport["dial"]> {
    return neverUnheard(await super.dial(hp));
  }

  override async startTLS(): ReturnType<NodeTransport["startTLS"]> {
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => {});
    let encrypted: Awaited<ReturnType<NodeTransport["startTLS"]>> | undefined;
    neverThrowing(this.socket, (error) => {
      this.#onAlert(error);
      failed.reject(error);
      encrypted?.destroy(error);
    });
    encrypted = neverUnheard(await Promise.race([super.startTLS(), failed.promise]));
    return encrypted;
  }
}

/**
 * Connects over TCP.
 *
 * @param options as the client takes them
 * @returns the connection
 * @throws what the client throws
 */
export async function connectTcp(options: ConnectionOptions): Promise<NatsConnection> {
  let alert: Error | undefined;
  const factory = () => new HeardTransport((error) => alert = error);
  setTransportFactory({ factory, dnsResolveFn: nodeResolveHost });
  try {
    return await NatsConnectionImpl.connect(options);
  } catch (error) {
    // The client does not hear it, waits, and says that it has waited.
    throw alert ?? error;
  }
}
