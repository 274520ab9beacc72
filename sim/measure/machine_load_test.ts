import assert from "node:assert/strict";
import { isOverloaded, MachineLoad } from "./machine_load.ts";

Deno.test("machine: it is overloaded when it was at any time", () => {
  const idle = { cpus: 2, loadAverageBefore: 0, loadAverageHighest: 4, loadAverageAfter: 0 };
  assert.ok(!isOverloaded(idle));
  assert.ok(isOverloaded({ ...idle, loadAverageHighest: 4.1 }));
});

Deno.test("machine: the highest load is none of the others' less", () => {
  const load = new MachineLoad();
  load.sample();
  const { cpus, loadAverageBefore, loadAverageHighest, loadAverageAfter } = load.machine;
  assert.ok(cpus >= 1);
  assert.ok(loadAverageHighest >= Math.max(loadAverageBefore, loadAverageAfter));
});
