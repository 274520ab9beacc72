import assert from "node:assert/strict";
import { Attendance, rightful } from "./attendance.ts";
import { member } from "./leader_rig_test.ts";
import { type Snapshot, weightTable } from "../snapshot.ts";

function listing(...instances: string[]): Snapshot {
  return {
    epoch: 1,
    generation: 1,
    leader: { worker: "worker-0", instance: "i0" },
    reason: "refresh",
    atMs: 0,
    workers: instances.map((instance) => ({
      id: `worker-${instance.slice(1)}`,
      instance,
      partitions: [`p${instance}`],
    })),
    weights: weightTable([]),
  };
}

Deno.test("attendance: a lease that does not carry its key's ID does not count", () => {
  const impostor = { ...member(3), idNumber: 7 };
  const far = { ...member(11), idNumber: 1 };
  assert.deepEqual(rightful([member(0), impostor, far]), [member(0)]);
  const longPrefix = { ...member(4, { worker: "eu-west-worker-4" }) };
  assert.deepEqual(rightful([longPrefix]), [longPrefix]);
});

Deno.test("attendance: of two leases of one instance the one renewed last counts", () => {
  const left = member(1, { instance: "same" }, 5);
  const held = member(2, { instance: "same" }, 9);
  assert.deepEqual(rightful([member(0), left, held]), [member(0), held]);
  const ids = rightful([left, held, member(3)]).map((each) => each.record.worker);
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("attendance: the first time, whoever is assigned and not there has gone", () => {
  const attendance = new Attendance(0);
  assert.deepEqual(attendance.take([member(0)], listing("i0", "i1"), 10), ["i1"]);
  assert.deepEqual(attendance.take([member(0)], listing("i0", "i1"), 20), []);
  // Missed since the first look, and no longer once it is not listed any more.
  assert.equal(
    attendance.assigned(listing("i0", "i1"), (instance) => instance === "i1")[1]!.goneSinceMs,
    10,
  );
  attendance.take([member(0)], listing("i0"), 30);
  assert.equal(
    attendance.assigned(listing("i0", "i1"), (instance) => instance === "i1")[1]!.goneSinceMs,
    undefined,
  );
});

Deno.test("attendance: whoever goes later is told once, listed or not", () => {
  const attendance = new Attendance(0);
  attendance.take([member(0), member(1), member(2)], listing("i0", "i1"), 10);
  assert.deepEqual(attendance.take([member(0)], listing("i0", "i1"), 20), ["i1", "i2"]);
  assert.deepEqual(attendance.take([member(0)], listing("i0", "i1"), 30), []);
  assert.equal(attendance.changedAtMs, 20);
});

Deno.test("attendance: another life under the same ID is somebody else", () => {
  const attendance = new Attendance(0);
  attendance.take([member(0), member(1)], listing("i0", "i1"), 10);
  const again = member(1, { instance: "again" });
  assert.deepEqual(attendance.take([member(0), again], listing("i0", "i1"), 20), ["i1"]);
});

Deno.test("attendance: renewals and acknowledgements are no unrest, leaving is", () => {
  const attendance = new Attendance(0);
  attendance.take([member(0)], listing(), 10);
  attendance.take([member(0, { applied: 4, capacity: 2 }, 99)], listing(), 20);
  assert.equal(attendance.changedAtMs, 10);
  attendance.take([member(0, { leaving: true }, 100)], listing(), 30);
  assert.equal(attendance.changedAtMs, 30);
  attendance.take([member(0, { leaving: true }, 101), member(1)], listing(), 40);
  assert.equal(attendance.changedAtMs, 40);
});

Deno.test("attendance: signs of life are a renewal, an answer, or being seen coming", () => {
  const attendance = new Attendance(0);
  const heard = (...members: Parameters<typeof attendance.members>[0]) =>
    attendance.members(members).filter((each) => each.heard).map((each) => each.instance);
  const first = [member(0), member(1), member(2)];
  attendance.take(first, listing(), 10);
  assert.deepEqual(heard(...first), []);
  assert.equal(attendance.hear("i0"), true);
  assert.equal(attendance.hear("i0"), false);
  assert.equal(attendance.hear("stranger"), false);
  const later = [member(0), member(1, {}, 50), member(2), member(3)];
  attendance.take(later, listing(), 20);
  assert.deepEqual(heard(...later), ["i0", "i1", "i3"]);
});
