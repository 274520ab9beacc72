import assert from "node:assert/strict";
import { partitionHash, ringPointHash, ringPointKey, seedHash, workerHash } from "./hash.ts";
import { xxh3 } from "./xxh3.ts";

const big = ({ hi, lo }: { hi: number; lo: number }) => BigInt(hi) << 32n | BigInt(lo);
const encode = (text: string) => new TextEncoder().encode(text);

function ofPartition(id: string, seed = 0): bigint {
  const out = { hi: 0, lo: 0 };
  partitionHash(id, seedHash(seed), out);
  return big(out);
}

function ofWorker(id: string, seed = 0): bigint {
  const out = { hi: 0, lo: 0 };
  workerHash(id, seedHash(seed), out);
  return big(out);
}

/** Made with this code once `xxh3_test.ts` agreed with the reference. */
const VECTORS = {
  partitions: [
    "41a5fd59792000bc",
    "87115a6d646156cc",
    "6ed69345f377f8ce",
    "93f9154962feb4b1",
    "62e391705ace49c6",
  ],
  seeded: "99ddfdd74ec65cff",
  worker: "339cfc17c4ed735c",
  point: "997668635faacdb9",
};

// If one of these changes, every group that hashes moves nearly all its partitions when it is updated.
Deno.test("hash: test vectors", () => {
  const hex = (value: bigint) => value.toString(16).padStart(16, "0");
  assert.deepEqual(
    ["p-0", "p-1", "tenant-7.orders", "tenant-7.orders.eu", "ünï.ключ"].map((id) =>
      hex(ofPartition(id))
    ),
    VECTORS.partitions,
  );
  assert.equal(hex(ofPartition("tenant-7.orders", 42)), VECTORS.seeded);
  assert.equal(hex(ofWorker("worker-12")), VECTORS.worker);
  const point = { hi: 0, lo: 0 };
  workerHash("worker-12", seedHash(0), point);
  ringPointKey(point, point);
  ringPointHash(point, 149, point);
  assert.equal(hex(big(point)), VECTORS.point);
});

Deno.test("hash: each key is hashed with the hash so far as its seed", () => {
  const first = xxh3(encode("tenant-7"), 5n);
  assert.equal(ofPartition("tenant-7.orders", 5), xxh3(encode("orders"), first));
  assert.equal(ofPartition("tenant-7"), xxh3(encode("tenant-7")));
});

Deno.test("hash: where one key ends and the next begins matters, and so does their order", () => {
  const all = ["a.b", "b.a", "ab", "a.b.", "a..b"].map((id) => ofPartition(id));
  assert.equal(new Set(all).size, all.length);
});

Deno.test("hash: text is hashed as UTF-8, and long keys fit", () => {
  for (const key of ["ünïcödé", "日本語", "x".repeat(255), "x".repeat(1_000), "é".repeat(700)]) {
    assert.equal(ofPartition(key), xxh3(encode(key)), key);
    assert.equal(ofPartition(`a.${key}`), xxh3(encode(key), xxh3(encode("a"))), key);
    assert.equal(ofWorker(key, 3), xxh3(encode(key), 3n), key);
  }
});

Deno.test("hash: a ring point is the number as a little-endian u64, seeded with the worker", () => {
  const worker = seedHash(0);
  workerHash("worker-3", seedHash(0), worker);
  const out = { hi: 0, lo: 0 };
  const key = { hi: 0, lo: 0 };
  ringPointKey(worker, key);
  ringPointHash(key, 0x01020304, out);
  assert.equal(big(out), xxh3(Uint8Array.of(4, 3, 2, 1, 0, 0, 0, 0), big(worker)));
});

Deno.test("hash: seeds beyond 32 bits keep their upper half", () => {
  assert.deepEqual(seedHash(2 ** 40 + 5), { hi: 256, lo: 5 });
  assert.deepEqual(seedHash(Number.MAX_SAFE_INTEGER), { hi: 0x1fffff, lo: 0xffffffff });
});
