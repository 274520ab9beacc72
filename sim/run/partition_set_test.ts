import assert from "node:assert/strict";
import { PartitionSet } from "./partition_set.ts";

Deno.test("partitions come with the next numbers, are drained, and go for good", () => {
  const set = new PartitionSet([1, 1, 5]);
  assert.deepEqual(set.add([2, 3], 100), [3, 4]);
  assert.deepEqual(set.current, [0, 1, 2, 3, 4]);
  set.retire([2, 3], 200);
  assert.deepEqual(set.loaded, [0, 1, 4], "nobody sends to what is being drained");
  assert.deepEqual(set.current, [0, 1, 2, 3, 4], "but somebody has to handle it");
  set.remove([2, 3]);
  assert.deepEqual(set.current, [0, 1, 4]);
  assert.deepEqual(set.weights, [1, 1, 0, 0, 3]);
  assert.deepEqual(set.add([7], 300), [5], "no number is used again");
  assert.deepEqual(set.counts, { added: 3, removed: 2 });
  assert.deepEqual(set.changes, { added: [3, 4, 5], retired: [2, 3] });
  assert.deepEqual(set.life(3), { fromUs: 100, untilUs: 200 });
  assert.deepEqual(set.life(0), {
    fromUs: Number.NEGATIVE_INFINITY,
    untilUs: Number.POSITIVE_INFINITY,
  });
});
