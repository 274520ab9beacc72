import assert from "node:assert/strict";
import { Checkpoints, noCheckpoint } from "./checkpoint.ts";
import { simulate } from "./simulate.ts";
import { type Main, SimNode } from "./node.ts";

Deno.test("in production a checkpoint is no more than an await", async () => {
  await noCheckpoint("anywhere");
});

Deno.test("a checkpoint takes no time, or now and then a little, each place by draws of its own", () => {
  const delaysOf = (places: readonly string[]): number[] => {
    const checkpoints = new Checkpoints(1, "w#1");
    return places.map((place) => checkpoints.pass(place)).filter(({ label }) =>
      label === "checkpoint a"
    ).map(({ delayMs }) => delayMs);
  };
  const alone = delaysOf(new Array(1_000).fill("a"));
  const delayed = alone.filter((delayMs) => delayMs > 0);
  assert.ok(delayed.length > 200 && delayed.length < 300, `${delayed.length} of 1000`);
  assert.ok(Math.max(...delayed) < 1);
  const mixed = delaysOf(Array.from({ length: 2_000 }, (_, i) => i % 2 === 0 ? "a" : "b"));
  assert.deepEqual(mixed, alone);
});

Deno.test("the seed decides who goes first at a checkpoint: a lost update is found by some seeds and not by others", async () => {
  let lost = 0;
  for (let seed = 0; seed < 100; seed++) {
    let counter = 0;
    const { failure } = await simulate({ seed }, async (kernel) => {
      // Read, go on, write: right only if nobody comes in between.
      const main: Main = async ({ checkpoint }) => {
        const read = counter;
        await checkpoint("between read and write");
        counter = read + 1;
      };
      for (const name of ["a", "b"]) new SimNode(kernel, name).boot(main);
      await kernel.sleep(10);
    });
    assert.equal(failure, undefined);
    if (counter === 1) lost++;
  }
  assert.ok(lost > 20 && lost < 80, `${lost} of 100`);
});

Deno.test("nobody comes past a checkpoint dead, and a paused process waits there", async () => {
  const passed: string[] = [];
  await simulate({ seed: 1 }, async (kernel) => {
    const nodes = ["dies", "waits"].map((name) => new SimNode(kernel, name));
    for (const node of nodes) {
      node.boot(async ({ clock, checkpoint, name }) => {
        await new Promise<void>((resolve) => clock.setTimer(5, resolve));
        if (name === "dies#1") node.crash();
        else node.pause();
        await checkpoint("here");
        passed.push(`${name} at ${Math.floor(kernel.nowMs)}`);
      });
    }
    await kernel.sleep(50);
    nodes[1]!.resume();
    await kernel.sleep(50);
    assert.deepEqual([...kernel.refusals.byEffect], [["dies#1: checkpoint here", 1]]);
  });
  assert.deepEqual(passed, ["waits#1 at 50"]);
});
