import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { readResult, writeResult } from "./files.ts";
import { resultWith } from "./result_rig_test.ts";

Deno.test("files: a result is read as it was written, by its folder or by its name", async () => {
  using temp = new TempDir();
  const result = resultWith({ "memory/a": { heap: [1, 2, 3] } });
  await writeResult(`${temp.path}/stress.json`, result);
  assert.deepEqual(await readResult(temp.path), result);
  assert.deepEqual(await readResult(`${temp.path}/stress.json`), result);
});

Deno.test("files: what is not there, torn, or something else is one clear message", async () => {
  using temp = new TempDir();
  await assert.rejects(readResult(`${temp.path}/none`), /PartiError.*there is no/s);
  await assert.rejects(readResult(temp.path), /there is no .*stress\.json/);
  const torn = temp.write("torn.json", '{"format": "parti-st');
  await assert.rejects(readResult(torn), /no JSON, or torn/);
  const other = temp.write("other.json", '{"format": "something"}');
  await assert.rejects(readResult(other), /no result of the stress suite: format:/);
});

Deno.test("files: planted: what cannot be written is one clear message, and what was there before is as it was", async () => {
  using temp = new TempDir();
  const result = resultWith({ "memory/a": { heap: [1, 2, 3] } });
  const file = `${temp.path}/stress.json`;
  await writeResult(file, result);
  // The half file cannot be made, as on a full disk.
  await Deno.mkdir(`${file}.part`);
  await assert.rejects(writeResult(file, { ...result, seed: 2 }), (error) => {
    assert.ok(isPartiError(error, "PARTI_REFUSED"));
    assert.match(error.message, /cannot write .*stress\.json: /);
    assert.match(error.hint!, /is the disk full/);
    return true;
  });
  assert.deepEqual(await readResult(file), result);
});
