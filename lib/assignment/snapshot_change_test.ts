import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeJson } from "../codec.ts";
import { type Snapshot, type SnapshotWorker, weightTable } from "./snapshot.ts";
import {
  applyChange,
  changeBetween,
  decodeChange,
  encodeChange,
  type SnapshotChange,
} from "./snapshot_change.ts";

const BEFORE: Snapshot = {
  epoch: 7,
  generation: 3,
  leader: { worker: "worker-0", instance: "i-0" },
  reason: "emergency",
  atMs: 1,
  workers: [
    { id: "worker-0", instance: "i-0", partitions: ["a", "b", "c"] },
    { id: "worker-2", instance: "i-2", partitions: ["constructor"] },
    { id: "worker-10", instance: "i-10", partitions: ["__proto__", "d"] },
  ],
  weights: weightTable([["a", 2], ["__proto__", 5]]),
};

/** A worker joins, another is there as a new instance, weights change. */
const NOW: Snapshot = {
  ...BEFORE,
  generation: 5,
  reason: "planned_scale",
  workers: [
    { id: "worker-0", instance: "i-0", partitions: ["a", "c"] },
    { id: "worker-1", instance: "i-1", partitions: ["b", "new"] },
    { id: "worker-2", instance: "i-2b", partitions: ["constructor"] },
    { id: "worker-10", instance: "i-10", partitions: ["__proto__", "d"] },
  ],
  weights: weightTable([["__proto__", 4], ["new", 3]]),
};

const encoder = new TextEncoder();

/** Over the wire and applied. */
function carry(before: Snapshot, now: Snapshot): Snapshot | undefined {
  const change = decodeChange(encoder.encode(encodeChange(changeBetween(before, now))));
  assert.ok(change !== undefined);
  return applyChange(before, change);
}

/** What only has to be some snapshot: workers in any order, as other instances now and then, with partitions in any order. */
function snapshots(generation: number): fc.Arbitrary<Snapshot> {
  const name = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "__proto__", "constructor", "");
  const worker = fc.record({
    id: fc.nat(6).map((n) => `worker-${n}`),
    instance: fc.constantFrom("i", "j"),
  });
  return fc.record({
    workers: fc.uniqueArray(worker, { selector: ({ id }) => id }),
    partitions: fc.uniqueArray(name),
    owners: fc.array(fc.nat(), { minLength: 10, maxLength: 10 }),
    isSorted: fc.boolean(),
    weighed: fc.array(fc.tuple(name, fc.integer({ min: 1, max: 3 }))),
  }).map(({ workers, partitions, owners, isSorted, weighed }) => {
    const parts: SnapshotWorker[] = workers.map((each, n) => {
      const own = partitions.filter((_, p) => owners[p]! % workers.length === n);
      return { ...each, partitions: isSorted ? own.sort() : own };
    });
    return { ...BEFORE, generation, workers: parts, weights: weightTable(weighed) };
  });
}

Deno.test("snapshot change: says what is another, and shares what is not", () => {
  const change = changeBetween(BEFORE, NOW);
  assert.deepEqual(change, {
    after: { epoch: 7, generation: 3 },
    epoch: 7,
    generation: 5,
    leader: NOW.leader,
    reason: "planned_scale",
    atMs: 1,
    gone: ["worker-2"],
    changed: [{ id: "worker-0", instance: "i-0", added: [], removed: ["b"] }],
    came: [
      { at: 1, id: "worker-1", instance: "i-1", partitions: ["b", "new"] },
      { at: 2, id: "worker-2", instance: "i-2b", partitions: ["constructor"] },
    ],
    weights: Object.assign(weightTable([["__proto__", 4], ["new", 3]]), { a: 1 }),
  });
  const applied = carry(BEFORE, NOW)!;
  assert.deepEqual(applied, NOW);
  assert.equal(applied.workers[3], BEFORE.workers[2]);
  assert.equal(carry(BEFORE, { ...BEFORE, epoch: 9 })!.weights, BEFORE.weights);
});

Deno.test("snapshot change: what is between any two snapshots makes the second of the first", () => {
  fc.assert(fc.property(snapshots(3), snapshots(4), (before, now) => {
    assert.deepEqual(carry(before, now), now);
  }));
});

