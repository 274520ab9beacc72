/**
 * The client's TCP transport, with two gaps closed. Between its phases it takes all listeners off the socket, and an error that
 * comes in such a moment (a server that refuses the password closes with a reset) would end the whole process. And the client takes a
 * connection for dead whose answers to pings are late, although data comes: on a slow link they wait behind it.
 *
 * @module
 */
import { type Authenticator, AuthorizationError, TimeoutError } from "@nats-io/nats-core";
import {
  NatsConnectionImpl,
  ProtocolHandler,
  setTransportFactory,
} from "@nats-io/nats-core/internal";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";
import { describeError } from "../../errors.ts";
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

/** What is used of an encrypted socket. */
interface Encrypted extends Emitter {
  destroy(error: Error): unknown;
  readonly destroyed: boolean;
}

/** What is known of an attempt to connect. */
interface Attempt {
  /** What the server said of the handshake. */
  alert?: Error;
  /** The socket, once it is encrypted. */
  encrypted?: { readonly destroyed: boolean };
}

class HeardTransport extends NodeTransport {
  readonly #attempt: Attempt;
  #hasHeard = false;

  /** @param attempt takes what becomes of the encryption */
  constructor(attempt: Attempt) {
    super();
    this.#attempt = attempt;
  }

  /** Whether anything has come since this was last asked. */
  takeHeard(): boolean {
    const hasHeard = this.#hasHeard;
    this.#hasHeard = false;
    return hasHeard;
  }

  override setupHandlers(): void {
    super.setupHandlers();
    this.socket.on("data", () => this.#hasHeard = true);
  }

  override async dial(hp: { hostname: string; port: number }): ReturnType<NodeTransport["dial"]> {
    return neverUnheard(await super.dial(hp));
  }

  override startTLS(): ReturnType<NodeTransport["startTLS"]> {
    return this.#encrypt(() => super.startTLS());
  }

  override async tlsFirst(
    hp: { hostname: string; port: number },
  ): ReturnType<NodeTransport["tlsFirst"]> {
    // Over a socket of ours: that of the client's own making is out of reach until it is encrypted.
    this.socket = await this.dial(hp);
    return await this.#encrypt(() => super.tlsFirst(hp));
  }

  async #encrypt<T extends Encrypted>(begin: () => Promise<T>): Promise<T> {
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => {});
    let destroy = (_error: Error): void => {};
    neverThrowing(this.socket, (error) => {
      this.#attempt.alert = error;
      failed.reject(error);
      destroy(error);
    });
    const encrypted = neverUnheard(await Promise.race([begin(), failed.promise]));
    destroy = (error) => void encrypted.destroy(error);
    this.#attempt.encrypted = encrypted;
    return encrypted;
  }
}

/** For so many beats data stands for the answer to a ping: longer nothing that is asked for keeps a connection busy. */
const BEATS_EXCUSED = 30;

/**
 * Whatever comes is a sign of life for a while, as the answer to a ping is for good: where data comes and no answer at all, nothing is heard
 * of what is said here. A connection on which nothing comes is noticed as quickly as before.
 */
function heedData({ protocol }: NatsConnectionImpl): void {
  const { heartbeats } = protocol;
  const { ph } = heartbeats;
  let excused = 0;
  heartbeats.ph = {
    flush: async (pong) => {
      await ph.flush(pong);
      excused = 0;
    },
    disconnect: () => ph.disconnect(),
    dispatchStatus: (status) => {
      const { transport } = protocol;
      // This is told at each beat before unanswered pings are counted.
      if (transport instanceof HeardTransport && transport.takeHeard() && excused < BEATS_EXCUSED) {
        excused++;
        heartbeats.pendings = [];
      }
      ph.dispatchStatus(status);
    },
  };
}

/**
 * The client makes the transports of a whole process by one function, whoever gave it last, and makes a new one for each attempt to connect.
 * So that of this connection is put in its place whenever it is about to be asked.
 */
function keepTransports(protocol: ProtocolHandler, factory: () => HeardTransport): void {
  const steps = protocol as unknown as Record<
    "_doDial" | "prepare",
    (...args: unknown[]) => unknown
  >;
  for (const name of ["_doDial", "prepare"] as const) {
    const step = steps[name].bind(protocol);
    steps[name] = (...args) => {
      setTransportFactory({ factory, dnsResolveFn: nodeResolveHost });
      return step(...args);
    };
  }
}

/**
 * The client looks at the wall clock to know when it has tried a server last. Where that clock was set back it would not try again until it is
 * as late as it was then, which may be hours.
 */
function surviveClock(protocol: ProtocolHandler): void {
  const own = protocol as unknown as { selectServer(): { lastConnect: number } | undefined };
  const select = own.selectServer.bind(protocol);
  own.selectServer = () => {
    const server = select();
    if (server !== undefined && server.lastConnect > Date.now()) server.lastConnect = 0;
    return server;
  };
}

/** A server lets nobody in with that, also where it lets in who has no credentials at all. */
const NOBODY = { auth_token: "unreadable" };

/**
 * What reads the credentials may fail for a moment, such as while their file is being replaced. The client would close a connection that had
 * been there for good; so that attempt fails, as if the server had refused it, and there is another one.
 */
function surviveAuthenticator({ options, protocol }: NatsConnectionImpl): void {
  // The client has made one of whatever it was given.
  const read = options.authenticator as Authenticator;
  options.authenticator = (nonce) => {
    try {
      return read(nonce);
    } catch (cause) {
      if (!protocol.connectedOnce) throw cause;
      const error = new AuthorizationError(`no credentials: ${describeError(cause)}`, { cause });
      protocol.dispatchStatus({ type: "error", error });
      protocol.connectError?.(error);
      return NOBODY;
    }
  };
}

/** As the client does it, whose constructor is its own affair by its types. */
const Connection = NatsConnectionImpl as unknown as new (
  options: ConnectionOptions,
) => NatsConnectionImpl;

/**
 * Connects over TCP.
 *
 * @param options as the client takes them
 * @returns the connection
 * @throws what the client throws
 */
export async function connectTcp(options: ConnectionOptions): Promise<NatsConnection> {
  let attempt: Attempt = {};
  const factory = () => new HeardTransport(attempt = {});
  setTransportFactory({ factory, dnsResolveFn: nodeResolveHost });
  try {
    const nc = new Connection(options);
    const protocol = new ProtocolHandler(nc.options, nc);
    keepTransports(protocol, factory);
    surviveClock(protocol);
    await protocol.dialLoop();
    nc.protocol = protocol;
    surviveAuthenticator(nc);
    heedData(nc);
    return nc as NatsConnection;
  } catch (error) {
    // The client hears neither, waits, and says that it has waited.
    if (attempt.alert !== undefined) throw attempt.alert;
    if (!(error instanceof TimeoutError) || attempt.encrypted?.destroyed !== true) throw error;
    throw new Error("it ended the encrypted connection at once", { cause: error });
  }
}
