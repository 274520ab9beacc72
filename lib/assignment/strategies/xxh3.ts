/**
 * XXH3-64 with a seed per call, synchronous and without allocation for inputs of up to 128 bytes.
 *
 * It is written out here because nothing on npm does it: a chained hash needs a new seed for every key, and hash-wasm 4.13
 * (the only package without native code that has XXH3-64) fixes the seed when a hasher is created, which is asynchronous.
 * @node-rs/xxhash is native, xxh3-ts has XXH3-128 and XXH64 only, xxhash-wasm XXH32 and XXH64. hash-wasm is the reference C
 * code compiled, and so the oracle in `xxh3_test.ts`. Measured with `deno bench lib/assignment/strategies/xxh3_bench.ts` on Deno 2.9.6,
 * two shared cores, time per hash of 8 / 15 / 36 bytes: this file 57 / 106 / 335 ns, hash-wasm 268 / 282 / 291 ns (with one
 * fixed seed), BigInt arithmetic 1,200 ns at 36 bytes. Beyond 128 bytes `xxh3_long.ts` takes over.
 *
 * Algorithm: Yann Collet, xxHash 0.8, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. 64-bit numbers are held
 * as two unsigned 32-bit halves; a function that yields one leaves it in `H` and `L`.
 *
 * @module
 */
import { SECRET, xxh3Long } from "./xxh3_long.ts";

/** A 64-bit number in two halves. Passed in to be filled, so that hashing allocates nothing. */
export interface Hash64 {
  /** The upper 32 bits, unsigned. */
  hi: number;
  /** The lower 32 bits, unsigned. */
  lo: number;
}

/** The secret as little-endian 32-bit words: the word at byte offset `o` is `WORDS[o / 4]`. All offsets used are multiples of 4. */
const WORDS: Uint32Array = new Uint32Array(SECRET.length / 4);
for (let i = 0; i < WORDS.length; i++) WORDS[i] = read32(SECRET, i * 4);

/** The halves of the result of the latest arithmetic below. */
let H = 0;
let L = 0;

function read32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;
}

function word(offset: number): number {
  return WORDS[offset >>> 2]!;
}

function swap32(x: number): number {
  return (x << 24 | (x & 0xff00) << 8 | x >>> 8 & 0xff00 | x >>> 24) >>> 0;
}

/** The upper half of a 32 × 32 bit product. Every intermediate fits 32 bits, so doubles hold it exactly. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff, a1 = a >>> 16, b0 = b & 0xffff, b1 = b >>> 16;
  const low = a0 * b0;
  const mid1 = a1 * b0 + (low >>> 16);
  const mid2 = a0 * b1 + (mid1 & 0xffff);
  return a1 * b1 + (mid1 >>> 16) + (mid2 >>> 16);
}

function add(ah: number, al: number, bh: number, bl: number): void {
  const low = al + bl;
  L = low >>> 0;
  H = (ah + bh + (low > 0xffffffff ? 1 : 0)) >>> 0;
}

function sub(ah: number, al: number, bh: number, bl: number): void {
  L = (al - bl) >>> 0;
  H = (ah - bh - (al < bl ? 1 : 0)) >>> 0;
}

function mul(ah: number, al: number, bh: number, bl: number): void {
  H = (mulHigh(al, bl) + Math.imul(ah, bl) + Math.imul(al, bh)) >>> 0;
  L = Math.imul(al, bl) >>> 0;
}

/** The 128-bit product, its upper and lower half xored. */
function mulFold(ah: number, al: number, bh: number, bl: number): void {
  // Schoolbook in four 32-bit columns; sums of three 32-bit numbers stay far below 2^53.
  const col1 = mulHigh(al, bl) + (Math.imul(ah, bl) >>> 0) + (Math.imul(al, bh) >>> 0);
  const col2 = mulHigh(ah, bl) + mulHigh(al, bh) + (Math.imul(ah, bh) >>> 0) +
    Math.floor(col1 / 0x100000000);
  const col3 = mulHigh(ah, bh) + Math.floor(col2 / 0x100000000);
  L = (Math.imul(al, bl) ^ col2) >>> 0;
  H = (col1 ^ col3) >>> 0;
}

