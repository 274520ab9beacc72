import assert from "node:assert/strict";
import { Refusals } from "./refusals.ts";

Deno.test("refusals are counted by process and effect, and the late ones by themselves", () => {
  const refusals = new Refusals();
  assert.deepEqual([refusals.count, refusals.lateCount], [0, 0]);
  refusals.note("w#1", "send", false);
  refusals.note("w#1", "send", true);
  refusals.note("w#2", "set a timer", true);
  assert.deepEqual([refusals.count, refusals.lateCount], [3, 2]);
  assert.deepEqual([...refusals.byEffect], [["w#1: send", 2], ["w#2: set a timer", 1]]);
});
