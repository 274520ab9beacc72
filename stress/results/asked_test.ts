import assert from "node:assert/strict";
import { wasAskedFor } from "./asked.ts";

Deno.test("asked: all, a group, a case by its name; of a sanity check only what is named", () => {
  const asked = (given: string, quick = false) =>
    ["memory/a", "scale/a", "scale/b"].filter((id) =>
      wasAskedFor({ arguments: given.split(" "), quick }, id)
    ).join();
  assert.equal(asked("stress --seed 1"), "memory/a,scale/a,scale/b");
  assert.equal(asked("stress --only scale --seed 1"), "scale/a,scale/b");
  assert.equal(asked("stress --only scale/b --only memory --repeat 3"), "memory/a,scale/b");
  assert.equal(asked("stress --only scale/a-by-workers"), "");
  assert.equal(asked("stress --only scale/b --only memory --quick", true), "scale/b");
});
