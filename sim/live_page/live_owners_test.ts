import assert from "node:assert/strict";
import type { OwnerWords } from "../series/owner_log.ts";
import { LiveOwners } from "./live_owners.ts";

const said = (
  kind: OwnerWords["kind"],
  process: string,
  atMs: number,
  ...partitions: number[]
): OwnerWords => ({ kind, process, partitions, atUs: atMs * 1_000 });

function changes({ atMs, partition, owner }: LiveOwners): number[][] {
  return atMs.map((ms, index) => [ms, partition[index]!, owner[index]!]);
}

Deno.test("owners: told at once, by the time at which it happened and not at which it was heard", () => {
  const owners = new LiveOwners(["worker-0", "worker-1"]);
  owners.take(said("acquired", "worker-1#1", 20, 0));
  owners.take(said("let go", "worker-0#1", 15, 0));
  owners.take(said("acquired", "worker-0#1", 10, 0, 1));
  owners.settle();
  assert.deepEqual(changes(owners), [[10, 0, 0], [10, 1, 0], [15, 0, -1], [20, 0, 1]]);
  // It comes too late to be put in its place, and must not take away what another one has.
  owners.take(said("acquired", "worker-0#1", 12, 0));
  owners.take(said("let go", "worker-0#1", 25, 0));
  owners.settle();
  assert.equal(changes(owners).length, 4);
  assert.deepEqual([...owners.counts], [[1, 1], [0, 1]]);
  assert.deepEqual([0, 1, 2].map((partition) => owners.isOwned(partition)), [true, true, false]);
});

Deno.test("owners: a worker that comes back is the same one, and its former process has nothing to let go", () => {
  const owners = new LiveOwners([]);
  owners.take(said("acquired", "worker-4#1", 1, 7));
  owners.take(said("acquired", "worker-4#2", 2, 7));
  owners.take(said("let go", "worker-4#1", 3, 7));
  owners.settle();
  assert.deepEqual(owners.names, ["worker-4"]);
  assert.deepEqual(changes(owners), [[1, 7, 0]]);
});

Deno.test("owners: workers are numbered by their names, and keep their numbers", () => {
  const owners = new LiveOwners(["worker-0"]);
  owners.expect(["worker-12#1", "worker-2#3", "worker-0#2"]);
  owners.expect(["worker-1#1"]);
  assert.deepEqual(owners.names, ["worker-0", "worker-2", "worker-12", "worker-1"]);
});

Deno.test("owners: a run that is resumed has what was there before", () => {
  const owners = new LiveOwners(["worker-0"]);
  owners.begin(
    { processes: ["worker-0#1"], resolutionMs: 0, atMs: [5, 9], partition: [0, 0], owner: [0, -1] },
    1_000_000,
  );
  owners.take(said("acquired", "worker-0#1001", 1_020, 0));
  owners.settle();
  assert.deepEqual(changes(owners), [[5, 0, 0], [9, 0, -1], [20, 0, 0]]);
});

Deno.test("owners: bounded however long, and the last owner of each partition is never forgotten", () => {
  const owners = new LiveOwners(["worker-0", "worker-1"], 100);
  owners.take(said("acquired", "worker-1#1", 0, 9));
  for (let at = 1; at <= 1_000; at++) {
    owners.take(said("acquired", `worker-${at % 2}#1`, at, 3));
    owners.settle();
  }
  assert.ok(owners.atMs.length <= 100);
  assert.ok(owners.generation > 0, "whoever knows places has to be told anew");
  assert.deepEqual(changes(owners).filter(([, partition]) => partition === 9), [[0, 9, 1]]);
  assert.deepEqual(changes(owners).at(-1), [1_000, 3, 0]);
});
