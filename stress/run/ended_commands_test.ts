import assert from "node:assert/strict";
import { describeError, isPartiError } from "../../lib/errors.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { idOf } from "../case.ts";
import { CATALOG } from "../registry.ts";
import { BASELINE_FOLDER, baselineName, baselineNames, fileOf } from "../results/baselines.ts";
import { readResult, writeResult } from "../results/files.ts";
import { resultWith } from "../results/result_rig_test.ts";
import { runBaseline, runCompare } from "./ended_commands.ts";

/** What `baseline` says today to each that is kept: one of a machine has to be whole, a part has a name of its own. */
async function unfitIn(folder: string): Promise<string[]> {
  using temp = new TempDir();
  const unfit: string[] = [];
  for (const name of await baselineNames(folder)) {
    try {
      const file = fileOf(folder, name);
      const isMachines = name === baselineName(await readResult(file));
      await runBaseline(file, { dir: temp.path, ...(isMachines ? {} : { name }) });
    } catch (error) {
      unfit.push(`${name}: ${describeError(error)}`);
    }
  }
  return unfit;
}

Deno.test("baselines: each that is kept is one that would be saved today, and passes against itself", async () => {
  const folder = new URL("../baselines", import.meta.url).pathname;
  assert.ok(folder.endsWith(BASELINE_FOLDER));
  assert.deepEqual(await unfitIn(folder), []);
});

Deno.test("baselines: planted: one that is not whole, has too few repetitions, or is of an older form is found", async () => {
  using temp = new TempDir();
  const three = { heap: [1, 1, 1] };
  const whole = Object.fromEntries(CATALOG.cases.map((one) => [idOf(one), three]));
  const machine = resultWith(whole);
  await writeResult(fileOf(temp.path, baselineName(machine)), machine);
  const part = resultWith({ "memory/a": three });
  await writeResult(fileOf(temp.path, "part"), part);
  assert.deepEqual(await unfitIn(temp.path), []);
  await writeResult(fileOf(temp.path, baselineName(machine)), part);
  await writeResult(fileOf(temp.path, "few"), resultWith({ "memory/a": { heap: [1, 1] } }));
  const { loadAverages: _, ...older } = part.cases[0]!;
  await writeResult(fileOf(temp.path, "older"), { ...part, cases: [older] } as never);
  const unfit = (await unfitIn(temp.path)).join("\n");
  assert.match(unfit, /^example-2cpu-8gb: .*not the whole suite/m);
  assert.match(unfit, /^few: .*too few repetitions/m);
  assert.match(unfit, /^older: .*no result of the stress suite: cases\.0\.loadAverages/m);
  assert.equal(unfit.split("\n").length, 3);
});

Deno.test("compare: planted: a baseline that there is not is told with those that there are, and how to save one", async () => {
  using temp = new TempDir();
  await writeResult(`${temp.path}/out.json`, resultWith({ "memory/a": { heap: [1, 1, 1] } }));
  const dir = `${temp.path}/baselines`;
  const compare = (name?: string) => runCompare(name, `${temp.path}/out.json`, dir);
  const told = (what: RegExp, hint: RegExp) => (error: unknown) => {
    assert.ok(isPartiError(error, "PARTI_NOT_FOUND"));
    assert.match(error.message, what);
    assert.match(error.hint!, hint);
    return true;
  };
  const none =
    /^there is none in .*baselines yet; `deno task stress` and then `deno task stress ba/;
  await assert.rejects(compare(), told(/no baseline of this machine: .*example-2cpu-8gb/, none));
  await assert.rejects(compare("nosuch"), told(/no baseline nosuch/, none));
  for (const name of ["other", "that"]) {
    await runBaseline(`${temp.path}/out.json`, { name, dir });
  }
  const both = /^there are other, that in .*baselines; `deno task stress` and then/;
  await assert.rejects(compare(), told(/no baseline of this machine/, both));
  await assert.rejects(compare("nosuch"), told(/no baseline nosuch/, both));
  assert.equal(await compare("that"), 0);
  // A folder of that name in which there is no result is not meant.
  await runBaseline(`${temp.path}/out.json`, { name: "stress", dir });
  assert.equal(await compare("stress"), 0);
});
