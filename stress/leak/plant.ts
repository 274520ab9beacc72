/**
 * Planted leaks, one of each kind, to see that each is found.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { Fault } from "../case.ts";

/** For each cycle. */
const LEAK_BYTES = 512 * 1_024;
/** So many handles for each cycle: in a few seconds on a busy machine there are few cycles, and workers that come and go have handles, too. */
const LEAK_HANDLES = Array.from({ length: 10 }, (_, n) => n);
/** No timer of this length fires in any run. */
const NEVER_MS = 2_000_000_000;
const STREAM = "LEAK";

/** What is held and not given back. */
export class PlantedLeak implements AsyncDisposable {
  readonly #fault: Fault | undefined;
  readonly #url: string;
  readonly #held: unknown[] = [];
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #connections: NatsConnection[] = [];

  private constructor(fault: Fault | undefined, url: string) {
    this.#fault = fault;
    this.#url = url;
  }

  /**
   * Makes what the leak needs; nothing leaks yet.
   *
   * @param fault the planted defect; nothing leaks with any other than those of leaks
   * @param url the server
   */
  static async open(fault: Fault | undefined, url: string): Promise<PlantedLeak> {
    const leak = new PlantedLeak(fault, url);
    if (fault === "leak-subscriptions" || fault === "leak-consumers") await leak.#connect();
    if (fault === "leak-consumers") {
      await natsWorld(leak.#connections[0]!).feed.ensureStream(STREAM, {
        ...{ subjects: ["leak.>"], retention: "limits", storage: "file", replicas: 1 },
      });
    }
    return leak;
  }

  /**
   * Holds something more.
   *
   * @param cycle which time it is
   */
  async drip(cycle: number): Promise<void> {
    const [nc] = this.#connections;
    switch (this.#fault) {
      case "leak":
        this.#held.push(new Array(LEAK_BYTES / 8).fill(cycle + 0.5));
        break;
      case "leak-external":
        this.#held.push(new Uint8Array(LEAK_BYTES));
        break;
      case "leak-timers":
        this.#timers.push(...LEAK_HANDLES.map(() => setTimeout(() => {}, NEVER_MS)));
        break;
      case "leak-sockets":
        await this.#connect();
        break;
      case "leak-subscriptions":
        for (const n of LEAK_HANDLES) nc!.subscribe(`leak.${cycle}.${n}`, { callback: () => {} });
        await nc!.flush();
        break;
      case "leak-consumers":
        await Promise.all(LEAK_HANDLES.map((n) =>
          natsWorld(nc!).feed.createConsumer(STREAM, {
            ...{ name: `leak-${cycle}-${n}`, filterSubjects: [`leak.${cycle}.${n}`] },
            ...{ ackWaitMs: 30_000, maxAckPending: 1, inactiveThresholdMs: 0, metadata: {} },
          })
        ));
    }
  }

  /** Gives all of it back, so that the process can end. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#connections.map((nc) => nc.close()));
  }

  async #connect(): Promise<void> {
    this.#connections.push(await connectNats({ servers: this.#url, name: "stress-leak" }));
  }
}
