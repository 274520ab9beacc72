/**
 * The networks of a run's processes: one each, between it and the server, that can fail without touching the others.
 *
 * @module
 */
import { type Endpoint, FaultProxy } from "./fault_proxy.ts";

/** Networks by the name of a process. */
export class Networks implements AsyncDisposable {
  readonly #server: Endpoint;
  readonly #proxies = new Map<string, FaultProxy>();

  /** @param url the server's address, such as `nats://127.0.0.1:4222` */
  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#server = { hostname, port: Number(port) };
  }

  /**
   * The address for a process; it is the same for each of its incarnations.
   *
   * @param name the process
   * @returns the address
   */
  urlOf(name: string): string {
    let proxy = this.#proxies.get(name);
    if (proxy === undefined) this.#proxies.set(name, proxy = new FaultProxy(this.#server));
    return proxy.url;
  }

  /**
   * The network of a process.
   *
   * @param name the process
   * @returns undefined if it has never asked for an address
   */
  of(name: string): FaultProxy | undefined {
    return this.#proxies.get(name);
  }

  /** Ends all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}
