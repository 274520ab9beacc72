import assert from "node:assert/strict";
import {
  isOverloaded,
  loadText,
  MachineLoad,
  OVERLOAD_FACTOR,
  stolenText,
} from "./machine_load.ts";

/** A machine whose load average is what a test says. */
function rig() {
  const state = { average: 0.04, time: { stolen: 1_000, all: 5_000 } };
  const load = new MachineLoad(() => state.average, () => state.time);
  const sample = (average: number, times: number, isLoad = true, stolen = 0) => {
    state.average = average;
    for (let n = 0; n < times; n++) {
      state.time = { stolen: state.time.stolen + stolen, all: state.time.all + 200 };
      load.sample(isLoad);
    }
  };
  return { load, sample, tooMuch: OVERLOAD_FACTOR * navigator.hardwareConcurrency + 0.1 };
}

Deno.test("machine: a burst, and what the start took, do not make it overloaded; a fifth of the load does", () => {
  const { load, sample, tooMuch } = rig();
  sample(tooMuch, 100, false);
  sample(0.5, 81);
  sample(tooMuch, 19);
  assert.ok(!isOverloaded(load.machine));
  sample(tooMuch, 2);
  assert.ok(isOverloaded(load.machine));
  assert.equal(load.machine.overloadedPart, 0.206);
  assert.equal(load.machine.loadAverageHighest, Math.round(tooMuch * 10) / 10);
  assert.equal(load.machine.loadAverageBefore, 0);
});

Deno.test("machine: what other machines took counts while there is load", () => {
  const { load, sample } = rig();
  sample(0, 10, false, 190);
  assert.equal(load.machine.stolenPart, 0, "before the load");
  sample(0, 3, true, 5);
  sample(0, 1, true, 85);
  sample(0, 10, false, 190);
  assert.equal(load.machine.stolenPart, 0.125);
});

Deno.test("machine: a run that is resumed goes on from what was known", () => {
  const before = rig();
  before.sample(before.tooMuch, 25);
  before.sample(0, 75, true, 20);
  const { load, sample } = rig();
  load.load(JSON.parse(JSON.stringify(before.load.save())));
  sample(0, 100);
  assert.equal(load.machine.overloadedPart, 0.125);
  assert.equal(load.machine.stolenPart, 0.038);
  assert.equal(load.machine.loadAverageHighest, before.load.machine.loadAverageHighest);
});

Deno.test("machine: this one has a load average, and it is told in words", () => {
  const { machine } = new MachineLoad();
  assert.ok(machine.cpus >= 1 && machine.loadAverageHighest >= machine.loadAverageBefore);
  const busy = { ...machine, cpus: 2, overloadedPart: 0.314, loadAverageHighest: 7.9 };
  assert.equal(
    loadText(busy),
    "its load average was above 4 for 31% of the load, and at most 7.9",
  );
  assert.equal(stolenText({ stolenPart: 0.124 }), ", 12% of its time taken by others");
  assert.equal(stolenText({ stolenPart: 0.004 }), "");
});
