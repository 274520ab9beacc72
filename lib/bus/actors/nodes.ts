/**
 * The nodes that live, as one of them sees it. A node holds a lease; whoever wants what a dead one had proves its death first, by a write
 * that only succeeds where the lease is over and that keeps it from ever coming back.
 *
 * @module
 */
import { decodeJsonObject, encodeJson } from "../../codec.ts";
import { isPartiError, PartiError } from "../../errors.ts";
import { acquireLease } from "../../membership/acquire_lease.ts";
import type { Lease } from "../../membership/lease.ts";
import { SteadyWatch } from "../../membership/steady_watch.ts";
import type { KvBucket, KvEntry } from "../../ports/kv.ts";
import type { World } from "../../ports/world.ts";
import type { Address } from "../names.ts";
import type { Candidate } from "./placement.ts";

/** What the view of the nodes needs. */
export interface NodesOptions {
  /** Time and randomness. */
  readonly world: Pick<World, "clock" | "random">;
  /** Where the leases are. */
  readonly bucket: KvBucket;
  /** How long a lease lasts, in milliseconds. */
  readonly ttlMs: number;
  /** How many actors live here, at this moment. */
  readonly load: () => number;
  /** The types of actors that may live here. */
  readonly types: () => readonly string[];
  /** Told when a node that was there is no more, as far as this one can see. */
  readonly onGone: () => void;
  /** Told of what goes wrong. */
  readonly onError: (error: unknown) => void;
}

/** A lease is renewed so often while it lasts. */
const RENEWALS = 3;
const KEYS = "node.*";
/** What is known of nodes that have died is kept for so many leases: nobody asks for them later. */
const MEMORY_LEASES = 100;

interface Seen {
  readonly revision: number;
  readonly seenAtMs: number;
  readonly load: number;
  readonly types: ReadonlySet<string>;
  /** How long its holder counts on it, in milliseconds: it may have been configured otherwise than this node. */
  readonly ttlMs: number;
}

/** The nodes. */
export class Nodes {
  readonly #options: NodesOptions;
  readonly #watch: SteadyWatch;
  readonly #seen = new Map<Address, Seen>();
  /** Those whose death is certain, with when that was learnt. */
  readonly #dead = new Map<Address, number>();
  /** Proofs under way. */
  readonly #proofs = new Map<Address, Promise<boolean>>();
  #initialized = Promise.withResolvers<void>();

