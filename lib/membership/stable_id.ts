/**
 * Claiming a stable ID: the first free number between min and max, or one whose holder is proven gone. Decided by
 * compare-and-set alone: two claimers of one number have one winner, and a live worker's number is never taken.
 *
 * @module
 */
import { isPartiError, PartiError } from "../errors.ts";
import { WORKER_KEYS, workerKeyNumber } from "../names.ts";
import { type Clock, sleep } from "../ports/clock.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { acquireLease } from "./acquire_lease.ts";
import { holderOf, type Lease, type LeaseOptions, ttlOf } from "./lease.ts";

/** While all numbers are held they are looked at so many times per TTL. */
const LOOKS_PER_TTL = 4;
/** So many holders are asked at once whether they are gone: a full pool of paused workers must not take minutes. */
const ASK_AT_ONCE = 32;

/** What claiming needs. */
export interface ClaimOptions {
  /** The lease bucket. */
  readonly bucket: KvBucket;
  /** Time. */
  readonly clock: Clock;
  /** The smallest number. */
  readonly minId: number;
  /** The largest number. */
  readonly maxId: number;
  /** The number to try first: the one held before. Ignored outside min and max. */
  readonly preferredId?: number;
  /** Instances known to be over: this process's own former lives. */
  readonly formerInstances: ReadonlySet<string>;
  /** Asks whether an instance is gone for certain. */
  readonly isGone: (instance: string) => Promise<boolean>;
  /**
   * How long a lease lasts without renewal, in milliseconds: one that stays silent longer may be taken over, unless its holder says that it
   * counts on it for longer.
   */
  readonly ttlMs: number;
  /** The lease to make for a number; always with the same instance. */
  readonly leaseOptions: (idNumber: number) => LeaseOptions;
  /** Ends the claim early. */
  readonly signal: AbortSignal;
  /** Told of an unknown outcome before it is looked into. Must not throw. */
  readonly onError?: (error: unknown) => void;
}

/** A claimed stable ID. */
export interface Claim {
  /** Its number. */
  readonly idNumber: number;
  /** The lease on it. */
  readonly lease: Lease;
}

/**
 * Claims a stable ID. If all are held by live workers it waits for one to come free until `signal` fires, and so it does while
 * the server does not answer.
 *
 * @param options what it needs
 * @returns the claim
 * @throws {PartiError} when the signal fires: `PARTI_NO_FREE_ID` if all were held, `PARTI_TIMEOUT` if the server did not answer,
 * else `PARTI_ABORTED`; at once whatever else the bucket says
 */
export async function claimStableId(options: ClaimOptions): Promise<Claim> {
  const { clock, signal, ttlMs, minId, maxId } = options;
  const search = new Search(options);
  let problem = new PartiError("PARTI_ABORTED", "the claim of a stable ID was given up");
  while (!signal.aborted) {
    try {
      const claim = await search.look();
      if (claim !== undefined) return claim;
      if (signal.aborted) break;
      problem = new PartiError(
        "PARTI_NO_FREE_ID",
        `all stable IDs from ${minId} to ${maxId} are held by live workers`,
        { value: { minId, maxId }, hint: "raise workerIdMax or stop a worker" },
      );
    } catch (error) {
      // No answer is no verdict: what was sent may have been applied, so the same instance has to look again.
      if (!isPartiError(error, "PARTI_TIMEOUT")) throw error;
      problem = error;
      options.onError?.(error);
    }
    await sleep(clock, ttlMs / LOOKS_PER_TTL, signal);
  }
  throw problem;
}

/** One claimer's search. */
class Search {
  readonly #options: ClaimOptions;
  /** When each revision was seen first; at most one for each number of the pool. */
  readonly #firstSeen = new Map<number, { revision: number; atMs: number }>();
  /** The number whose claim had an unknown outcome: no other one is tried before this is known. */
  #doubtful: number | undefined;

  constructor(options: ClaimOptions) {
    this.#options = options;
  }

