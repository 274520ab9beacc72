import assert from "node:assert/strict";
import type { OwnerChanges } from "./series.ts";
import { OwnerLog } from "./owner_log.ts";

/** As `<ms>: <partition> <owner>`. */
function told({ processes, atMs, partition, owner }: OwnerChanges): string[] {
  return atMs.map((at, index) =>
    `${at}: ${partition[index]} ${processes[owner[index]!] ?? "nobody"}`
  );
}

Deno.test("owners change when they say so, whoever is heard first", () => {
  const log = new OwnerLog(2);
  log.acquired("worker-0#1", [0, 1], 1_000);
  // The new owner's report overtakes the old one's.
  log.acquired("worker-1#1", [1], 9_000);
  log.letGo("worker-0#1", [1], 7_000);
  assert.deepEqual(told(log.changes(0)), [
    "1: 0 worker-0#1",
    "1: 1 worker-0#1",
    "7: 1 nobody",
    "9: 1 worker-1#1",
  ]);
  assert.equal(log.moves, 1);
});

Deno.test("who has lost a partition cannot let it go, and who has it cannot get it", () => {
  const log = new OwnerLog(1);
  log.acquired("worker-0#1", [0], 1_000);
  log.acquired("worker-1#1", [0], 2_000);
  log.letGo("worker-0#1", [0], 3_000);
  log.acquired("worker-1#1", [0], 4_000);
  assert.deepEqual(told(log.changes(0)), ["1: 0 worker-0#1", "2: 0 worker-1#1"]);
});

Deno.test("times are counted from the beginning of the run", () => {
  const log = new OwnerLog(1);
  log.acquired("worker-0#1", [0], 5_000_000);
  assert.deepEqual(log.changes(3_000_000).atMs, [2_000]);
});

Deno.test("too many changes are told more coarsely, and the last owner of each partition is right", () => {
  const log = new OwnerLog(10, 50);
  for (let step = 0; step < 30_000; step++) {
    log.acquired(`worker-${step % 7}#1`, [step % 10], step * 10_000);
  }
  const { resolutionMs, atMs, partition, owner, processes } = log.changes(0);
  assert.ok(atMs.length <= 50, `${atMs.length}`);
  assert.ok(resolutionMs >= 100, `${resolutionMs}`);
  for (let step = 29_990; step < 30_000; step++) {
    const index = partition.lastIndexOf(step % 10);
    assert.equal(processes[owner[index]!], `worker-${step % 7}#1`);
  }
  assert.equal(log.moves, 29_990);
});

Deno.test("a few changes of each of very many partitions are kept however small the bound", () => {
  const log = new OwnerLog(1_000, 10);
  const partitions = Array.from({ length: 1_000 }, (_, partition) => partition);
  log.acquired("worker-0#1", partitions, 1_000_000);
  log.acquired("worker-1#1", partitions, 2_000_000);
  const { atMs, resolutionMs } = log.changes(0);
  assert.equal(atMs.length, 2_000);
  assert.equal(resolutionMs, 0);
});
