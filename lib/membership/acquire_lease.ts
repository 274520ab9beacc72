/**
 * Taking a lease: one compare-and-set decides, and an answer that never came is looked for.
 *
 * @module
 */
import { isPartiError } from "../errors.ts";
import { holderOf, Lease, type LeaseOptions } from "./lease.ts";

/** How often a write whose outcome is unknown is followed up. */
const ATTEMPTS = 3;

/**
 * Tries to take a lease.
 *
 * @param options what the lease needs
 * @param expectedRevision take it over from the entry with this revision; without it the key must not exist
 * @returns the lease, or undefined if somebody else was faster
 * @throws {PartiError} whatever the bucket says, except a conflict. After `PARTI_TIMEOUT` the key may carry this instance, now or
 * a little later: acquire it again, from that revision.
 */
export async function acquireLease(
  options: LeaseOptions,
  expectedRevision?: number,
): Promise<Lease | undefined> {
  const { bucket, key, clock, instance } = options;
  let expected = expectedRevision;
  for (let attempt = 1;; attempt++) {
    const sentAtMs = clock.monotonicMs();
    try {
      const revision = expected === undefined
        ? await bucket.create(key, options.value())
        : await bucket.update(key, options.value(), expected);
      return new Lease(options, revision, sentAtMs);
    } catch (error) {
      if (isPartiError(error, "PARTI_CONFLICT")) return undefined;
      if (!isPartiError(error, "PARTI_TIMEOUT") || attempt === ATTEMPTS) throw error;
      // Unknown outcome. If it was applied the key carries our instance, and we take it over from ourselves: a fresh write has a
      // fresh time of sending, while the one that was lost may be older than a lease lasts.
      const entry = await bucket.get(key);
      const isOurs = entry !== undefined && holderOf(entry) === instance;
      if (!isOurs || entry.revision === expected) throw error;
      expected = entry.revision;
    }
  }
}
