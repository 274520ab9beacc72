import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeJson } from "../codec.ts";
import {
  compareSnapshots,
  decodeSnapshot,
  encodeSnapshot,
  instancesOf,
  ownersOf,
  partitionsOf,
  type Snapshot,
  weightTable,
} from "./snapshot.ts";

const SNAPSHOT: Snapshot = {
  epoch: 7,
  generation: 3,
  leader: { worker: "worker-0", instance: "i-0" },
  reason: "emergency",
  atMs: 1,
  workers: [
    { id: "worker-0", instance: "i-0", partitions: ["a", "b"] },
    { id: "worker-1", instance: "i-1", partitions: ["constructor", "__proto__"] },
  ],
  weights: weightTable([["a", 2], ["b", 1], ["__proto__", 5]]),
};

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("snapshot: what was encoded is decoded, whatever partitions are called", () => {
  const decoded = decodeSnapshot(bytes(encodeSnapshot(SNAPSHOT)));
  assert.deepEqual(decoded, SNAPSHOT);
  assert.deepEqual(partitionsOf(decoded!), [
    { id: "a", weight: 2 },
    { id: "b", weight: 1 },
    { id: "constructor", weight: 1 },
    { id: "__proto__", weight: 5 },
  ]);
  assert.equal(decoded!.weights["toString"], undefined);
  assert.equal(ownersOf(decoded!).get("__proto__")?.id, "worker-1");
});

Deno.test("snapshot: its instances are one set for all who ask", () => {
  const instances = instancesOf(SNAPSHOT);
  assert.deepEqual([...instances], ["i-0", "i-1"]);
  assert.equal(instancesOf(SNAPSHOT), instances);
  assert.notEqual(instancesOf({ ...SNAPSHOT }), instances);
});

Deno.test("snapshot: ordered by epoch, then by generation", () => {
  const at = (epoch: number, generation: number) => ({ epoch, generation });
  assert.ok(compareSnapshots(at(2, 1), at(1, 9)) > 0);
  assert.ok(compareSnapshots(at(2, 1), at(2, 2)) < 0);
  assert.equal(compareSnapshots(at(2, 2), at(2, 2)), 0);
});

Deno.test("snapshot: hostile input is refused", () => {
  const raw = JSON.parse(encodeSnapshot(SNAPSHOT));
  const worker = { id: "w", instance: "i", partitions: ["p"] };
  const changes: Record<string, unknown>[] = [
    { v: 2 },
    { v: undefined },
    { epoch: "7" },
    { epoch: -1 },
    { epoch: 1.5 },
    { epoch: 1e300 },
    { generation: null },
    { leader: null },
    { leader: [] },
    { leader: { worker: 1, instance: "i" } },
    { reason: 5 },
    { atMs: "now" },
    { workers: {} },
    { workers: [null] },
    { workers: [{ ...worker, id: 1 }] },
    { workers: [{ ...worker, instance: undefined }] },
    { workers: [{ ...worker, partitions: "p" }] },
    { workers: [{ ...worker, partitions: [1] }] },
    { workers: [{ ...worker, partitions: ["p", "p"] }] },
    { workers: [worker, { id: "x", instance: "j", partitions: ["p"] }] },
    { workers: [worker, { id: "w", instance: "j", partitions: [] }] },
    { weights: [] },
    { weights: null },
    { weights: { a: "2" } },
    { weights: { a: 0 } },
    { weights: { a: -1 } },
  ];
  for (const change of changes) {
    const decoded = decodeSnapshot(encodeJson({ ...raw, ...change }));
    assert.equal(decoded, undefined, JSON.stringify(change));
  }
  for (const text of ["", "null", "[]", "7", "{", '{"v":1}', "\u0000"]) {
    assert.equal(decodeSnapshot(bytes(text)), undefined, text);
  }
  assert.equal(decodeSnapshot(new Uint8Array([0xff, 0xfe])), undefined);
});

Deno.test("snapshot: anything at all is decoded to an assignment with one owner each, or refused", () => {
  fc.assert(fc.property(fc.json(), fc.object(), (text, object) => {
    decodeSnapshot(bytes(text));
    const mixed = decodeSnapshot(
      encodeJson({ ...JSON.parse(encodeSnapshot(SNAPSHOT)), ...object }),
    );
    if (mixed === undefined) return;
    const all = mixed.workers.flatMap((worker) => worker.partitions);
    assert.equal(new Set(all).size, all.length);
  }));
});
