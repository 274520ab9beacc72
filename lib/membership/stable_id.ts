/**
 * Claiming a stable ID: the first free number between min and max, or one whose holder is proven gone. Decided by
 * compare-and-set alone: two claimers of one number have one winner, and a live worker's number is never taken.
 *
 * @module
 */
import { PartiError } from "../errors.ts";
import { WORKER_KEYS, workerKeyNumber } from "../names.ts";
import type { Clock } from "../ports/clock.ts";
import { sleep } from "../ports/clock.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { acquireLease, holderOf, type Lease, type LeaseOptions } from "./lease.ts";

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
  /** The number to try first: the one held before. */
  readonly preferredId?: number;
  /** Instances known to be over: this process's own former lives. */
  readonly formerInstances: ReadonlySet<string>;
  /** Asks whether an instance is gone for certain. */
  readonly isGone: (instance: string) => Promise<boolean>;
  /** How long a lease lasts without renewal, in milliseconds: one that stays silent longer may be taken over. */
  readonly ttlMs: number;
  /** The lease to make for a number. */
  readonly leaseOptions: (idNumber: number) => LeaseOptions;
  /** Ends the claim early. */
  readonly signal: AbortSignal;
}

/** A claimed stable ID. */
export interface Claim {
  /** Its number. */
  readonly idNumber: number;
  /** The lease on it. */
  readonly lease: Lease;
}

/**
 * Claims a stable ID. If all are held by live workers it waits for one to come free until `signal` fires.
 *
 * @param options what it needs
 * @returns the claim
 * @throws {PartiError} `PARTI_NO_FREE_ID` when the signal fires while all are held, or whatever the bucket says
 */
export async function claimStableId(options: ClaimOptions): Promise<Claim> {
  const { bucket, clock, signal, minId, maxId } = options;
  const firstSeen = new Map<number, { revision: number; atMs: number }>();
  while (true) {
    const taken = new Map<number, KvEntry>();
    for (const entry of await bucket.list(WORKER_KEYS)) {
      const idNumber = workerKeyNumber(entry.key);
      if (idNumber !== undefined) taken.set(idNumber, entry);
    }
    const claim = await claimOnce(options, taken, firstSeen);
    if (claim !== undefined) return claim;
    if (!signal.aborted) await sleep(clock, options.ttlMs / 4, signal);
    if (signal.aborted) {
      throw new PartiError(
        "PARTI_NO_FREE_ID",
        `all stable IDs from ${minId} to ${maxId} are held by live workers`,
        { value: { minId, maxId }, hint: "raise workerIdMax or stop a worker" },
      );
    }
  }
}

async function claimOnce(
  options: ClaimOptions,
  taken: ReadonlyMap<number, KvEntry>,
  firstSeen: Map<number, { revision: number; atMs: number }>,
): Promise<Claim | undefined> {
  const { preferredId, minId, maxId } = options;
  if (preferredId !== undefined && preferredId >= minId && preferredId <= maxId) {
    const claim = await tryNumber(options, preferredId, taken.get(preferredId), firstSeen, true);
    if (claim !== undefined) return claim;
  }
  // Free numbers first; a dead worker's number stays reserved for its return as long as there is another.
  for (let idNumber = minId; idNumber <= maxId; idNumber++) {
    if (options.signal.aborted) return undefined;
    if (taken.has(idNumber) || idNumber === preferredId) continue;
    const claim = await tryNumber(options, idNumber, undefined, firstSeen, false);
    if (claim !== undefined) return claim;
  }
  for (const [idNumber, entry] of taken) {
    if (options.signal.aborted) return undefined;
    if (idNumber < minId || idNumber > maxId) continue;
    const claim = await tryNumber(options, idNumber, entry, firstSeen, true);
    if (claim !== undefined) return claim;
  }
  return undefined;
}

async function tryNumber(
  options: ClaimOptions,
  idNumber: number,
  entry: KvEntry | undefined,
  firstSeen: Map<number, { revision: number; atMs: number }>,
  mayAsk: boolean,
): Promise<Claim | undefined> {
  if (entry !== undefined) {
    const holder = holderOf(entry);
    const over = holder === undefined || options.formerInstances.has(holder) ||
      silentTooLong(options, idNumber, entry, firstSeen) ||
      (mayAsk && await options.isGone(holder));
    if (!over) return undefined;
  }
  const lease = await acquireLease(options.leaseOptions(idNumber), entry?.revision);
  return lease === undefined ? undefined : { idNumber, lease };
}

/** Whether the same revision has been seen for longer than a lease lasts, on the claimer's own clock. */
function silentTooLong(
  options: ClaimOptions,
  idNumber: number,
  entry: KvEntry,
  firstSeen: Map<number, { revision: number; atMs: number }>,
): boolean {
  const now = options.clock.monotonicMs();
  const seen = firstSeen.get(idNumber);
  if (seen === undefined || seen.revision !== entry.revision) {
    firstSeen.set(idNumber, { revision: entry.revision, atMs: now });
    return false;
  }
  return now - seen.atMs > options.ttlMs;
}