Deno.test("snapshot change: one that does not fit is refused", () => {
  const change = changeBetween(BEFORE, NOW);
  assert.deepEqual(applyChange(BEFORE, change), NOW);
  const moved = { id: "worker-0", instance: "i-0", added: [] as string[], removed: ["b"] };
  const came = { at: 1, id: "worker-1", instance: "i-1", partitions: ["b"] };
  const misfits: Partial<SnapshotChange>[] = [
    { after: { epoch: 6, generation: 3 } },
    { after: { epoch: 7, generation: 2 } },
    { generation: 3 },
    { epoch: 6 },
    { gone: ["worker-7"] },
    { gone: ["worker-2", "worker-2"] },
    { gone: ["worker-2", "worker-0"] },
    { changed: [moved, moved] },
    { changed: [{ ...moved, id: "worker-7" }] },
    { changed: [{ ...moved, instance: "i-9" }] },
    { changed: [{ ...moved, removed: ["z"] }] },
    { changed: [{ ...moved, removed: ["b", "b"] }] },
    { changed: [{ ...moved, added: ["e", "e"] }] },
    // Somebody would have what another keeps, gets too, or it has itself.
    { changed: [{ ...moved, added: ["d"] }] },
    { changed: [{ ...moved, added: ["new"] }] },
    { changed: [{ ...moved, added: ["a"] }] },
    { changed: [] },
    { came: [{ ...came, at: 9 }] },
    { came: [{ ...came, at: 2 }, { ...came, at: 1, id: "worker-9", partitions: [] }] },
    { came: [{ ...came, id: "worker-10" }] },
    { came: [{ ...came, partitions: ["c"] }] },
  ];
  for (const misfit of misfits) {
    assert.equal(applyChange(BEFORE, { ...change, ...misfit }), undefined, JSON.stringify(misfit));
  }
});

Deno.test("snapshot change: hostile input is refused", () => {
  const raw = JSON.parse(encodeChange(changeBetween(BEFORE, NOW)));
  const [changed] = raw.changed, [came] = raw.came;
  const changes: Record<string, unknown>[] = [
    { v: 2 },
    { epoch: -1 },
    { leader: null },
    { after: undefined },
    { after: [7, 3] },
    { after: { epoch: 7 } },
    { after: { epoch: 7, generation: "3" } },
    { gone: undefined },
    { gone: "worker-2" },
    { gone: [2] },
    { changed: {} },
    { changed: [null] },
    { changed: [{ ...changed, id: 1 }] },
    { changed: [{ ...changed, instance: undefined }] },
    { changed: [{ ...changed, added: "a" }] },
    { changed: [{ ...changed, removed: [1] }] },
    { came: null },
    { came: [7] },
    { came: [{ ...came, at: -1 }] },
    { came: [{ ...came, at: undefined }] },
    { came: [{ ...came, partitions: [1] }] },
    { came: [came, { ...came, id: "x" }] },
    { weights: [] },
    { weights: { a: 0 } },
  ];
  for (const change of changes) {
    const decoded = decodeChange(encodeJson({ ...raw, ...change }));
    assert.equal(decoded, undefined, JSON.stringify(change));
  }
  for (const text of ["", "null", "[]", "{", '{"v":1}']) {
    assert.equal(decodeChange(encoder.encode(text)), undefined, text);
  }
});

Deno.test("snapshot change: anything at all is refused, or leaves each partition one owner", () => {
  const raw = JSON.parse(encodeChange(changeBetween(BEFORE, NOW)));
  const ids = fc.array(fc.constantFrom("a", "b", "c", "d", "new"));
  const change = fc.record({
    id: fc.constantFrom("worker-0", "worker-10"),
    added: ids,
    removed: ids,
  })
    .map((each) => ({ ...each, instance: each.id.replace("worker", "i") }));
  const mixed = fc.record({ changed: fc.array(change), gone: fc.constantFrom([], ["worker-2"]) });
  fc.assert(fc.property(mixed, fc.object(), (some, object) => {
    for (const more of [some, object]) {
      const decoded = decodeChange(encodeJson({ ...raw, ...more }));
      const applied = decoded && applyChange(BEFORE, decoded);
      const all = applied?.workers.flatMap(({ partitions }) => partitions) ?? [];
      assert.equal(new Set(all).size, all.length);
    }
  }));
});
