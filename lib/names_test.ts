import assert from "node:assert/strict";
import {
  assignmentBucket,
  chunkKey,
  laneMetadata,
  laneName,
  laneOwner,
  leaseBucket,
  partitionSubject,
  partOfKey,
  probeSubject,
  refreshSubject,
  releasedSubject,
  workerKey,
  workerKeyNumber,
} from "./names.ts";

const owner = { group: "g", worker: "worker-3", instance: "0189abcd-1111-2222-3333-444455556666" };

Deno.test("names are what other versions expect: changing one is a breaking change", () => {
  assert.equal(leaseBucket("g"), "parti-g-leases");
  assert.equal(assignmentBucket("g"), "parti-g-assignment");
  assert.equal(workerKey(3), "worker.3");
  const part = { epoch: 7, generation: 9, hash: "0123456789abcdef" };
  assert.equal(chunkKey(part, 2), "chunk.7.9.0123456789abcdef.2");
  assert.deepEqual(partOfKey("chunk.7.9.0123456789abcdef.2"), part);
  for (const key of ["current", "chunk.7.9.2", "chunk.7.9.0123456789ABCDEF.2", "chunk.x"]) {
    assert.equal(partOfKey(key), undefined);
  }
  assert.equal(probeSubject("g", "i"), "parti.g.probe.i");
  assert.equal(releasedSubject("g"), "parti.g.released");
  assert.equal(releasedSubject("g", "i"), "parti.g.released.i");
  assert.equal(refreshSubject("g"), "parti.g.refresh");
  assert.equal(laneName(owner, 5, 2), "parti-g-worker-3-0189abcd-1111-g5-2");
});

Deno.test("a worker's key is told from every other", () => {
  assert.equal(workerKeyNumber("worker.12"), 12);
  for (const key of ["leader", "worker.", "worker.x", "worker.1.2", "xworker.1"]) {
    assert.equal(workerKeyNumber(key), undefined);
  }
});

Deno.test("a lane says who made it, and a stranger's consumer does not", () => {
  const metadata = laneMetadata(owner, 4, 5);
  assert.deepEqual(laneOwner(metadata), owner);
  assert.equal(metadata["parti_epoch"], "4");
  assert.equal(metadata["parti_generation"], "5");
  assert.equal(laneOwner({}), undefined);
  assert.equal(laneOwner({ parti_group: "g", parti_worker: "w" }), undefined);
});

Deno.test("a lane's name is a durable name, and differs with each part", () => {
  const names = [
    laneName(owner, 5, 2),
    laneName(owner, 5, 3),
    laneName(owner, 6, 2),
    laneName({ ...owner, instance: "ffffffff-ffff" }, 5, 2),
    laneName({ ...owner, worker: "worker-4" }, 5, 2),
  ];
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[A-Za-z0-9_-]+$/);
});

Deno.test("a partition's subject takes its name as it is", () => {
  assert.equal(partitionSubject("orders.{{.PartitionID}}", "eu.7"), "orders.eu.7");
  assert.equal(partitionSubject("a.{{.PartitionID}}.b", "$&"), "a.$&.b");
});
