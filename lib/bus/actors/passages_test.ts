import assert from "node:assert/strict";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import { Passages } from "./passages.ts";

const ID = "a::b/c";
const nothing = (): void => {};

Deno.test("passages: of those that wait for the end of a life one begins, and then the next", async () => {
  const passages = new Passages(new ManualClock());
  const end = Promise.withResolvers<void>();
  passages.end(ID, nothing, end.promise);
  const told: string[] = [];
  const gates = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const begins = gates.map(({ promise }, n) =>
    passages.begin(ID, nothing, async () => {
      told.push(`begins ${n}`);
      await promise;
      told.push(`has begun ${n}`);
      if (n === 0) throw new Error("made to fail");
      return n;
    })
  );
  const another = passages.begin("a::b/d", nothing, () => Promise.resolve("at once"));
  assert.equal(await another, "at once");
  assert.deepEqual(told, []);
  end.resolve();
  await settle();
  assert.deepEqual(told, ["begins 0"]);
  for (const gate of gates) gate.resolve();
  await assert.rejects(begins[0]!, { message: "made to fail" });
  assert.deepEqual(await Promise.all(begins.slice(1)), [1, 2]);
  assert.deepEqual(told, gates.flatMap((_, n) => [`begins ${n}`, `has begun ${n}`]));
});

Deno.test("passages: whoever waits for all waits for those that begin behind others, too, and leaves no timer", async () => {
  const clock = new ManualClock();
  const passages = new Passages(clock);
  const [end, beginning] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  passages.end(ID, assert.fail, end.promise);
  void passages.begin(ID, assert.fail, () => beginning.promise);
  let isSettled = false;
  const settled = passages.settled(1_000).then(() => isSettled = true);
  end.resolve();
  await settle();
  assert.equal(isSettled, false);
  beginning.resolve();
  await settled;
  assert.equal(clock.pendingTimers, 0);
});
