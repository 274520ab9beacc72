import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { baselineName, readResult, saveBaseline, writeResult } from "./files.ts";
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

Deno.test("files: a baseline is a result without its series; what was planted, quick or failed is none", async () => {
  using temp = new TempDir();
  const result = resultWith({ "memory/a": { heap: [1, 2, 3] } });
  const series = [{ name: "heap", unit: "MB", atSeconds: [1], values: [1] }];
  const whole = { ...result, cases: result.cases.map((one) => ({ ...one, series })) };
  const file = await saveBaseline(whole, "here", `${temp.path}/base`);
  assert.deepEqual(await readResult(file), result);
  const save = (change: object) => saveBaseline({ ...result, ...change }, "x", temp.path);
  await assert.rejects(save({ quick: true }), /only a sanity check/);
  await assert.rejects(save({ fault: "slow" }), /planted defect slow/);
  const failed = result.cases.map((one) => ({ ...one, failures: ["too long"] }));
  await assert.rejects(save({ cases: failed }), /could not be measured/);
  await assert.rejects(saveBaseline(result, "../x", temp.path), /no name for a baseline/);
});

Deno.test("files: planted: what has problems or was measured under load is a baseline only when it is wanted all the same", async () => {
  using temp = new TempDir();
  const result = resultWith({ "leak/churn": { messages: [1, 2, 3] } });
  const problems = result.cases.map((one) => ({ ...one, problems: ["it leaks"] }));
  const load = { ...result.load, loadAverageHighest: 7.9 };
  const doubtful = [
    [{ ...result, cases: problems }, /no good baseline: leak\/churn: it leaks/],
    [{ ...result, load }, /a load average of 7\.9 on 2 processors, more than 4/],
  ] as const;
  for (const [one, why] of doubtful) {
    await assert.rejects(saveBaseline(one, "x", temp.path), why);
    await saveBaseline(one, "x", temp.path, true);
  }
  await assert.rejects(
    saveBaseline({ ...result, load, quick: true }, "x", temp.path, true),
    /only a sanity check/,
  );
});

Deno.test("files: a baseline is named after the machine", () => {
  const { machine } = resultWith({});
  const named = (cpuModel: string) => baselineName({ machine: { ...machine, cpuModel } });
  assert.equal(named("Intel(R) Xeon(R) CPU @ 2.50GHz"), "intel-xeon-2.50ghz-2cpu-8gb");
  assert.equal(named(""), "machine-2cpu-8gb");
});
