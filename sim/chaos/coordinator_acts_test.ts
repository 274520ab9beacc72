import assert from "node:assert/strict";
import { until } from "../../tasks/until.ts";
import type { CrashTimes } from "../ground/ground.ts";
import { status } from "../run/fleet_rig_test.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { comeBack, crashCoordinator } from "./coordinator_acts.ts";
import { sceneRig } from "./scene_rig_test.ts";

const EVENT: PlannedChaos = {
  ...{ number: 4, atMs: 0, type: "coordinator_crash", picks: [0.25], count: 1, downMs: 1_700 },
};

Deno.test("coordinator acts: it is in the checkpoint by the time it is killed, and nothing follows until then", async () => {
  const done: string[] = [];
  const end = new AbortController();
  const written = Promise.withResolvers<void>();
  const { scene } = sceneRig([], {
    onRecord: () => {
      done.push(`saved ${scene.records.map(({ number }) => number)}, dying: ${scene.dying}`);
      return written.promise;
    },
    crash: ({ afterMs, downMs }: CrashTimes) => {
      return Promise.resolve(void done.push(`killed after ${afterMs}, away for ${downMs}`));
    },
    signal: end.signal,
  });
  let isOver = false;
  const crashing = crashCoordinator(scene, EVENT).then(() => isOver = true);
  assert.deepEqual(done, ["saved 4, dying: true"]);
  written.resolve();
  await until("it is to be killed", () => done.length > 1);
  assert.deepEqual(done, ["saved 4, dying: true", "killed after 250, away for 1700"]);
  assert.equal(isOver, false);
  // A run that is interrupted is not held up by it.
  end.abort();
  await crashing;
  assert.deepEqual(scene.options.state.incidents, []);
  assert.equal(scene.records[0]!.target, `coordinator, process ${Deno.pid}`);
});

Deno.test("coordinator acts: where nobody would start another one it is skipped with the reason", async () => {
  const { scene } = sceneRig([]);
  await crashCoordinator(scene, EVENT);
  assert.equal(scene.records[0]!.skipped, "nobody is there who would start it again");
});

/** A coordinator that comes after one that was killed a second ago. */
function afterCrash(windowMs: number, cutOff: readonly number[] = []) {
  const rig = sceneRig([], { windowMs });
  const { scene, members } = rig;
  scene.cutOff = cutOff;
  for (const member of members.members) {
    Object.assign(member, { status: status({ owned: [] }), statusUs: Number.MAX_SAFE_INTEGER });
  }
  // Each partition with one owner.
  const all = Array.from({ length: 10 }, (_, partition) => partition);
  members.members[0]!.status = status({ owned: all });
  const moves = { total: 0, needed: 0 };
  const of = { atMs: 1, target: "coordinator, process 1", recoveredMs: null, wholeMs: null, moves };
  scene.records.push({ number: 3, type: "coordinator_crash", ...of, skipped: "no" });
  scene.records.push({ number: 4, type: "coordinator_crash", ...of });
  scene.records.push({ number: 5, type: "worker_crash", ...of });
  const caughtUp = Promise.withResolvers<boolean>();
  const back = comeBack(scene, nowUs() - 1_000_000, () => caughtUp.promise);
  return { ...rig, record: scene.records[1]!, caughtUp, back };
}

Deno.test("coordinator acts: the next one measures from the kill until all is known, and is whole no sooner", async () => {
  const { scene, record, caughtUp, back } = afterCrash(60_000);
  scene.validation.look();
  assert.deepEqual([record.recoveredMs, record.wholeMs], [null, null]);
  caughtUp.resolve(true);
  await back;
  assert.ok(record.recoveredMs! >= 1_000);
  scene.validation.look();
  assert.ok(record.wholeMs! >= 0);
  assert.deepEqual([scene.records[0], scene.records[2]].map((other) => other!.wholeMs), [
    null,
    null,
  ]);
});

Deno.test("coordinator acts: what was not over when the one before was killed has its window, and its measured end", async () => {
  const { scene, record, caughtUp, back } = afterCrash(60_000, [4, 5]);
  scene.validation.look();
  assert.ok(scene.records[2]!.wholeMs! >= 0);
  assert.deepEqual([scene.records[0]!.wholeMs, record.wholeMs], [null, null]);
  caughtUp.resolve(true);
  await back;
});

Deno.test("coordinator acts: planted: a group that is not whole again fails the event that was cut off, by its name", async () => {
  const { scene, members, caughtUp, back } = afterCrash(1, [5]);
  caughtUp.resolve(true);
  await back;
  members.members[1]!.status = status({ owned: [3] });
  await until("its time is up", () => {
    scene.validation.look();
    return scene.records[1]!.failed !== undefined && scene.records[2]!.failed !== undefined;
  });
  const [crash, cutOff] = scene.options.state.incidents.toSorted();
  assert.match(crash!, /^#4 coordinator_crash .*: not whole again within 1ms: /);
  assert.match(cutOff!, /^#5 worker_crash .*: not whole again within 1ms: /);
});

Deno.test("coordinator acts: planted: what is never caught up with fails the event by its name", async () => {
  const { scene, state, record, caughtUp, back } = afterCrash(1);
  await until("its time is up", () => {
    scene.validation.look();
    return record.failed !== undefined;
  });
  caughtUp.resolve(false);
  await back;
  assert.equal(record.recoveredMs, null);
  assert.deepEqual(state.incidents, [
    "#4 coordinator_crash (coordinator, process 1): not whole again within 1ms: " +
    "what happened meanwhile is not known yet",
  ]);
});
