/**
 * The networks of a run's processes: one each, between it and the servers, that can fail without touching the others.
 *
 * @module
 */
import { type Endpoint, FaultProxy, type NetworkState } from "./fault_proxy.ts";

/** The network of one process: a way to each server, and all of them fail together. */
export class ProcessNetwork implements AsyncDisposable {
  readonly #ways: readonly FaultProxy[];

  /** @param servers where it leads */
  constructor(servers: readonly Endpoint[]) {
    this.#ways = servers.map((server) => new FaultProxy(server));
  }

  /** The addresses for the process, with commas between them. */
  get url(): string {
    return this.#ways.map(({ url }) => url).join(",");
  }

  /** Whether everything passes as it should. */
  get well(): boolean {
    return this.#ways.every(({ well }) => well);
  }

  /**
   * Changes the network from now on.
   *
   * @param state how it is; what is left out is well
   */
  become(state: NetworkState): void {
    for (const way of this.#ways) way.become(state);
  }

  /** Ends all connections there are, with what is in them. */
  cut(): void {
    for (const way of this.#ways) way.cut();
  }

  /** Ends it, with all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#ways.map((way) => way.close()));
  }
}

/** Networks by the name of a process. */
export class Networks implements AsyncDisposable {
  readonly #servers: readonly Endpoint[];
  readonly #networks = new Map<string, ProcessNetwork>();

  /** @param urls the servers' addresses, such as `nats://127.0.0.1:4222` */
  constructor(urls: readonly string[]) {
    this.#servers = urls.map((url) => {
      const { hostname, port } = new URL(url);
      return { hostname, port: Number(port) };
    });
  }

  /**
   * The addresses for a process; they are the same for each of its incarnations.
   *
   * @param name the process
   * @returns the addresses, with commas between them
   */
  urlOf(name: string): string {
    let network = this.#networks.get(name);
    if (network === undefined) {
      this.#networks.set(name, network = new ProcessNetwork(this.#servers));
    }
    return network.url;
  }

  /**
   * The network of a process.
   *
   * @param name the process
   * @returns undefined if it has never asked for an address
   */
  of(name: string): ProcessNetwork | undefined {
    return this.#networks.get(name);
  }

  /** Ends all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.#networks.values()].map((network) => network[Symbol.asyncDispose]()),
    );
  }
}
