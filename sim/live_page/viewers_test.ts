import assert from "node:assert/strict";
import { LiveRig } from "./live_rig_test.ts";
import { MAX_VIEWERS, Viewers } from "./viewers.ts";

function rigged() {
  const rig = new LiveRig();
  rig.begin();
  const clock = { ms: 0 };
  return { rig, clock, viewers: new Viewers(rig.feed, () => clock.ms) };
}

const decoder = new TextDecoder();

async function readOne(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value, done } = await reader.read();
  return done ? "the end" : decoder.decode(value);
}

Deno.test("viewers: told when they come, and then what is new; without any there is no timer", async () => {
  const { rig, viewers } = rigged();
  const reader = viewers.add()!.getReader();
  assert.equal(await readOne(reader), ": hello\n\n");
  assert.match(await readOne(reader), /^data: \{"facts":.*\}\n\n$/);
  rig.pass();
  viewers.tick();
  assert.match(await readOne(reader), /^data: \{"status":.*\}\n\n$/);
  await reader.cancel();
  // The sanitizers would find the timer.
  assert.equal(viewers.count, 0);
});

Deno.test("viewers: who takes nothing is told nothing, holds nothing up, and is sent away in the end", async () => {
  const { rig, clock, viewers } = rigged();
  const slow = viewers.add()!.getReader();
  const quick = viewers.add()!.getReader();
  const sizes = [];
  for (let tick = 0; tick < 40; tick++) {
    clock.ms += 1_000;
    rig.pass();
    viewers.tick();
    sizes.push((await readOne(quick)).length);
  }
  assert.equal(viewers.count, 1, "the quick one is still there");
  assert.ok(sizes.every((size) => size > 0));
  const left = [];
  for (let text = ""; text !== "the end"; left.push(text)) text = await readOne(slow);
  assert.ok(left.length <= 4, "what lay ready for it was bounded");
  viewers.close();
  while ((await readOne(quick)) !== "the end");
});

Deno.test("viewers: not more than there may be; the end is told to all", async () => {
  const { viewers, rig } = rigged();
  const readers = Array.from({ length: MAX_VIEWERS }, () => viewers.add()!.getReader());
  assert.equal(viewers.add(), undefined);
  await readers[0]!.cancel();
  assert.equal(viewers.count, MAX_VIEWERS - 1);
  rig.feed.end({ verdict: "pass", reasons: [] });
  viewers.close();
  for (const reader of readers.slice(1)) {
    const texts = [await readOne(reader), await readOne(reader), await readOne(reader)];
    assert.match(texts.join(""), /"end":\{"verdict":"pass"/);
    assert.equal(await readOne(reader), "the end");
  }
});