/** XXH64's finalizer, applied to `H`, `L`. */
function avalanche64(): void {
  L = (L ^ H >>> 1) >>> 0;
  mul(H, L, 0xc2b2ae3d, 0x27d4eb4f);
  L = (L ^ (L >>> 29 | H << 3)) >>> 0;
  H = (H ^ H >>> 29) >>> 0;
  mul(H, L, 0x165667b1, 0x9e3779f9);
  L = (L ^ H) >>> 0;
}

/** XXH3's finalizer, applied to `H`, `L`. */
function avalanche3(): void {
  L = (L ^ H >>> 5) >>> 0;
  mul(H, L, 0x16566791, 0x9e3779f9);
  L = (L ^ H) >>> 0;
}

function hash0(seedHi: number, seedLo: number): void {
  H = (seedHi ^ word(60) ^ word(68)) >>> 0;
  L = (seedLo ^ word(56) ^ word(64)) >>> 0;
  avalanche64();
}

function hash1to3(bytes: Uint8Array, length: number, seedHi: number, seedLo: number): void {
  const combined =
    (bytes[0]! << 16 | bytes[length >> 1]! << 24 | bytes[length - 1]! | length << 8) >>> 0;
  add(0, (word(0) ^ word(4)) >>> 0, seedHi, seedLo);
  L = (L ^ combined) >>> 0;
  avalanche64();
}

function hash4to8(bytes: Uint8Array, length: number, seedHi: number, seedLo: number): void {
  key4to8(seedHi, seedLo);
  mix4to8((H ^ read32(bytes, 0)) >>> 0, (L ^ read32(bytes, length - 4)) >>> 0, length);
}

/** The part that the seed alone decides. */
function key4to8(seedHi: number, seedLo: number): void {
  const mixedSeedHi = (seedHi ^ swap32(seedLo)) >>> 0;
  sub((word(12) ^ word(20)) >>> 0, (word(8) ^ word(16)) >>> 0, mixedSeedHi, seedLo);
}

function mix4to8(h: number, l: number, length: number): void {
  // h ^= rotl(h, 49) ^ rotl(h, 24)
  const rh = (h ^ (l << 17 | h >>> 15) ^ (h << 24 | l >>> 8)) >>> 0;
  const rl = (l ^ (h << 17 | l >>> 15) ^ (l << 24 | h >>> 8)) >>> 0;
  mul(rh, rl, 0x9fb21c65, 0x1e98df25);
  // h ^= (h >> 35) + length: the sum stays below 2^32 here.
  L = (L ^ ((H >>> 3) + length)) >>> 0;
  mul(H, L, 0x9fb21c65, 0x1e98df25);
  L = (L ^ (L >>> 28 | H << 4)) >>> 0;
  H = (H ^ H >>> 28) >>> 0;
}

function hash9to16(bytes: Uint8Array, length: number, seedHi: number, seedLo: number): void {
  add((word(28) ^ word(36)) >>> 0, (word(24) ^ word(32)) >>> 0, seedHi, seedLo);
  const lowHi = (H ^ read32(bytes, 4)) >>> 0, lowLo = (L ^ read32(bytes, 0)) >>> 0;
  sub((word(44) ^ word(52)) >>> 0, (word(40) ^ word(48)) >>> 0, seedHi, seedLo);
  const highHi = (H ^ read32(bytes, length - 4)) >>> 0;
  const highLo = (L ^ read32(bytes, length - 8)) >>> 0;
  mulFold(lowHi, lowLo, highHi, highLo);
  add(H, L, highHi, highLo);
  add(H, L, swap32(lowLo), swap32(lowHi));
  add(H, L, 0, length);
  avalanche3();
}