  /** One look at all numbers. Undefined if none could be had. */
  async look(): Promise<Claim | undefined> {
    const { bucket, preferredId, minId, maxId, signal } = this.#options;
    const taken = new Map<number, KvEntry>();
    for (const entry of await bucket.list(WORKER_KEYS)) {
      const idNumber = workerKeyNumber(entry.key);
      if (idNumber !== undefined && this.#isInRange(idNumber)) taken.set(idNumber, entry);
    }
    const first = this.#doubtful ?? preferredId;
    if (first !== undefined && this.#isInRange(first)) {
      const entry = taken.get(first);
      if (entry === undefined || this.#isOver(first, entry) || await this.#isGone(entry)) {
        const claim = await this.#take(first, entry);
        if (claim !== undefined) return claim;
      }
    }
    // Free numbers before those of the dead: a dead worker's number stays reserved for its return as long as there is another.
    for (let idNumber = minId; idNumber <= maxId && !signal.aborted; idNumber++) {
      if (taken.has(idNumber) || idNumber === first) continue;
      const claim = await this.#take(idNumber, undefined);
      if (claim !== undefined) return claim;
    }
    return await this.#takeOver([...taken].sort(([a], [b]) => a - b));
  }

  async #takeOver(taken: readonly (readonly [number, KvEntry])[]): Promise<Claim | undefined> {
    const asked: (readonly [number, KvEntry])[] = [];
    for (const [idNumber, entry] of taken) {
      if (!this.#isOver(idNumber, entry)) asked.push([idNumber, entry]);
      else {
        const claim = await this.#take(idNumber, entry);
        if (claim !== undefined) return claim;
      }
    }
    for (let from = 0; from < asked.length; from += ASK_AT_ONCE) {
      const some = asked.slice(from, from + ASK_AT_ONCE);
      const gone = await Promise.all(some.map(([, entry]) => this.#isGone(entry)));
      for (const [index, [idNumber, entry]] of some.entries()) {
        const claim = gone[index] ? await this.#take(idNumber, entry) : undefined;
        if (claim !== undefined) return claim;
      }
    }
    return undefined;
  }

  /** Takes a free number, or one over from the entry of its former holder. */
  async #take(idNumber: number, entry: KvEntry | undefined): Promise<Claim | undefined> {
    if (this.#options.signal.aborted) return undefined;
    const leaseOptions = this.#options.leaseOptions(idNumber);
    const isDoubtful = this.#doubtful === idNumber;
    this.#doubtful = idNumber;
    let lease = await acquireLease(leaseOptions, entry?.revision);
    if (lease === undefined && isDoubtful) {
      // Lost to our own earlier write, perhaps, which the list did not show yet.
      const now = await leaseOptions.bucket.get(leaseOptions.key);
      if (now !== undefined && holderOf(now) === leaseOptions.instance) {
        lease = await acquireLease(leaseOptions, now.revision);
      }
    }
    this.#doubtful = undefined;
    return lease === undefined ? undefined : { idNumber, lease };
  }

  #isInRange(idNumber: number): boolean {
    return idNumber >= this.#options.minId && idNumber <= this.#options.maxId;
  }

  /** Whether nobody has to be asked: the holder is this very process, or has been silent for longer than a lease lasts. */
  #isOver(idNumber: number, entry: KvEntry): boolean {
    const { formerInstances, leaseOptions } = this.#options;
    const isSilent = this.#isSilent(idNumber, entry);
    const holder = holderOf(entry);
    if (holder === undefined) return isSilent;
    return isSilent || formerInstances.has(holder) || holder === leaseOptions(idNumber).instance;
  }

  /** Whether the same revision has been there for longer than a lease lasts, on the claimer's own clock. */
  #isSilent(idNumber: number, entry: KvEntry): boolean {
    const { revision } = entry;
    const { clock } = this.#options;
    const ttlMs = Math.max(this.#options.ttlMs, ttlOf(entry));
    const now = clock.monotonicMs();
    const seen = this.#firstSeen.get(idNumber);
    if (seen?.revision === revision) return now - seen.atMs > ttlMs;
    this.#firstSeen.set(idNumber, { revision, atMs: now });
    return false;
  }

  /** An entry that cannot be read as a lease may be a newer version's: only its silence counts. */
  async #isGone(entry: KvEntry): Promise<boolean> {
    const holder = holderOf(entry);
    return holder !== undefined && await this.#options.isGone(holder);
  }
}
