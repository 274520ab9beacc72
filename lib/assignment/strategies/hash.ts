/**
 * The hashes of partitions, workers and ring points: XXH3-64, as in the seeds. Where a partition belongs on a ring follows
 * from them, so they must never change: `hash_test.ts` holds test vectors.
 *
 * @module
 */
import type { PartitionId } from "../partition.ts";
import { type Hash64, xxh3Into, xxh3NumberInto, xxh3NumberKey } from "./xxh3.ts";

const DOT = 46;
const encoder = new TextEncoder();

/** Holds the key being hashed; grows if one is longer. Hashing is synchronous, so one buffer serves all. */
let scratch = new Uint8Array(256);

/** Puts `text[start…end)` as UTF-8 into the scratch buffer and returns its length in bytes. */
function encode(text: string, start: number, end: number): number {
  if ((end - start) * 3 > scratch.length) scratch = new Uint8Array((end - start) * 6);
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return encoder.encodeInto(text.slice(start, end), scratch).written;
    scratch[i - start] = code;
  }
  return end - start;
}

/**
 * A seed in two halves.
 *
 * @param seed a whole number, 0 ≤ seed ≤ 2^53 - 1
 * @returns its halves
 */
export function seedHash(seed: number): Hash64 {
  return { hi: Math.floor(seed / 0x100000000) >>> 0, lo: seed >>> 0 };
}

/**
 * A partition's hash, chained over its keys: the first is hashed with the seed, each further one with the hash so far as its
 * seed. `["a", "b"]` and `["ab"]` therefore differ, and so do two orders of the same keys.
 *
 * @param id the partition's identity; its keys are what stands between the dots
 * @param seed the seed; not changed
 * @param out receives the hash
 */
export function partitionHash(id: PartitionId, seed: Hash64, out: Hash64): void {
  let from: Hash64 = seed;
  let start = 0;
  for (let i = 0; i <= id.length; i++) {
    if (i < id.length && id.charCodeAt(i) !== DOT) continue;
    // First encode, then name the buffer: encoding may have replaced it.
    const length = encode(id, start, i);
    xxh3Into(scratch, length, from, out);
    from = out;
    start = i + 1;
  }
}

/**
 * A worker's hash, the seed of its ring points.
 *
 * @param workerId the stable ID
 * @param seed the seed; not changed
 * @param out receives the hash
 */
export function workerHash(workerId: string, seed: Hash64, out: Hash64): void {
  const length = encode(workerId, 0, workerId.length);
  xxh3Into(scratch, length, seed, out);
}

/**
 * What all points of a worker have in common.
 *
 * @param worker the worker's hash; not changed
 * @param key receives it, for {@linkcode ringPointHash}
 */
export function ringPointKey(worker: Hash64, key: Hash64): void {
  xxh3NumberKey(worker, key);
}

/**
 * Where one virtual node of a worker stands on the ring: XXH3 of its number as a little-endian u64, seeded with the worker.
 *
 * @param key what {@linkcode ringPointKey} has made of the worker; not changed
 * @param index the virtual node's number, 0 ≤ index < 2^32
 * @param out receives the hash
 */
export function ringPointHash(key: Hash64, index: number, out: Hash64): void {
  xxh3NumberInto(index, key, out);
}
