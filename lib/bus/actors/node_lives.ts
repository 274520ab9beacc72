/**
 * A node's lives with actors, one after another: it takes a lease, and where that is lost it begins anew under another address.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import { type Logger, logger } from "../../logging.ts";
import type { Lease } from "../../membership/lease.ts";
import { sleep } from "../../ports/clock.ts";
import { backoffMs, jitter } from "../../ports/random.ts";
import type { World } from "../../ports/world.ts";
import type { MessageBus } from "../bus.ts";
import type { Incoming } from "../incoming.ts";
import type { Address } from "../names.ts";
import { DirectoryCheck } from "./directory_check.ts";
import { Host, type HostOptions } from "./host.ts";

/** So many calls may come before the answer is here by which this node has its lease. */
const EARLY_MAX = 1_000;
const PAUSE_MS = 50;
const PAUSE_MAX_MS = 2_000;

/** What is shared by all nodes, and known only once it is open. */
export interface LivesMeans extends Pick<HostOptions, "nodes" | "directory" | "states"> {
  /** What tells the directory from one before or after it; undefined if there is none. */
  readonly identify: () => Promise<string | undefined>;
  /** Makes what is missing, before another life begins, and tells which directory it is. */
  readonly reopen: () => Promise<string>;
  /** How often it is asked whether the directory is still there, in milliseconds. */
  readonly checkEveryMs: number;
}

/** What lives are made from. */
export interface LivesOptions extends Pick<HostOptions, "types" | "onActivation"> {
  /** The world. */
  readonly world: World;
  /** The bus. */
  readonly bus: MessageBus;
  /** How long an actor may take to end, in milliseconds. */
  readonly stopGraceMs: number;
  /** Told of what has no caller to be told to. */
  readonly onError: (error: unknown) => void;
}

/** The lives of one node. */
export class NodeLives {
  readonly #options: LivesOptions;
  readonly #log: Logger;
  readonly #over = new AbortController();
  #means: LivesMeans | undefined;
  #identity = "";
  #check: DirectoryCheck | undefined;
  #host: Host | undefined;
  #living: Promise<void> = Promise.resolve();
  #joining = new AbortController();
  #isJoining = false;
  /** Calls that have come meanwhile. */
  readonly #early: Incoming[] = [];

  /** @param options what they are made from */
  constructor(options: LivesOptions) {
    this.#options = options;
    this.#log = logger("bus", { bus: options.bus.name, node: options.bus.node });
  }

  /** The present life; undefined while this node has no lease. */
  get host(): Host | undefined {
    return this.#host;
  }

  /** Fires when this node has a lease, or will never have one again. */
  get joining(): AbortSignal {
    return this.#joining.signal;
  }

  /**
   * Begins the first life; each further one begins by itself.
   *
   * @param means what is shared by all nodes
   * @param identity what tells the directory from one before or after it
   * @throws {PartiError} what the server says; then there is no life
   */
  async begin(means: LivesMeans, identity: string): Promise<void> {
    this.#means = means;
    this.#identity = identity;
    await this.#join();
  }

  /** Takes a call to an actor, or refuses it. */
  take(incoming: Incoming): void {
    if (this.#host !== undefined) return this.#host.take(incoming);
    if (this.#isJoining && this.#early.length < EARLY_MAX) this.#early.push(incoming);
    else this.#options.bus.outbox.refuse(incoming.call, "stopped");
  }

  /** No life begins any more. */
  end(): void {
    this.#over.abort();
    // Whoever waits for a lease waits in vain.
    this.#joining.abort();
  }

  /** Ends the present life in order. */
  async close(): Promise<void> {
    this.end();
    await this.#living;
    await this.#leave();
  }

  /** Takes a lease, and begins a new life. */
  async #join(): Promise<void> {
    this.#isJoining = true;
    try {
      await this.#begin();
    } finally {
      this.#isJoining = false;
      // Whoever saw the lease before its answer was here has sent to it already.
      for (const incoming of this.#early.splice(0)) this.take(incoming);
    }
    if (this.#over.signal.aborted) await this.#leave();
  }

  async #begin(): Promise<void> {
    const { world, bus, types, stopGraceMs, onActivation, onError } = this.#options;
    const means = this.#means!;
    const address = bus.newAddress();
    const listening = bus.listenAt(address);
    let lease: Lease;
    try {
      // Whoever sees the lease may send here at once.
      await listening.heard(bus.timeoutMs);
      lease = await means.nodes.join(address, (reason) => this.#lost(address, reason));
    } catch (error) {
      listening.close();
      throw error;
    }
    if (this.#over.signal.aborted) {
      listening.close();
      return await lease.release();
    }
    const host = new Host({
      ...{ world, bus, address, lease, listening, types, stopGraceMs, onActivation, onError },
      ...means,
    });
    if (!lease.valid) {
      // The next try is another life.
      host.lose();
      await lease.release();
      throw leaseLost("it was lost at once");
    }
    this.#host = host;
    this.#check = this.#checkDirectory(address, lease);
    this.#log.info("actors may live here, as {address}", { address });
    this.#joining.abort();
  }

  /** Where the directory is gone nobody finds this life's actors any more: it ends, and says that it has, so that another may be made. */
  #checkDirectory(address: Address, lease: Lease): DirectoryCheck {
    const { identify, checkEveryMs } = this.#means!;
    const { world: { clock }, onError } = this.#options;
    return new DirectoryCheck({
      ...{ clock, identify, identity: this.#identity, everyMs: checkEveryMs, onError },
      onGone: () => {
        this.#lost(address, "the directory in which its actors were is gone");
        void lease.release();
      },
    });
  }

  /** Without a lease no actor may act here: all of them end at once, and this node begins anew. */
  #lost(address: Address, reason: string): void {
    this.#options.onError(leaseLost(reason));
    const host = this.#host;
    // Whoever is about to join finds out by itself.
    if (host?.address !== address) return;
    this.#host = undefined;
    this.#check?.close();
    this.#joining = new AbortController();
    host.lose();
    if (this.#over.signal.aborted) this.#joining.abort();
    else this.#living = this.#rejoin();
  }

  /** Never rejects. */
  async #rejoin(): Promise<void> {
    const { world: { clock, random }, onError } = this.#options;
    for (let tries = 0; !this.#over.signal.aborted; tries++) {
      try {
        this.#identity = await this.#means!.reopen();
        return await this.#join();
      } catch (error) {
        if (this.#over.signal.aborted) return;
        onError(error);
        const longestMs = backoffMs(PAUSE_MS, tries, PAUSE_MAX_MS);
        await sleep(clock, jitter(random, longestMs), this.#over.signal);
      }
    }
  }

  async #leave(): Promise<void> {
    const host = this.#host;
    this.#check?.close();
    await host?.close(this.#options.stopGraceMs);
    this.#host = undefined;
  }
}

function leaseLost(reason: string): PartiError {
  return new PartiError("PARTI_LEASE_LOST", `this node has lost its lease: ${reason}`);
}