  /** @param options what it needs */
  constructor(options: NodesOptions) {
    this.#options = options;
    const { world, bucket, onError, onGone } = options;
    this.#watch = new SteadyWatch({
      bucket,
      pattern: KEYS,
      clock: world.clock,
      random: world.random,
      onEntry: (entry) => this.#onEntry(entry),
      onInitialized: () => this.#initialized.resolve(),
      onAnew: () => {
        this.#seen.clear();
        onGone();
      },
      onError,
    });
  }

  /** When everybody who was there has been seen once. */
  get initialized(): Promise<void> {
    return this.#initialized.promise;
  }

  /**
   * Takes a lease for a new life of this node.
   *
   * @param address the life
   * @param onLost told once when the lease is gone
   * @returns the lease
   * @throws {PartiError} what the bucket says
   */
  async join(address: Address, onLost: (reason: string) => void): Promise<Lease> {
    const { world, bucket, ttlMs, load, types } = this.#options;
    const lease = await acquireLease({
      ...{ bucket, key: keyOf(address), instance: address, clock: world.clock, ttlMs },
      renewEveryMs: ttlMs / RENEWALS,
      value: () => encodeJson({ instance: address, ttlMs, load: load(), types: types() }),
      onLost,
    });
    if (lease !== undefined) return lease;
    // Nobody else has this address: only a proof of death can be in the way, of a life that was too slow to be born.
    throw new PartiError("PARTI_CONFLICT", `the lease of ${address} is taken`, { value: address });
  }

  /** Whoever has renewed a lease within its time, as far as this node can see. */
  get alive(): Candidate[] {
    return [...this.#seen]
      .filter(([address]) => this.isAlive(address))
      .map(([address, { load }]) => ({ address, load }));
  }

  /**
   * Where an actor may begin.
   *
   * @param type its type
   * @returns those of {@linkcode alive} that have such actors
   */
  candidates(type: string): Candidate[] {
    return this.alive.filter(({ address }) => this.#seen.get(address)?.types.has(type));
  }

  /** Whether a node's lease has been renewed within its time, as far as this node can see. */
  isAlive(address: Address): boolean {
    const seen = this.#seen.get(address);
    const { world } = this.#options;
    return seen !== undefined && seen.seenAtMs > world.clock.monotonicMs() - seen.ttlMs;
  }

  /** Those that were seen and have not been renewed in time. Where the server leaves no markers nobody else says so. */
  get overdue(): Address[] {
    return [...this.#seen.keys()].filter((address) => !this.isAlive(address));
  }

  /** Whether a life is known to be over for good. */
  isDead(address: Address): boolean {
    return this.#dead.has(address);
  }

  /** An actor has been given to a node, or its own word on its load has come with an answer. */
  noteLoad(address: Address, load: (before: number) => number): void {
    const seen = this.#seen.get(address);
    if (seen !== undefined) this.#seen.set(address, { ...seen, load: load(seen.load) });
  }

  /**
   * Makes sure that a life is over.
   *
   * @param address the life
   * @returns true if its lease is over for good; false if it lives, or nobody can tell now
   */
  async proveDead(address: Address): Promise<boolean> {
    if (this.#dead.has(address)) return true;
    if (this.isAlive(address)) return false;
    // All who ask meanwhile wait for one proof: those whose calls wait there ask again and again.
    const proof = this.#proofs.get(address) ??
      this.#prove(address).finally(() => this.#proofs.delete(address));
    this.#proofs.set(address, proof);
    return await proof;
  }

  async #prove(address: Address): Promise<boolean> {
    const { bucket, onError } = this.#options;
    const seen = this.#seen.get(address);
    const stone = encodeJson({ dead: address });
    try {
      // Where its lease has expired at the server there is none to take over.
      const isOver =
        seen !== undefined && await wins(bucket.update(keyOf(address), stone, seen.revision)) ||
        await wins(bucket.create(keyOf(address), stone));
      if (isOver) this.#bury(address);
    } catch (error) {
      if (!isPartiError(error)) throw error;
      onError(error);
    }
    return this.#dead.has(address);
  }

  /** Ends the view. */
  async close(): Promise<void> {
    this.#initialized.resolve();
    await this.#watch.close();
  }

  #onEntry({ key, value, revision, operation }: KvEntry): void {
    const address = key.slice(key.indexOf(".") + 1);
    const decoded = operation === "removed" ? undefined : decodeJsonObject(value);
    // Given back, or proven dead by somebody else: either way it was written behind the last renewal.
    if (decoded?.["instance"] !== address) return this.#bury(address);
    const known = this.#seen.get(address);
    if (this.#dead.has(address) || known !== undefined && known.revision >= revision) return;
    const { load, types, ttlMs } = decoded;
    this.#seen.set(address, {
      ...{ revision, seenAtMs: this.#options.world.clock.monotonicMs() },
      load: Number(load) || 0,
      ttlMs: Math.max(this.#options.ttlMs, Number(ttlMs) || 0),
      types: Array.isArray(types) && types.length === known?.types.size
        ? known.types
        : new Set(Array.isArray(types) ? types.map(String) : []),
    });
  }

  #bury(address: Address): void {
    this.#seen.delete(address);
    if (this.#dead.has(address)) return;
    const nowMs = this.#options.world.clock.monotonicMs();
    this.#dead.set(address, nowMs);
    const forgottenMs = nowMs - MEMORY_LEASES * this.#options.ttlMs;
    for (const [old, sinceMs] of this.#dead) {
      if (sinceMs >= forgottenMs) break;
      this.#dead.delete(old);
    }
    this.#options.onGone();
  }
}

function keyOf(address: Address): string {
  return `node.${address}`;
}

/** Whether a compare was won. */
async function wins(write: Promise<number>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isPartiError(error, "PARTI_CONFLICT")) return false;
    throw error;
  }
}
