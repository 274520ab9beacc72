import assert from "node:assert/strict";
import type { Member } from "../run/fleet.ts";
import { noAnswer, RUN_ID, status, TestFleet } from "../run/fleet_rig_test.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { ChaosTargets } from "./chaos_targets.ts";

const NEVER = new AbortController().signal;

function rig(minWorkers = 2) {
  const fleet = new TestFleet();
  const under = new Set<string>();
  const targets = new ChaosTargets({
    fleet,
    runId: RUN_ID,
    messaging: fleet.messaging,
    minWorkers,
    isUnder: (process) => under.has(process),
  });
  return { fleet, targets, under };
}

function event(...picks: number[]): PlannedChaos {
  return { number: 1, atMs: 0, type: "worker_crash", picks, count: 1, downMs: 0 };
}

const names = (members: readonly Member[]) => members.map(({ name }) => name).join(" ");

Deno.test("chaos targets: workers by the picks, nobody twice, in the order of their numbers", () => {
  const { fleet, targets } = rig();
  for (const index of [10, 2, 1]) fleet.add("worker", index, { status: status() });
  fleet.add("producer", 0);
  assert.equal(names(targets.workers(event(0, 0, 0), 3)), "worker-1 worker-2 worker-10");
  assert.equal(names(targets.workers(event(0.9, 0.9, 0), 2)), "worker-10 worker-2");
  assert.equal(names(targets.workers(event(0.5), 1)), "worker-2");
  assert.deepEqual(targets.workers(event(0.5), -1), []);
});

Deno.test("chaos targets: those who have joined, and the others only where nobody has", () => {
  const { fleet, targets } = rig();
  const joining = fleet.add("worker", 0, { status: status({ state: "Election" }) });
  const joined = fleet.add("worker", 1, { status: status() });
  fleet.add("worker", 2, { status: status(), phase: "leaving" });
  assert.equal(names(targets.workers(event(0, 0, 0), 3)), "worker-1");
  joined.phase = "killed";
  assert.equal(names(targets.workers(event(0, 0, 0), 3)), "worker-0");
  fleet.add("worker", 3, { status: undefined, readyUs: undefined });
  assert.equal(names(targets.workers(event(0, 0, 0), 3)), "worker-0", "the other is not there yet");
  joining.phase = "gone";
  assert.deepEqual(targets.workers(event(0, 0, 0), 3), []);
});

Deno.test("chaos targets: planted: nobody who stands still, is cut off or slow, though its last word was Stable", () => {
  const { fleet, targets, under } = rig();
  for (const index of [0, 1, 2]) fleet.add("worker", index, { status: status() });
  under.add("worker-0#1").add("worker-2#1");
  assert.equal(names(targets.workers(event(0, 0, 0), 3)), "worker-1");
  under.add("worker-1#1");
  assert.deepEqual(targets.workers(event(0), 1), []);
});

Deno.test("chaos targets: planted: a leader that stands still is not the one", async () => {
  const { fleet, targets, under } = rig();
  for (const index of [0, 1]) {
    fleet.add("worker", index, { status: status({ leader: index === 0, epoch: 2 }) });
  }
  under.add("worker-0#1");
  // The one that stands still says nothing, and its last word was that it leads.
  fleet.answer = ({ index }) => index === 0 ? assert.fail("silent") : status({ leader: true });
  assert.equal((await targets.leaders(NEVER)())?.name, "worker-1");
});

Deno.test("chaos targets: so many can be spared", () => {
  const { fleet, targets } = rig(2);
  assert.equal(targets.spare, -2);
  for (const index of [0, 1, 2]) fleet.add("worker", index);
  assert.equal(targets.spare, 1);
});

Deno.test("chaos targets: a producer that is ready", () => {
  const { fleet, targets } = rig();
  assert.equal(targets.producer(event(0)), undefined);
  fleet.add("producer", 0, { readyUs: undefined });
  fleet.add("producer", 1);
  fleet.add("producer", 2);
  assert.equal(targets.producer(event(0))?.name, "producer-1");
  assert.equal(targets.producer(event(0.9))?.name, "producer-2");
});

Deno.test("chaos targets: of two that think they lead, the one with the higher epoch does", async () => {
  const { fleet, targets } = rig();
  for (const index of [0, 1, 2]) fleet.add("worker", index);
  fleet.answer = ({ index }) => status({ leader: index > 0, epoch: 10 - index });
  assert.equal((await targets.leaders(NEVER)())?.name, "worker-1");
});

Deno.test("chaos targets: a leader is asked for until there is one", async () => {
  const { fleet, targets } = rig();
  fleet.add("worker", 0);
  let asked = 0;
  fleet.answer = () => status({ leader: ++asked === 3 });
  assert.equal((await targets.leaders(NEVER)())?.name, "worker-0");
  assert.equal(asked, 3);
});

Deno.test("chaos targets: when the load is over the leader is asked for once more and no longer", async () => {
  const { fleet, targets } = rig();
  fleet.add("worker", 0);
  let asked = 0;
  fleet.answer = () => status({ leader: ++asked === 2 });
  const search = targets.leaders(AbortSignal.abort());
  assert.equal(await search(), undefined);
  assert.equal((await search())?.name, "worker-0");
});

Deno.test("chaos targets: what a worker owns and under what right, by its own word, its last one if it says nothing", async () => {
  const { fleet, targets } = rig();
  const member = fleet.add("worker", 0, { status: status({ owned: [1] }) });
  fleet.answer = () => status({ owned: [1, 2] });
  assert.deepEqual(await targets.owned(member), { partitions: [1, 2], epoch: 1, generation: 1 });
  fleet.answer = noAnswer;
  assert.deepEqual(await targets.owned(member), { partitions: [1], epoch: 1, generation: 1 });
  member.status = undefined;
  assert.deepEqual(await targets.owned(member), { partitions: [], epoch: 0, generation: 0 });
});
