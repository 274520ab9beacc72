import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { until } from "../../tasks/until.ts";
import { checkpointsIn, readNewest } from "./checkpoint_file.ts";
import { Checkpoints } from "./checkpoints.ts";

const rig = (folder: string, intervalMs: number) => {
  const troubles: string[] = [];
  let taken = 0;
  const checkpoints = new Checkpoints({
    ...{ folder, intervalMs, keep: 2 },
    take: () => ++taken,
    onTrouble: (message) => troubles.push(message),
  });
  return { checkpoints, troubles, taken: () => taken };
};

Deno.test("checkpoints: none before the start, one at once, then at intervals and on demand, none after the end", async () => {
  using dir = new TempDir();
  const { checkpoints, troubles, taken } = rig(dir.path, 20);
  checkpoints.soon();
  assert.equal(taken(), 0);
  checkpoints.start();
  await until("several were written", () => taken() >= 3);
  await checkpoints[Symbol.asyncDispose]();
  const last = taken();
  checkpoints.soon();
  assert.equal(taken(), last);
  assert.deepEqual((await readNewest(dir.path)).body, last);
  assert.equal((await checkpointsIn(dir.path)).length, 2);
  assert.deepEqual(troubles, []);
});

Deno.test("checkpoints: of many demands while one is written one more comes, with the state of then", async () => {
  using dir = new TempDir();
  const { checkpoints, taken } = rig(dir.path, 1e9);
  checkpoints.start();
  for (let demand = 0; demand < 100; demand++) checkpoints.soon();
  await until("written again", () => taken() === 2);
  await checkpoints[Symbol.asyncDispose]();
  assert.equal(taken(), 2);
});

Deno.test("checkpoints: one that cannot be written is told, and the next is tried", async () => {
  using dir = new TempDir();
  const { checkpoints, troubles, taken } = rig(`${dir.path}/none`, 20);
  checkpoints.start();
  await until("two troubles", () => troubles.length >= 2);
  assert.match(troubles[0]!, /cannot write the checkpoint/);
  await Deno.mkdir(`${dir.path}/none`);
  const before = taken();
  await until("one more", () => taken() > before + 1);
  await checkpoints[Symbol.asyncDispose]();
  assert.ok((await checkpointsIn(`${dir.path}/none`)).length > 0);
});
