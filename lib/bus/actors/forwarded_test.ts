import assert from "node:assert/strict";
import { ManualClock } from "../../test_support/manual_clock.ts";
import { Incoming } from "../incoming.ts";
import { Forwarded, type SentOn } from "./forwarded.ts";

const EVERY_MS = 100;

function rig(max?: number) {
  const clock = new ManualClock();
  const gone: SentOn[] = [];
  const messaging = { unserved: (subjects: readonly string[]) => Promise.resolve(subjects) };
  const forwarded = new Forwarded({
    ...{ world: { clock, messaging: messaging as never }, everyMs: EVERY_MS },
    isOver: () => Promise.resolve(false),
    onGone: (call) => gone.push(call),
  }, max);
  const add = (id: string, leftMs: number): void => {
    const payload = new Uint8Array(1_000);
    const call = { kind: "request", id, from: "n_1", to: "a::b/c", method: "m" } as const;
    forwarded.add(new Incoming({ ...call, leftMs, hops: 1, payload }, clock), "there");
  };
  return { clock, gone, forwarded, add };
}

Deno.test("forwarded: of a call that was sent on no more is kept than its refusal needs", async () => {
  const { clock, gone, forwarded, add } = rig();
  add("a", 10_000);
  add("b", EVERY_MS);
  await clock.advance(2 * EVERY_MS);
  assert.deepEqual(gone.map(({ id }) => id), ["a"], "nobody waits for the other any more");
  assert.deepEqual(Object.keys(gone[0]!).sort(), ["endMs", "from", "hops", "id", "subject"]);
  assert.equal(forwarded.size, 0);
  await forwarded.close();
});

Deno.test("forwarded: as many as may be are remembered, the latest", async () => {
  const { clock, gone, forwarded, add } = rig(2);
  for (const id of ["a", "b", "c"]) add(id, 10_000);
  assert.equal(forwarded.size, 2);
  await clock.advance(2 * EVERY_MS);
  assert.deepEqual(gone.map(({ id }) => id), ["b", "c"]);
  await forwarded.close();
});