/** Adds one mixed 16-byte piece to an accumulator given in `accHi`, `accLo`. */
function addMix16(
  accHi: number,
  accLo: number,
  bytes: Uint8Array,
  at: number,
  secretAt: number,
  seedHi: number,
  seedLo: number,
): void {
  add(word(secretAt + 4), word(secretAt), seedHi, seedLo);
  const ah = (H ^ read32(bytes, at + 4)) >>> 0, al = (L ^ read32(bytes, at)) >>> 0;
  sub(word(secretAt + 12), word(secretAt + 8), seedHi, seedLo);
  const bh = (H ^ read32(bytes, at + 12)) >>> 0, bl = (L ^ read32(bytes, at + 8)) >>> 0;
  mulFold(ah, al, bh, bl);
  add(accHi, accLo, H, L);
}

function hash17to128(bytes: Uint8Array, length: number, seedHi: number, seedLo: number): void {
  mul(0x9e3779b1, 0x85ebca87, 0, length);
  // Pairs of pieces from both ends; the sum does not depend on their order.
  for (let i = (length - 1) >>> 5; i >= 0; i--) {
    addMix16(H, L, bytes, 16 * i, 32 * i, seedHi, seedLo);
    addMix16(H, L, bytes, length - 16 * (i + 1), 32 * i + 16, seedHi, seedLo);
  }
  avalanche3();
}

/**
 * XXH3-64 of some bytes, into halves.
 *
 * @param bytes a buffer that begins with the input
 * @param length how many of its bytes are the input
 * @param seed the seed; may be the same object as `out`
 * @param out receives the hash
 */
export function xxh3Into(bytes: Uint8Array, length: number, seed: Hash64, out: Hash64): void {
  if (length > 128) {
    const hash = xxh3Long(bytes.subarray(0, length), BigInt(seed.hi) << 32n | BigInt(seed.lo));
    out.hi = Number(hash >> 32n);
    out.lo = Number(hash & 0xffffffffn);
    return;
  }
  if (length > 16) hash17to128(bytes, length, seed.hi, seed.lo);
  else if (length > 8) hash9to16(bytes, length, seed.hi, seed.lo);
  else if (length > 3) hash4to8(bytes, length, seed.hi, seed.lo);
  else if (length > 0) hash1to3(bytes, length, seed.hi, seed.lo);
  else hash0(seed.hi, seed.lo);
  out.hi = H;
  out.lo = L;
}

/**
 * What all numbers that are hashed with one seed have in common, for {@linkcode xxh3NumberInto}.
 *
 * @param seed the seed
 * @param key receives it
 */
export function xxh3NumberKey(seed: Hash64, key: Hash64): void {
  key4to8(seed.hi, seed.lo);
  key.hi = H;
  key.lo = L;
}

/**
 * XXH3-64 of a number as a little-endian u64, into halves: half the work where many are hashed with one seed.
 *
 * @param number the number, 0 ≤ number < 2^32
 * @param key what {@linkcode xxh3NumberKey} has made of the seed
 * @param out receives the hash
 */
export function xxh3NumberInto(number: number, key: Hash64, out: Hash64): void {
  mix4to8((key.hi ^ number) >>> 0, key.lo, 8);
  out.hi = H;
  out.lo = L;
}

/**
 * XXH3-64 of some bytes, as one number. For tests and tools; hot paths use {@linkcode xxh3Into}.
 *
 * @param bytes the input
 * @param seed the seed, 0 ≤ seed < 2^64
 * @returns the hash
 */
export function xxh3(bytes: Uint8Array, seed = 0n): bigint {
  const out = { hi: Number(seed >> 32n), lo: Number(seed & 0xffffffffn) };
  xxh3Into(bytes, bytes.length, out, out);
  return BigInt(out.hi) << 32n | BigInt(out.lo);
}
