import assert from "node:assert/strict";
import fc from "fast-check";
import { partitionHash, ringPointHash, ringPointKey, seedHash, workerHash } from "./hash.ts";
import { Ring } from "./ring.ts";
import { ringCache } from "./ring_cache.ts";
import { workers } from "./strategy_testing.ts";

const big = ({ hi, lo }: { hi: number; lo: number }) => BigInt(hi) << 32n | BigInt(lo);

/** The ring as the definition has it, slow and plain. */
function plainRing(ids: readonly string[], virtualNodes: number) {
  const points: { at: bigint; owner: number }[] = [];
  ids.forEach((id, owner) => {
    const worker = { hi: 0, lo: 0 };
    workerHash(id, seedHash(0), worker);
    ringPointKey(worker, worker);
    for (let j = 0; j < virtualNodes; j++) {
      const point = { hi: 0, lo: 0 };
      ringPointHash(worker, j, point);
      points.push({ at: big(point), owner });
    }
  });
  points.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : a.owner - b.owner);
  return (hash: bigint) => (points.find((point) => point.at >= hash) ?? points[0]!).owner;
}

Deno.test("ring: a hash belongs to the first point at or after it, for any ring", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)), { minLength: 1, maxLength: 30 }),
      (count, virtualNodes, hashes) => {
        const ids = workers(count).map(({ id }) => id);
        const ring = new Ring(ids, virtualNodes, seedHash(0));
        const owner = plainRing(ids, virtualNodes);
        const edges = [[0, 0], [0xffffffff, 0xffffffff]] as [number, number][];
        for (const [hi, lo] of [...hashes, ...edges]) {
          assert.equal(ring.ownerAt(ring.find({ hi, lo })), owner(big({ hi, lo })));
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("ring: a hash that equals a point belongs to it; walking on wraps around", () => {
  const ring = new Ring(["a", "b"], 3, seedHash(0));
  const point = { hi: 0, lo: 0 };
  workerHash("b", seedHash(0), point);
  ringPointKey(point, point);
  ringPointHash(point, 1, point);
  assert.equal(ring.ownerAt(ring.find(point)), 1);
  assert.equal(ring.size, 6);
  assert.deepEqual(
    [6, 7, 11, 12].map((place) => ring.ownerAt(place)),
    [0, 1, 5, 0].map((place) => ring.ownerAt(place)),
  );
});

Deno.test("ring: points with equal hashes go to the worker that comes first", () => {
  // The same ID twice makes every point collide.
  const ring = new Ring(["twin", "twin"], 50, seedHash(0));
  const hash = { hi: 0, lo: 0 };
  for (let i = 0; i < 200; i++) {
    partitionHash(`p-${i}`, seedHash(0), hash);
    assert.equal(ring.ownerAt(ring.find(hash)), 0);
  }
});

Deno.test("ring: another seed makes another ring", () => {
  const ids = workers(10).map(({ id }) => id);
  const one = new Ring(ids, 20, seedHash(0)), other = new Ring(ids, 20, seedHash(1));
  const owners = (ring: Ring) => Array.from({ length: 200 }, (_, place) => ring.ownerAt(place));
  assert.notDeepEqual(owners(one), owners(other));
});

Deno.test("ring cache: the same workers give the same ring, others another", () => {
  const ringOf = ringCache(10, 0);
  const first = ringOf(workers(5));
  assert.equal(ringOf(workers(5)), first);
  assert.notEqual(ringOf(workers([0, 1, 2, 3, 5])), first);
  assert.equal(ringOf(workers(4)).size, 40);
});
