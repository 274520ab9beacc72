import assert from "node:assert/strict";
import { partitionNames } from "./partition_names.ts";

Deno.test("partition names: each says its place, however long it is", () => {
  assert.deepEqual(partitionNames({ partitions: 3 }), ["0", "1", "2"]);
  const names = partitionNames({ partitions: 12, nameLength: 40 });
  assert.deepEqual(names.map(Number), names.map((_, n) => n));
  assert.ok(names.every(({ length }) => length === 40));
});
