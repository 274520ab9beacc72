import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { baselineName, baselineNames, saveBaseline } from "./baselines.ts";
import { readResult } from "./files.ts";
import { resultWith } from "./result_rig_test.ts";

Deno.test("baselines: a baseline is a result without its series; what was planted, quick or failed is none", async () => {
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

Deno.test("baselines: planted: what would not even pass against itself, for its problems, its load or its few repetitions, is a baseline only when it is wanted all the same", async () => {
  using temp = new TempDir();
  const result = resultWith({ "leak/churn": { messages: [1, 2, 3] } });
  const problems = result.cases.map((one) => ({ ...one, problems: ["it leaks"] }));
  const timed = resultWith({ "scale/a": { start: [900, 901, 902] } });
  const busy = timed.cases.map((one) => ({ ...one, loadAverages: [1, 7.9, 1] }));
  const doubtful = [
    [{ ...result, cases: problems }, /no good baseline: .*leak\/churn: it leaks/],
    [{ ...timed, cases: busy }, /a load average of 7\.9 on 2 processors, more than 4/],
    [resultWith({ "scale/a": { start: [900, 901] } }), /too few repetitions/],
  ] as const;
  for (const [one, why] of doubtful) {
    await assert.rejects(saveBaseline(one, "x", temp.path), why);
    await saveBaseline(one, "x", temp.path, true);
  }
  await assert.rejects(
    saveBaseline({ ...result, quick: true }, "x", temp.path, true),
    /only a sanity check/,
  );
});

Deno.test("baselines: a baseline is named after the machine", () => {
  const { machine } = resultWith({});
  const named = (cpuModel: string) => baselineName({ machine: { ...machine, cpuModel } });
  assert.equal(named("Intel(R) Xeon(R) CPU @ 2.50GHz"), "intel-xeon-2.50ghz-2cpu-8gb");
  assert.equal(named(""), "machine-2cpu-8gb");
});

Deno.test("baselines: those that there are have names, and where none is there is none", async () => {
  using temp = new TempDir();
  assert.deepEqual(await baselineNames(`${temp.path}/none`), []);
  temp.write("README.md", "");
  for (const name of ["b", "a"]) {
    await saveBaseline(resultWith({ "m/a": { heap: [1, 1, 1] } }), name, temp.path);
  }
  assert.deepEqual(await baselineNames(temp.path), ["a", "b"]);
});
