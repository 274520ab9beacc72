/**
 * The nodes that live, as one of them sees it. A node holds a lease; whoever wants what a dead one had proves its death first, by a write
 * that only succeeds where the lease is over and that keeps it from ever coming back. A key that is only gone proves nothing: somebody
 * may have removed it, or the server's clock may have gone forward. Then a notice is put in its place, and is taken over like a lease.
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
  /** Whether it is a lease. Otherwise it is a notice in the place of one. */
  readonly isLease: boolean;
  /** 0 if there is nothing at the server that could be taken over. */
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
        for (const address of this.#seen.keys()) this.#vanished(address);
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
      released: stoneOf(address),
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
    return seen !== undefined && seen.isLease && this.#mayCount(seen);
  }

  /** Whether its holder may count on it, as far as this node can see. */
  #mayCount({ seenAtMs, ttlMs }: Seen): boolean {
    return seenAtMs > this.#options.world.clock.monotonicMs() - ttlMs;
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
    const seen = this.#seen.get(address);
    if (seen !== undefined && seen.revision > 0 && this.#mayCount(seen)) return false;
    // All who ask meanwhile wait for one proof: those whose calls wait there ask again and again.
    const proof = this.#proofs.get(address) ??
      this.#prove(address).finally(() => this.#proofs.delete(address));
    this.#proofs.set(address, proof);
    return await proof;
  }

  /**
   * Whether no life is left, as the bucket says now: for whoever has no lease itself.
   *
   * @throws {PartiError} what the bucket says
   */
  async areAllOver(): Promise<boolean> {
    for (const entry of await this.#options.bucket.list(KEYS)) this.#onEntry(entry);
    const proofs = [...this.#seen.keys()].map((address) => this.proveDead(address));
    return (await Promise.all(proofs)).every((isOver) => isOver);
  }

  async #prove(address: Address): Promise<boolean> {
    const { bucket, onError } = this.#options;
    const seen = this.#seen.get(address);
    const stone = stoneOf(address);
    try {
      const isOver = seen !== undefined && seen.revision > 0 &&
        await writes(bucket.update(keyOf(address), stone, seen.revision)) !== undefined;
      if (isOver) this.#bury(address);
      else await this.#giveNotice(address);
    } catch (error) {
      if (!isPartiError(error)) throw error;
      onError(error);
    }
    return this.#dead.has(address);
  }

  /** Where its lease is not there: its holder, who finds that out when it renews it, may count on it as long as on any other. */
  async #giveNotice(address: Address): Promise<void> {
    const { bucket, ttlMs: ownMs } = this.#options;
    const ttlMs = this.#seen.get(address)?.ttlMs ?? ownMs;
    const notice = encodeJson({ doubted: address, ttlMs });
    const revision = await writes(bucket.create(keyOf(address), notice));
    if (revision !== undefined) this.#noticed(address, revision, ttlMs);
  }

  /** Ends the view. */
  async close(): Promise<void> {
    this.#initialized.resolve();
    await this.#watch.close();
  }

  #onEntry({ key, value, revision, operation }: KvEntry): void {
    const address = key.slice(key.indexOf(".") + 1);
    const decoded = operation === "removed" ? undefined : decodeJsonObject(value);
    // Given back, or proven dead by somebody else: either way it was written over the last renewal.
    if (decoded?.["dead"] === address) return this.#bury(address);
    if (decoded?.["doubted"] === address) {
      return this.#noticed(address, revision, Number(decoded["ttlMs"]) || 0);
    }
    if (decoded?.["instance"] !== address) {
      if (!this.#seen.has(address)) return;
      this.#vanished(address);
      return this.#options.onGone();
    }
    const known = this.#seen.get(address);
    if (this.#dead.has(address) || known !== undefined && known.revision >= revision) return;
    const { load, types, ttlMs } = decoded;
    this.#seen.set(address, {
      ...{ isLease: true, revision, seenAtMs: this.#options.world.clock.monotonicMs() },
      load: Number(load) || 0,
      ttlMs: Math.max(this.#options.ttlMs, Number(ttlMs) || 0),
      types: Array.isArray(types) && types.length === known?.types.size
        ? known.types
        : new Set(Array.isArray(types) ? types.map(String) : []),
    });
  }

  /** A notice stands in its lease's place, since now at the latest. */
  #noticed(address: Address, revision: number, ttlMs: number): void {
    const known = this.#seen.get(address);
    if (this.#dead.has(address) || known !== undefined && known.revision >= revision) return;
    this.#seen.set(address, {
      ...{ isLease: false, revision, seenAtMs: this.#options.world.clock.monotonicMs() },
      ...{ load: 0, types: new Set() },
      ttlMs: Math.max(this.#options.ttlMs, known?.ttlMs ?? 0, ttlMs),
    });
  }

  /** There is nothing in its lease's place. */
  #vanished(address: Address): void {
    const seen = this.#seen.get(address);
    if (seen !== undefined) this.#seen.set(address, { ...seen, isLease: false, revision: 0 });
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

/** Keeps a life from ever coming back. */
function stoneOf(address: Address): Uint8Array {
  return encodeJson({ dead: address });
}

/** The revision, if the compare was won. */
async function writes(write: Promise<number>): Promise<number | undefined> {
  try {
    return await write;
  } catch (error) {
    if (isPartiError(error, "PARTI_CONFLICT")) return undefined;
    throw error;
  }
}
