import assert from "node:assert/strict";
import { Backlog } from "./backlog.ts";

Deno.test("backlog: it is over with its last message, and what comes slowly is waited for", async () => {
  using backlog = new Backlog(6, false, 200);
  const comes = setInterval(() => backlog.note(), 100);
  assert.ok(await backlog.over > 0);
  clearInterval(comes);
  assert.equal(backlog.handled, 6);
});

Deno.test("backlog: planted: one that does not come is given up, and told in numbers", async () => {
  using backlog = new Backlog(3, false, 30);
  backlog.note();
  backlog.note();
  await assert.rejects(backlog.over, {
    code: "PARTI_TIMEOUT",
    message: "2 of 3 messages were handled, and no other one within 30 ms",
  });
});

Deno.test("backlog: planted: one that is lost does not hide behind another one that is handled twice", async () => {
  using backlog = new Backlog(3, false, 30);
  for (const [partition, place] of [["a", 1], ["b", 3], ["b", 3]] as const) {
    backlog.noteOnce(partition, place);
  }
  await assert.rejects(backlog.over, /2 of 3 messages were handled/);
});
