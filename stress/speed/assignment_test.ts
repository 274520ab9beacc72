import assert from "node:assert/strict";
import type { CaseContext, Fault } from "../case.ts";
import { ASSIGNMENT_CASES } from "./assignment.ts";

/** Its ring takes longer than the rest of it, and is remembered by a strategy that has made it. */
const ring = ASSIGNMENT_CASES.find(({ name }) => name === "assignment-ConsistentHash-100w-1500p")!;

async function warmOf(fault: Fault | undefined): Promise<number> {
  const { samples } = await ring.run({ fault } as CaseContext);
  return samples.find(({ metric }) => metric === "warm")!.value;
}

Deno.test("speed: planted: a slow strategy takes about four times as long, whatever it remembers", async () => {
  // In turns, and the least of each: other work beside makes it take longer, and nothing makes it take less.
  let [sound, slow] = [Infinity, Infinity];
  for (let turn = 0; turn < 3; turn++) {
    sound = Math.min(sound, await warmOf(undefined));
    slow = Math.min(slow, await warmOf("slow"));
  }
  assert.ok(slow > sound * 2.5, `${slow} ms beside ${sound} ms`);
});
