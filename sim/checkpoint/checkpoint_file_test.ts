import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { checkpointsIn, readCheckpoint, readNewest, writeCheckpoint } from "./checkpoint_file.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 2, 3, 4, second));

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(() => undefined, (error) => error);
  assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"), String(error));
  return error.message;
}

Deno.test("checkpoint file: what was written is read, and only the last ones are kept", async () => {
  using dir = new TempDir();
  for (const second of [1, 2, 3, 4]) await writeCheckpoint(dir.path, { second }, at(second), 2);
  assert.deepEqual(await checkpointsIn(dir.path), [
    "checkpoint_20260102_030404_000_000004.json",
    "checkpoint_20260102_030403_000_000003.json",
  ]);
  const { body, file, refused } = await readNewest(dir.path);
  assert.deepEqual(body, { second: 4 });
  assert.equal(file, `${dir.path}/checkpoint_20260102_030404_000_000004.json`);
  assert.deepEqual(refused, []);
});

Deno.test("checkpoint file: a clock that is set back makes no older one the newest, and none that is new is removed", async () => {
  using dir = new TempDir();
  for (const second of [8, 9, 5, 4]) await writeCheckpoint(dir.path, { second }, at(second), 3);
  assert.deepEqual(await checkpointsIn(dir.path), [
    "checkpoint_20260102_030404_000_000004.json",
    "checkpoint_20260102_030405_000_000003.json",
    "checkpoint_20260102_030409_000_000002.json",
  ]);
  assert.deepEqual((await readNewest(dir.path)).body, { second: 4 });
});

Deno.test("checkpoint file: one without a number, as they were once, is read, and is older than all that have one", async () => {
  using dir = new TempDir();
  for (const second of [6, 7]) {
    const old = `${dir.path}/checkpoint_20260102_03040${second}_000.json`;
    await Deno.rename(await writeCheckpoint(dir.path, { second }, at(second), 9), old);
  }
  assert.deepEqual((await readNewest(dir.path)).body, { second: 7 });
  // The run goes on from it, on a clock that was set back meanwhile.
  await writeCheckpoint(dir.path, { second: 1 }, at(1), 2);
  assert.deepEqual(await checkpointsIn(dir.path), [
    "checkpoint_20260102_030401_000_000001.json",
    "checkpoint_20260102_030407_000.json",
  ]);
  assert.deepEqual((await readNewest(dir.path)).body, { second: 1 });
});

Deno.test({
  name:
    "checkpoint file: one for which there is no room leaves nothing, and the ones before are as they were",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using dir = new TempDir();
    await writeCheckpoint(dir.path, { second: 1 }, at(1), 1);
    const part = `${dir.path}/checkpoint_20260102_030402_000_000002.json.part`;
    await Deno.symlink("/dev/full", part);
    const write = writeCheckpoint(dir.path, { second: 2 }, at(2), 1);
    await assert.rejects(write, /cannot write the checkpoint .*No space left/);
    const left = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
    assert.deepEqual(left, ["checkpoint_20260102_030401_000_000001.json"]);
    assert.deepEqual((await readNewest(dir.path)).body, { second: 1 });
  },
});

Deno.test("checkpoint file: the millionth is newer than the one before it", async () => {
  using dir = new TempDir();
  const first = await writeCheckpoint(dir.path, 999_999, at(1), 9);
  await Deno.rename(first, first.replace("_000001.", "_999999."));
  await writeCheckpoint(dir.path, 1_000_000, at(1), 9);
  assert.deepEqual((await readNewest(dir.path)).body, 1_000_000);
});

Deno.test("checkpoint file: torn, changed or foreign ones are refused with the reason, and the one before is used", async () => {
  using dir = new TempDir();
  await writeCheckpoint(dir.path, { good: true }, at(1), 9);
  const text = await Deno.readTextFile(
    await writeCheckpoint(dir.path, { a: "long ".repeat(99) }, at(2), 9),
  );
  const spoilt = {
    3: text.slice(0, -100),
    4: text.replace("long", "LONG"),
    5: '{"something":"else"}\n{}\n',
    6: "",
    7: text.replace('"version":5', '"version":7'),
  };
  await Deno.remove(`${dir.path}/checkpoint_20260102_030402_000_000002.json`);
  for (const [second, content] of Object.entries(spoilt)) {
    const name = `checkpoint_20260102_03040${second}_000_00000${second}.json`;
    await Deno.writeTextFile(`${dir.path}/${name}`, content);
  }
  // As a crash in the middle of writing leaves it.
  await Deno.writeTextFile(`${dir.path}/checkpoint_20260102_030409_000_000009.json.part`, "{");
  const { body, refused } = await readNewest(dir.path);
  assert.deepEqual(body, { good: true });
  const reasons = [
    "its version is 7",
    "no checkpoint of this",
    "no checkpoint of this",
    "torn",
    "torn",
  ];
  assert.equal(refused.length, reasons.length);
  for (const [index, reason] of reasons.entries()) {
    assert.ok(refused[index]!.includes(reason), refused[index]);
  }
});

Deno.test("checkpoint file: where none is usable the error says why of each", async () => {
  using dir = new TempDir();
  assert.match(await refusal(readNewest(dir.path)), /there is none$/);
  await Deno.writeTextFile(`${dir.path}/checkpoint_20260102_030401_000.json`, "x");
  assert.match(await refusal(readNewest(dir.path)), /none is usable:\n.*_030401_000\.json/);
  assert.match(
    await refusal(readCheckpoint(`${dir.path}/checkpoint_20260102_030401_000.json`)),
    /cannot be used/,
  );
});

Deno.test("checkpoint file: one that cannot be written leaves those before it", async () => {
  using dir = new TempDir();
  await writeCheckpoint(dir.path, 1, at(1), 1);
  // What stands in the way of the new file, as a full disk would.
  await Deno.mkdir(`${dir.path}/checkpoint_20260102_030402_000_000002.json.part`);
  await assert.rejects(writeCheckpoint(dir.path, 2, at(2), 1), (error) => {
    return isPartiError(error, "PARTI_REFUSED") && /intact/.test(error.hint ?? "");
  });
  assert.equal((await readNewest(dir.path)).body, 1);
});
