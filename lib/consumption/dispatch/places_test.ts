/** Places, alone and as the dispatcher uses them: what fails or is blocked holds up nobody else. */
import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { settle } from "../../test_support/manual_clock.ts";
import { seeded } from "../team_test.ts";
import { gate, rig } from "./dispatcher_rig_test.ts";
import type { Outcome } from "./dispatcher.ts";
import type { MessageHandler } from "./handler.ts";
import { Places } from "./places.ts";

/** Something new as often as one likes, up to so many. */
function news(places: Places, count: number, log: string[]) {
  return () => {
    if (count-- <= 0) return false;
    places.take();
    log.push("new");
    return true;
  };
}

function returning(places: Places, name: string, log: string[]): AbortController {
  const stop = new AbortController();
  void places.again(stop.signal).then((has) => log.push(`${name} ${has ? "back" : "gone"}`));
  return stop;
}

Deno.test("places: no more are taken than there are", () => {
  const places = new Places(2);
  const log: string[] = [];
  places.fill(news(places, 5, log));
  assert.equal(log.length, 2);
  places.give();
  places.fill(news(places, 5, log));
  assert.equal(log.length, 3);
});

Deno.test("places: what had one before goes first, the one that waits longest first of all, and never twice in a row before something new", async () => {
  const places = new Places(1);
  const log: string[] = [];
  const startNew = news(places, 3, log);
  places.fill(startNew);
  for (const name of ["a", "b", "c"]) returning(places, name, log);
  for (let i = 0; i < 5; i++) {
    places.give();
    places.fill(startNew);
    await settle();
  }
  assert.deepEqual(log, ["new", "a back", "new", "b back", "new", "c back"]);
});

Deno.test("places: with nothing new those that come back follow each other", async () => {
  const places = new Places(2);
  const log: string[] = [];
  for (const name of ["a", "b"]) returning(places, name, log);
  places.fill(() => false);
  await settle();
  assert.deepEqual(log, ["a back", "b back"]);
});

Deno.test("places: who waits no longer gets none", async () => {
  const places = new Places(1);
  const log: string[] = [];
  places.take();
  const a = returning(places, "a", log);
  returning(places, "b", log);
  a.abort();
  places.give();
  places.fill(() => false);
  a.abort();
  await settle();
  assert.deepEqual(log, ["a gone", "b back"]);
});

/** Fails on `a`, as often as it is tried; what else there is waits for the test. */
function failingA() {
  const { open, handler } = gate();
  const tries: string[] = [];
  const failing: MessageHandler = (message, context) => {
    tries.push(`${context.partitionId}${message.streamSequence}/${context.attempt}`);
    if (context.partitionId === "a") throw new Error("not today");
    return handler(message, context);
  };
  return { open, tries, failing };
}

Deno.test("a partition whose handler fails gives its place to others while it pauses, and is not forgotten", async () => {
  const { open, tries, failing } = failingA();
  const { clock, dispatcher, feed, made } = rig(failing, { concurrency: 1, maxDeliver: 9 });
  const [a, b, c] = made("a", "b", "c");
  feed(a!, 1);
  feed(b!, 2);
  feed(c!, 3);
  await settle();
  assert.deepEqual(tries, ["a1/1", "b2/1"]);
  assert.equal(dispatcher.runningCount, 2);
  await clock.advance(10_000);
  assert.deepEqual(tries, ["a1/1", "b2/1"], "its pause is over, and there is no place");
  open[0]!.end();
  await settle();
  assert.deepEqual(tries, ["a1/1", "b2/1", "a1/2", "c3/1"], "its turn comes before c's");
  open[1]!.end();
  await settle();
  assert.equal(dispatcher.runningCount, 1);
});

Deno.test("a partition whose dead letter finds no stream holds up nobody else", async () => {
  const { open, tries, failing } = failingA();
  const blocked = Promise.withResolvers<Outcome>();
  const config = { concurrency: 1, maxDeliver: 1 };
  const { feed, made, told } = rig(failing, config, () => blocked.promise);
  const [a, b] = made("a", "b");
  feed(a!, 1);
  feed(b!, 2, 3);
  await settle();
  assert.deepEqual(tries, ["a1/1", "b2/1"]);
  open[0]!.end();
  await settle();
  assert.equal(tries.at(-1), "b3/1");
  blocked.resolve("done");
  await settle();
  assert.deepEqual(told.outcomes, [["b", 2, "done"], ["a", 1, "done"]]);
});

for (const end of ["moves", "aborted"] as const) {
  Deno.test(`a partition that waits for a place when it ${end === "moves" ? "is to move" : "is aborted"} waits no longer, and takes none`, async () => {
    const { open, tries, failing } = failingA();
    const { clock, feed, made, told } = rig(failing, { concurrency: 1 });
    const [a, b] = made("a", "b");
    feed(a!, 1);
    feed(b!, 2, 3);
    await clock.advance(1_000);
    if (end === "moves") a!.wanted = false;
    else a!.abort(new PartiError("PARTI_ABORTED", "over"));
    await settle();
    assert.deepEqual(told.outcomes, [["a", 1, "abandoned"]]);
    open[0]!.end();
    await settle();
    assert.deepEqual(tries, ["a1/1", "b2/1", "b3/1"]);
  });
}

Deno.test("a partition that is unwanted and wanted again while it waits for a place is not tried without one", async () => {
  const { open, tries, failing } = failingA();
  const { clock, feed, made } = rig(failing, { concurrency: 1 });
  const [a, b] = made("a", "b");
  feed(a!, 1);
  feed(b!, 2);
  await clock.advance(1_000);
  a!.wanted = false;
  a!.wanted = true;
  await settle();
  assert.deepEqual(tries, ["a1/1", "b2/1"]);
  open[0]!.end();
  await settle();
  assert.equal(tries.at(-1), "a1/2");
});

Deno.test("whatever fails, moves and comes back: never more handlers than places, and all is handled in the end", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed);
    let most = 0;
    let busy = 0;
    const { clock, dispatcher, feed, made, told } = rig(async (_, { attempt }) => {
      most = Math.max(most, ++busy);
      await new Promise<void>((resolve) => clock.setTimer(random() * 50, resolve));
      busy--;
      if (attempt < 5 && random() < 0.5) throw new Error("no luck");
    }, { concurrency: 3, maxDeliver: 99, retryBaseMs: 5, retryMaxMs: 40 });
    const all = made("a", "b", "c", "d", "e", "f");
    all.forEach((slot, index) => feed(slot, ...[1, 2, 3, 4].map((n) => n * 10 + index)));
    for (let step = 0; step < 40; step++) {
      await clock.advance(random() * 30);
      const slot = all[Math.floor(random() * all.length)]!;
      slot.wanted = false;
      if (random() < 0.5) await clock.advance(random() * 30);
      slot.wanted = true;
      dispatcher.offer(slot);
    }
    // What was given up needs a fresh lane, which there is none of here.
    await clock.advance(10_000);
    assert.deepEqual([most, busy, dispatcher.runningCount], [3, 0, 0], `seed ${seed}`);
    for (const slot of all) {
      const done = told.outcomes.filter(([id, , outcome]) => id === slot.id && outcome === "done");
      assert.ok(done.length === 4 || slot.stale, `seed ${seed}, ${slot.id}`);
    }
  }
});
