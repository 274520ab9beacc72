import assert from "node:assert/strict";
import { createXXHash3 } from "hash-wasm";
import fc from "fast-check";
import { xxh3, xxh3Into } from "./xxh3.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** The reference implementation, compiled to WASM. */
async function reference(bytes: Uint8Array, seed: bigint): Promise<bigint> {
  const hasher = await createXXHash3(Number(seed & 0xffffffffn), Number(seed >> 32n));
  return BigInt(`0x${hasher.init().update(bytes).digest("hex")}`);
}

Deno.test("XXH3: known values of the reference implementation", () => {
  assert.equal(xxh3(encode("")), 0x2d06800538d394c2n);
  assert.equal(xxh3(encode("a")), 0xe6c632b61e964e1fn);
  assert.equal(xxh3(encode("abc")), 0x78af5f94892f3950n);
});

Deno.test("XXH3: equals the reference for every length up to 600 and around every block", async () => {
  const lengths = Array.from({ length: 601 }, (_, i) => i);
  for (let block = 1024; block <= 4096; block += 1024) {
    lengths.push(block - 1, block, block + 1, block + 64);
  }
  for (const seed of [0n, 1n, 0x8000000000000000n, 0xffffffffffffffffn, 0x0123456789abcdefn]) {
    const hasher = await createXXHash3(Number(seed & 0xffffffffn), Number(seed >> 32n));
    for (const length of lengths) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 167 + length * 31) & 0xff);
      const want = BigInt(`0x${hasher.init().update(bytes).digest("hex")}`);
      assert.equal(xxh3(bytes, seed), want, `length ${length}, seed ${seed}`);
    }
  }
});

Deno.test("XXH3: equals the reference for any bytes and seed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
      async (bytes, seed) => assert.equal(xxh3(bytes, seed), await reference(bytes, seed)),
    ),
    { numRuns: 300 },
  );
});

Deno.test("XXH3: seed and result may be the same object, and the rest of the buffer does not count", () => {
  const hash = { hi: 7, lo: 9 };
  const bytes = encode("orders-and-more");
  xxh3Into(bytes, 6, hash, hash);
  assert.equal(BigInt(hash.hi) << 32n | BigInt(hash.lo), xxh3(encode("orders"), 7n << 32n | 9n));
});
