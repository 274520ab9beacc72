import assert from "node:assert/strict";
import { resultLines } from "../results/block.ts";
import { resultWith, wholeResult } from "../results/result_rig_test.ts";
import { STRESS_SCRIPTS } from "./assets.ts";
import { curvesOf } from "./curves.ts";
import { renderStressPage } from "./page.ts";

Deno.test("page: tells the verdict, every figure, the machine and how to have it again", async () => {
  const page = await renderStressPage(wholeResult());
  assert.match(page, /<title>✕ Fail: parti stress<\/title>/);
  assert.match(page, /<li>memory\/a: heap is 6 MB<\/li>/);
  assert.match(page, /memory\/a<\/span>.*heap<\/span>.*6 MB.*5 – 7/s);
  assert.match(page, /2 × Example CPU, 8\.0 GB, linux x86_64, Deno 2\.9\.6, nats-server 2\.15\.1/);
  assert.match(page, /<pre[^>]*>deno task stress<\/pre>/);
  assert.equal(page.match(/data-curve=/g)!.length, 3);
});

Deno.test("page and console: what a case notes is said, beside the verdict", async () => {
  const result = wholeResult();
  const [one, ...others] = result.cases;
  const noted = { ...result, cases: [{ ...one!, notes: ["it grows"] }, ...others] };
  assert.match(await renderStressPage(noted), /<p>note: memory\/a: it grows<\/p>/);
  assert.ok(resultLines(noted).includes("note: memory/a: it grows"));
});

Deno.test("page: planted: a machine that had too much to do during a case is told with the case, and no other one", async () => {
  const result = wholeResult();
  const [busy, ...others] = result.cases;
  const words = /The machine had a load average of 7\.9 .*more than 4, in memory\/a: times say/;
  const page = await renderStressPage({
    ...result,
    cases: [{ ...busy!, loadAverages: [1, 7.9] }, ...others],
  });
  assert.match(page, words);
  assert.doesNotMatch(await renderStressPage(result), /The machine had a load/);
});

Deno.test("page: planted: time that other machines of the host took is told with the machine", async () => {
  const result = wholeResult();
  const load = { ...result.load, stolenPart: 0.12 };
  const words = /load average 0 before, at most 1, 12% of its time taken by others/;
  assert.match(await renderStressPage({ ...result, load }), words);
  assert.doesNotMatch(await renderStressPage(result), /taken by others/);
});

Deno.test("page: a law is drawn through its points, and what has no logarithm is left out", () => {
  const curves = curvesOf(wholeResult());
  assert.deepEqual(Object.keys(curves), ["memory/line", "memory/power", "leak/churn/heap/0"]);
  assert.deepEqual(curves["memory/line"]!.lines[1]!.values, [1, 10, 100]);
  const power = curves["memory/power"]!;
  assert.equal(power.logarithmic, true);
  assert.deepEqual(power.lines[0]!.values, [null, 10, 1_000]);
  assert.deepEqual(power.lines[1]!.values.map((value) => Math.round(value! * 10) / 10), [
    ...[0.1, 10, 1_000],
  ]);
});

Deno.test("page: planted: no text becomes HTML, and nothing is fetched", async () => {
  const evil = "<script>planted = 1</script>";
  const result = wholeResult();
  const page = await renderStressPage({
    ...result,
    ...{ commit: evil, reasons: [evil], arguments: ["stress", evil] },
    machine: { ...result.machine, cpuModel: evil },
    cases: result.cases.map((one) => ({ ...one, title: evil, id: `memory/${evil}` })),
    studies: result.studies.map((one) => ({ ...one, title: evil })),
  });
  assert.ok(!page.includes(evil));
  assert.equal(page.match(/<script/g)!.length, STRESS_SCRIPTS.length + 1);
  const said = STRESS_SCRIPTS.reduce((text, own) => text.replace(own, ""), page);
  assert.doesNotMatch(said, /(?:src|href)="(?!#|data:)/);
  assert.match(page, /content="default-src &#39;none&#39;; script-src &#39;sha256-/);
});

Deno.test("page: its scripts are scripts", () => {
  for (const script of STRESS_SCRIPTS) new Function(script);
});

Deno.test("page: a result without curves has none", async () => {
  const page = await renderStressPage(resultWith({ "memory/a": { heap: [1] } }));
  assert.doesNotMatch(page, /data-curve="|<h2 id="curves">/);
});
