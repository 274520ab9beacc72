/**
 * How long to wait for a consumer that is being made.
 *
 * In a cluster with a dead node the servers go on giving new consumers to that node to lead (measured on 2.10.27 and 2.15.1, for as long
 * as it was away): every third one of three servers has no leader until the others elect one, which takes 4 to 9 s, or never if it has
 * only one copy. Another one that is made instead is most likely there within a fraction of a second. So the first wait is short. A
 * cluster that is only slow must not be asked for ever more of them: after each wait in vain the next one is longer.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import type { Link } from "./link.ts";

/** Of a cluster that is well and busy it took up to 0.8 s. */
const FIRST_MS = 1_500;

/** How long the next one is waited for, by connection. */
const waits = new WeakMap<Link, number>();

/**
 * Makes a consumer, and waits for it as long as makes sense.
 *
 * @param link the connection
 * @param make makes it; told how long to wait, in milliseconds
 * @returns what `make` does
 * @throws what `make` throws; after `PARTI_TIMEOUT` it may be there, and another one should be made under another name
 */
export async function patiently<T>(
  link: Link,
  make: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  if (link.nc.info?.cluster === undefined) return await make(link.timeoutMs);
  const waitMs = Math.min(waits.get(link) ?? FIRST_MS, link.timeoutMs);
  try {
    const made = await make(waitMs);
    waits.delete(link);
    return made;
  } catch (error) {
    if (isPartiError(error, "PARTI_TIMEOUT")) waits.set(link, 2 * waitMs);
    throw error;
  }
}
