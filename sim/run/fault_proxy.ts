/**
 * A network between one process and the server that can fail: connections are cut or refused, or stay open while nothing gets through in
 * one direction or in both, or everything takes its time.
 *
 * What is held is not lost: it waits in the sockets, as on a real network until the sender gives up, and arrives late when the network is
 * well again. So nothing is kept here that could grow.
 *
 * @module
 */

/** What a direction does with what is sent: passes it on, keeps it, or passes it on so many milliseconds late. */
export type Flow = "flows" | "held" | number;

/** How a network is. */
export interface NetworkState {
  /** New connections are refused. Those there are stay as they are. */
  readonly refused?: boolean;
  /** From the process to the server. */
  readonly up?: Flow;
  /** From the server to the process. */
  readonly down?: Flow;
}

/** Where a server listens. */
export interface Endpoint {
  /** The host. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

const LOOPBACK = "127.0.0.1";
const CHUNK_BYTES = 65_536;

type Direction = "up" | "down";

/** A network. */
export class FaultProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #dial: () => Promise<Deno.TcpConn>;
  readonly #connections = new Set<{ readonly end: () => void }>();
  readonly #running = new Set<Promise<void>>();
  #state: NetworkState = {};
  #changed = Promise.withResolvers<void>();
  /** How often all connections were ended. */
  #cuts = 0;
  #closed = false;

  /**
   * Listens at a free port of this machine.
   *
   * @param server where it leads
   * @param dial how it is reached; for tests
   */
  constructor(server: Endpoint, dial: () => Promise<Deno.TcpConn> = () => Deno.connect(server)) {
    this.#dial = dial;
    this.#listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
    this.#track(this.#accept());
  }

  /** The address for the process. */
  get url(): string {
    return `nats://${LOOPBACK}:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  /** Whether everything passes as it should. */
  get well(): boolean {
    return Object.keys(this.#state).length === 0;
  }

  /** How many connections there are. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /**
   * Changes the network from now on.
   *
   * @param state how it is; what is left out is well
   */
  become(state: NetworkState): void {
    this.#state = state;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Ends all connections there are, with what is in them. */
  cut(): void {
    this.#cuts++;
    for (const { end } of [...this.#connections]) end();
  }

  /** Ends it, with all connections. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    this.cut();
    // Whoever holds something back sees that its connection has ended.
    this.become({});
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** As {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #refuses(): boolean {
    return this.#state.refused === true;
  }

  #track(task: Promise<void>): void {
    // A connection that breaks is what this is about.
    const tracked = task.catch(() => {}).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) this.#track(this.#join(client));
  }

  async #join(client: Deno.TcpConn): Promise<void> {
    if (this.#refuses || this.#closed) return client.close();
    const cuts = this.#cuts;
    let server: Deno.TcpConn;
    try {
      server = await this.#dial();
    } catch {
      return client.close();
    }
    // The network may have failed while the server was dialled: a cut could not end what was not there yet.
    if (this.#refuses || this.#cuts !== cuts) {
      server.close();
      return client.close();
    }
    client.setNoDelay();
    server.setNoDelay();
    const connection = { end: () => this.#end(connection, [client, server]) };
    this.#connections.add(connection);
    const isOpen = () => this.#connections.has(connection);
    await Promise.allSettled([
      this.#pump("up", { from: client, to: server, isOpen }).finally(connection.end),
      this.#pump("down", { from: server, to: client, isOpen }).finally(connection.end),
    ]);
  }

  async #pump(
    direction: Direction,
    { from, to, isOpen }: { from: Deno.Conn; to: Deno.Conn; isOpen: () => boolean },
  ): Promise<void> {
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const read = await from.read(buffer);
      await this.#passable(direction, isOpen);
      if (read === null || !isOpen()) return;
      for (let sent = 0; sent < read;) sent += await to.write(buffer.subarray(sent, read));
    }
  }

  /** Waits until something may pass, or there is nothing any more that it could pass through. */
  async #passable(direction: Direction, isOpen: () => boolean): Promise<void> {
    const delayMs = this.#state[direction];
    if (typeof delayMs === "number") await this.#pause(delayMs);
    while (isOpen() && this.#state[direction] === "held") await this.#changed.promise;
  }

  /** A change of the network ends it early. */
  async #pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, delayMs);
    await Promise.race([promise, this.#changed.promise]);
    clearTimeout(timer);
  }

  #end(connection: { readonly end: () => void }, sockets: readonly Deno.Conn[]): void {
    if (!this.#connections.delete(connection)) return;
    for (const socket of sockets) {
      try {
        socket.close();
      } catch {
        // The other side was faster.
      }
    }
    // What was held for it need not wait any longer.
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
