import assert from "node:assert/strict";
import { workerColors } from "./colors.js";
import { clockText, numberText } from "./format.js";
import { NOBODY, NOT_YET, OwnerMap } from "./owner_map.js";

const map = new OwnerMap({
  partitions: 2,
  workers: ["worker-0", "worker-1"],
  at: [-1, -1, 4, 4.01, 8],
  partition: [0, 1, 1, 1, 0],
  owner: [1, 0, -1, 1, 0],
});

Deno.test("owners are found by time", () => {
  assert.deepEqual([-2, -1, 0, 7.9, 8, 99].map((time) => map.ownerAt(0, time)), [
    ...[NOT_YET, 1, 1, 1, 0, 0],
  ]);
  assert.deepEqual([0, 4, 4.005, 4.01].map((time) => map.ownerAt(1, time)), [0, NOBODY, NOBODY, 1]);
  assert.equal(map.ownerAt(9, 0), NOT_YET);
});

Deno.test("changes and partitions that are added later are as if they had been there", () => {
  const owners = {
    ...{ partitions: 1, workers: ["worker-0"], at: [1], partition: [0], owner: [0] },
  };
  const growing = new OwnerMap(owners);
  owners.at.push(5, 6);
  owners.partition.push(0, 1);
  owners.owner.push(NOBODY, 0);
  growing.take({ ...owners, partitions: 2 });
  growing.take({ ...owners, partitions: 2 });
  assert.deepEqual(growing.rows, [{ at: [1, 5], owner: [0, NOBODY] }, { at: [6], owner: [0] }]);
});

Deno.test("partitions are ordered by number, or so that a worker's are together", () => {
  assert.deepEqual(map.order("number", 0), [0, 1]);
  assert.deepEqual(map.order("owner", 0), [1, 0]);
});

Deno.test("each pixel has the owner of its time, and nobody is seen however short", () => {
  const paint = (range: [number, number], width: number) => {
    const pixels = new Uint32Array(2 * width);
    map.paint(pixels, width, [0, 1], range, (owner) => owner + 10);
    return [[...pixels.slice(0, width)], [...pixels.slice(width)]];
  };
  assert.deepEqual(paint([0, 10], 10), [
    [11, 11, 11, 11, 11, 11, 11, 11, 10, 10],
    [10, 10, 10, 10, 9, 11, 11, 11, 11, 11],
  ]);
  assert.deepEqual(paint([5, 7], 4), [[11, 11, 11, 11], [11, 11, 11, 11]]);
  assert.deepEqual(paint([-3, 1], 4), [[8, 8, 11, 11], [8, 8, 10, 10]]);
});

Deno.test("however many workers: each has a colour of its own", () => {
  for (const count of [0, 1, 10, 11, 100]) {
    const colors = workerColors(count);
    assert.equal(colors.length, count);
    assert.equal(new Set(colors.map(String)).size, count);
    assert.ok(colors.flat().every((part) => Number.isInteger(part) && part >= 0 && part <= 255));
  }
});

Deno.test("times and numbers for people", () => {
  assert.deepEqual([0, 59, 60, 754, 3_905].map((time) => clockText(time)), [
    ...["0s", "59s", "1:00", "12:34", "1:05:05"],
  ]);
  assert.equal(clockText(-3), "−3s");
  assert.equal(clockText(1.25, 0.5), "1.3s");
  assert.equal(clockText(1.25, 0.05), "1.25s");
  assert.equal(numberText(12_345.67, "ms"), "12,345.7 ms");
  assert.equal(numberText(3, ""), "3");
  assert.equal(numberText(null, "ms"), "—");
});
