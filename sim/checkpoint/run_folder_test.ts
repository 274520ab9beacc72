import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { writeCheckpoint } from "./checkpoint_file.ts";
import { findRunFolder, takeRunFolder, untilGone } from "./run_folder.ts";

const refused = (error: unknown) => isPartiError(error, "PARTI_INVALID_CONFIG");

Deno.test("run folder: the one that is named, or the one in it with the newest checkpoint", async () => {
  using dir = new TempDir();
  await assert.rejects(findRunFolder(`${dir.path}/none`), refused);
  await assert.rejects(findRunFolder(dir.path), refused);
  for (const [name, second] of [["a", 2], ["b", 3], ["c", 1]] as const) {
    await Deno.mkdir(`${dir.path}/${name}`);
    await writeCheckpoint(`${dir.path}/${name}`, 0, new Date(second * 1_000), 3);
  }
  await Deno.mkdir(`${dir.path}/d`);
  assert.equal(await findRunFolder(dir.path), `${dir.path}/b`);
  assert.equal(await findRunFolder(`${dir.path}/a`), `${dir.path}/a`);
});

Deno.test("run folder: only one process has it at a time", async () => {
  using dir = new TempDir();
  {
    using _taken = await takeRunFolder(dir.path);
    await assert.rejects(takeRunFolder(dir.path), refused);
  }
  using _again = await takeRunFolder(dir.path);
});

Deno.test("run folder: a process is waited for until it is gone", async () => {
  const child = new Deno.Command("sleep", { args: ["0.2"] }).spawn();
  await untilGone(child.pid);
  assert.ok((await child.status).success);
  await untilGone(child.pid);
});
