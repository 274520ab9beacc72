import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { idOf } from "../case.ts";
import { CATALOG } from "../registry.ts";
import { readResult, writeResult } from "../results/files.ts";
import type { StressResult } from "../results/result.ts";
import { resultWith } from "../results/result_rig_test.ts";
import { keepWhole, lastWhole, WHOLE_FILE } from "./kept_whole.ts";

const three = { heap: [1, 1, 1] };
const whole = (seed: number, more: Partial<StressResult> = {}) =>
  resultWith(Object.fromEntries(CATALOG.cases.map((one) => [idOf(one), three])), { seed, ...more });

Deno.test("kept: the whole suite is, whatever runs next; a part, a sanity check, what broke off or was planted never is", async () => {
  using temp = new TempDir();
  const begin = async (last: StressResult) => {
    await writeResult(`${temp.path}/stress.json`, last);
    await keepWhole(temp.path);
  };
  await keepWhole(temp.path);
  const part = resultWith({ "memory/a": three });
  await begin(part);
  await assert.rejects(readResult(`${temp.path}/${WHOLE_FILE}`), { code: "PARTI_NOT_FOUND" });
  assert.deepEqual(await lastWhole(temp.path), { result: part });
  const kept = whole(1);
  const keptIn = `${temp.path}/${WHOLE_FILE}`;
  await begin(kept);
  const others = [
    ...[part, whole(2, { quick: true }), whole(3, { fault: "slow" })],
    whole(4, { unfinished: "it was interrupted" }),
  ];
  for (const other of others) {
    await begin(other);
    assert.deepEqual(await lastWhole(temp.path), { result: kept, keptIn });
  }
  await begin(whole(5));
  await begin(part);
  assert.equal((await lastWhole(temp.path)).result.seed, 5);
  // Who names a file means that one.
  assert.deepEqual(await lastWhole(`${temp.path}/stress.json`), { result: part });
});

Deno.test("kept: planted: where it cannot be written the next run does not begin", async () => {
  using temp = new TempDir();
  await writeResult(`${temp.path}/stress.json`, whole(1));
  await Deno.mkdir(`${temp.path}/${WHOLE_FILE}.part`);
  await assert.rejects(keepWhole(temp.path), { code: "PARTI_REFUSED" });
  assert.equal((await readResult(temp.path)).seed, 1);
});
