import assert from "node:assert/strict";
import { encodeJson } from "../codec.ts";
import { isPartiError, type PartiErrorCode } from "../errors.ts";
import { FakeBucket, timeout } from "../membership/fake_bucket_test.ts";
import { chunkKey, CURRENT_KEY } from "../names.ts";
import { encodeSnapshot, weightTable } from "./snapshot.ts";
import {
  CHUNK_BYTES,
  encodePointer,
  partFor,
  partsOf,
  readPart,
  removePartsBefore,
  writePart,
} from "./snapshot_parts.ts";
import { readSnapshot } from "./snapshot_store.ts";

const HASH = "0123456789abcdef";
const PART = { epoch: 1, generation: 1, hash: HASH, chunks: 1, bytes: 1_000 };
const NEXT = { ...PART, generation: 2 };

function refused(run: () => Promise<unknown>, code: PartiErrorCode): Promise<void> {
  return assert.rejects(run, (error) => isPartiError(error, code));
}

Deno.test("snapshot parts: what was pointed to is found", () => {
  const bucket = new FakeBucket();
  bucket.poke(CURRENT_KEY, { v: 1, epoch: 1, generation: 1 });
  const entry = bucket.peek(CURRENT_KEY)!;
  assert.deepEqual(partsOf(entry), []);
  const parts = [PART, NEXT, { ...PART, epoch: 2 }];
  const value = encodePointer(parts);
  assert.deepEqual(partsOf({ ...entry, value }), parts);
  // This is all that a reader at rest reads.
  const longest = Array.from({ length: 16 }, (_, n) => ({ ...PART, epoch: 1e6, generation: n }));
  assert.ok(encodePointer(longest).length < 1_600);
});

Deno.test("snapshot parts: hostile pointers are refused without allocating the world", async () => {
  const bucket = new FakeBucket();
  const one = (change: object) => ({ parts: [{ ...PART, ...change }] });
  const hostile: object[] = [
    { v: 2 },
    { epoch: 2 },
    { generation: 2 },
    { generation: undefined },
    { parts: null },
    { parts: {} },
    { parts: [] },
    { parts: [null] },
    { parts: [PART, PART] },
    { generation: 1, parts: [NEXT, PART] },
    { parts: [{ ...PART, epoch: 0, chunks: 1_024 }, PART] },
    { parts: Array.from({ length: 1_025 }, (_, n) => ({ ...PART, epoch: 0, generation: n })) },
    one({ chunks: 1e9 }),
    one({ chunks: -1 }),
    one({ chunks: 0, bytes: 0 }),
    one({ chunks: 1.5 }),
    one({ chunks: "1" }),
    one({ chunks: null }),
    one({ bytes: 1e15 }),
    one({ bytes: CHUNK_BYTES + 1 }),
    one({ bytes: -1 }),
    one({ bytes: undefined }),
    one({ epoch: "x" }),
    one({ generation: -1 }),
    one({ hash: undefined }),
    one({ hash: `${HASH}0` }),
    one({ hash: ">" }),
  ];
  for (const change of hostile) {
    bucket.poke(CURRENT_KEY, { v: 1, epoch: 1, generation: 1, parts: [PART], ...change });
    const entry = bucket.peek(CURRENT_KEY)!;
    await refused(() => readSnapshot(bucket, entry), "PARTI_INVALID_ASSIGNMENT");
  }
  assert.deepEqual(bucket.log, []);
  // A chunk that holds another snapshot than the pointer says.
  const leader = { worker: "w", instance: "i" };
  const snapshot = { ...NEXT, leader, atMs: 1, workers: [], weights: weightTable([]) };
  const stranger = encodeJson(JSON.parse(encodeSnapshot({ ...snapshot, reason: "refresh" })));
  const part = partFor(PART, stranger);
  await bucket.put(chunkKey(part, 0), stranger);
  bucket.poke(
    CURRENT_KEY,
    JSON.parse(new TextDecoder().decode(
      encodePointer([part]),
    )),
  );
  const entry = bucket.peek(CURRENT_KEY)!;
  await refused(() => readSnapshot(bucket, entry), "PARTI_INVALID_ASSIGNMENT");
});

Deno.test("snapshot parts: half of a part is no part", async () => {
  const bucket = new FakeBucket();
  const data = new Uint8Array(2 * CHUNK_BYTES + 7).map((_, n) => n % 251);
  const part = partFor(PART, data);
  await writePart(bucket, part, data);
  assert.deepEqual(await readPart(bucket, part), data);
  const key = chunkKey(part, 1);
  const chunk = bucket.peek(key)!;
  await bucket.erase(key);
  await refused(() => readPart(bucket, part), "PARTI_NOT_FOUND");
  await bucket.put(key, chunk.value.subarray(1));
  await refused(() => readPart(bucket, part), "PARTI_INVALID_ASSIGNMENT");
});

Deno.test("snapshot parts: those of earlier epochs that are not read are removed, and no others", async () => {
  const bucket = new FakeBucket();
  const named = (name: string, hash = HASH) => `chunk.${name}.${hash}.0`;
  const keys = ["3.9", "4.1", "4.2", "4.3", "5.1", "5.3", "9.1"].map((name) => named(name));
  // Tries that were followed by others.
  const strange = ["4.1", "5.1"].map((name) => named(name, HASH.replace("0", "1")));
  for (const key of [...keys, ...strange, "chunk.x", CURRENT_KEY]) {
    await bucket.put(key, new Uint8Array(1));
  }
  const read = [1, 3].map((generation) => ({ ...PART, epoch: 4, generation }));
  // The first of them gets no answer, for which the others do not wait.
  bucket.after = (operation, key) => {
    if (operation === "erase" && key === keys[0]) throw timeout();
  };
  await refused(() => removePartsBefore(bucket, 5, read), "PARTI_TIMEOUT");
  const left = (await bucket.list(">")).map(({ key }) => key);
  const kept = ["4.1", "4.3", "5.1", "5.3", "9.1"].map((name) => named(name));
  assert.deepEqual(left, [...kept, strange[1], "chunk.x", CURRENT_KEY]);
});

Deno.test("snapshot parts: two writes have no key in common, whatever they say", () => {
  const data = new TextEncoder().encode("the same");
  const after = { epoch: 5, generation: 1 };
  const writtenFor = [after, { epoch: 5, generation: 2 }, { epoch: 6, generation: 1 }];
  const hashes = writtenFor.map((each) => partFor(after, data, each).hash);
  assert.equal(new Set(hashes).size, 3);
  assert.equal(partFor(after, data).hash, hashes[0]);
});
