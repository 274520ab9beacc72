/**
 * XXH3-64 for inputs above 128 bytes, in BigInt arithmetic.
 *
 * Keys are hardly ever so long; from here on plainness counts more than speed (129 bytes take 1.2 µs).
 *
 * Algorithm: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, sections "Medium inputs" and "Large inputs".
 *
 * @module
 */

/** XXH3's default secret, 192 bytes. */
export const SECRET: Uint8Array = Uint8Array.from(
  ("b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c" +
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364ea" +
    "c5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")
    .match(/../g)!,
  (pair) => parseInt(pair, 16),
);

const MASK = (1n << 64n) - 1n;
const P32_1 = 0x9e3779b1n, P32_2 = 0x85ebca77n, P32_3 = 0xc2b2ae3dn;
const P64_1 = 0x9e3779b185ebca87n, P64_2 = 0xc2b2ae3d27d4eb4fn, P64_3 = 0x165667b19e3779f9n;
const P64_4 = 0x85ebca77c2b2ae63n, P64_5 = 0x27d4eb2f165667c5n;
const STRIPE_BYTES = 64;
const STRIPES_PER_BLOCK = (192 - STRIPE_BYTES) / 8;
const BLOCK_BYTES = STRIPE_BYTES * STRIPES_PER_BLOCK;

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function u64(data: DataView, at: number): bigint {
  return data.getBigUint64(at, true);
}

function mulFold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK) ^ (product >> 64n);
}

function avalanche(hash: bigint): bigint {
  const mixed = ((hash ^ hash >> 37n) * 0x165667919e3779f9n) & MASK;
  return mixed ^ mixed >> 32n;
}

function mix16(input: DataView, at: number, secret: DataView, sAt: number, seed: bigint): bigint {
  return mulFold(
    u64(input, at) ^ ((u64(secret, sAt) + seed) & MASK),
    u64(input, at + 8) ^ ((u64(secret, sAt + 8) - seed) & MASK),
  );
}

function hash129to240(input: DataView, seed: bigint): bigint {
  const length = input.byteLength;
  const secret = view(SECRET);
  let acc = BigInt(length) * P64_1;
  for (let i = 0; i < 8; i++) acc += mix16(input, 16 * i, secret, 16 * i, seed);
  acc = avalanche(acc & MASK);
  for (let i = 8; i < length >> 4; i++) {
    acc += mix16(input, 16 * i, secret, 16 * (i - 8) + 3, seed);
  }
  acc += mix16(input, length - 16, secret, 136 - 17, seed);
  return avalanche(acc & MASK);
}

/** The secret of a seed: the default one with the seed added and subtracted in turn. */
function seededSecret(seed: bigint): DataView {
  const from = view(SECRET);
  const to = view(new Uint8Array(192));
  for (let at = 0; at < 192; at += 16) {
    to.setBigUint64(at, (u64(from, at) + seed) & MASK, true);
    to.setBigUint64(at + 8, (u64(from, at + 8) - seed) & MASK, true);
  }
  return to;
}

function accumulate(acc: bigint[], input: DataView, at: number, secret: DataView, sAt: number) {
  for (let i = 0; i < 8; i++) {
    const value = u64(input, at + 8 * i);
    const key = value ^ u64(secret, sAt + 8 * i);
    acc[i ^ 1] = (acc[i ^ 1]! + value) & MASK;
    acc[i] = (acc[i]! + (key & 0xffffffffn) * (key >> 32n)) & MASK;
  }
}

function scramble(acc: bigint[], secret: DataView) {
  for (let i = 0; i < 8; i++) {
    const value = acc[i]! ^ acc[i]! >> 47n ^ u64(secret, 128 + 8 * i);
    acc[i] = (value * P32_1) & MASK;
  }
}

function hashLarge(input: DataView, seed: bigint): bigint {
  const length = input.byteLength;
  const secret = seededSecret(seed);
  const acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1];
  // The last stripe is always taken from the end of the input, so the stripes before it cover length - 1 bytes.
  const stripes = Math.floor((length - 1) / STRIPE_BYTES);
  for (let stripe = 0; stripe < stripes; stripe++) {
    const inBlock = stripe % STRIPES_PER_BLOCK;
    accumulate(acc, input, STRIPE_BYTES * stripe, secret, 8 * inBlock);
    const blockEnds = inBlock === STRIPES_PER_BLOCK - 1;
    if (
      blockEnds &&
      (stripe + 1) * STRIPE_BYTES <= Math.floor((length - 1) / BLOCK_BYTES) * BLOCK_BYTES
    ) {
      scramble(acc, secret);
    }
  }
  accumulate(acc, input, length - STRIPE_BYTES, secret, 192 - STRIPE_BYTES - 7);
  let result = BigInt(length) * P64_1;
  for (let i = 0; i < 4; i++) {
    result += mulFold(
      acc[2 * i]! ^ u64(secret, 11 + 16 * i),
      acc[2 * i + 1]! ^ u64(secret, 19 + 16 * i),
    );
  }
  return avalanche(result & MASK);
}

/**
 * XXH3-64 of more than 128 bytes.
 *
 * @param bytes the input, longer than 128 bytes
 * @param seed the seed, 0 ≤ seed < 2^64
 * @returns the hash
 */
export function xxh3Long(bytes: Uint8Array, seed: bigint): bigint {
  const input = view(bytes);
  return bytes.length <= 240 ? hash129to240(input, seed) : hashLarge(input, seed);
}
