import assert from "node:assert/strict";
import { syntheticReport, syntheticRun } from "../results/synthetic_rig_test.ts";
import { asOneScript, PAGE_SCRIPTS, PAGE_STYLE } from "./assets.ts";
import { commandText } from "./command.ts";
import { pageData } from "./page_data.ts";
import { renderPage } from "./page.ts";
import { PLANTED, plantedRun } from "./planted_rig_test.ts";

/** The page without our own styles and scripts. */
function said(page: string): string {
  return [PAGE_STYLE, ...PAGE_SCRIPTS].reduce((text, own) => text.replace(own, ""), page);
}

Deno.test("the page tells verdict, thresholds, promises, chaos, workers, the machine, and how to have it again", async () => {
  const { report, series } = syntheticRun();
  const text = said(await renderPage(report, series));
  assert.match(text, /<title>✓ Pass: parti simulation, seed 42<\/title>/);
  assert.ok(text.indexOf('id="verdict"') < text.indexOf('id="limits"'), "the verdict comes first");
  assert.match(text, /<span class="mark pass">holds<\/span>.*recoveryMs\.p99 &lt;= 1000ms.*20 ms/s);
  assert.match(text, /<span class="mark unknown">unmeasured<\/span>.*takeoverMs/s);
  assert.match(text, /<span class="mark pass">kept<\/span>.*no message is lost/s);
  assert.match(text, /worker_crash.*worker-1<.*300 ms/s);
  assert.match(text, /worker-2#1.*1,002|worker-2#1.*1002/s);
  assert.match(text, /2 CPUs, load average 0\.5 before/);
  assert.match(text, /<pre[^>]*>deno task sim --config configs\/quick\.yaml --seed 42<\/pre>/);
});

Deno.test("events have the numbers of the plan, by which logs and incidents name them, also where one has overtaken another", async () => {
  const { report, series } = syntheticRun();
  const [first, second] = report.chaos;
  const chaos = [{ ...second!, atMs: 1_000 }, { ...first!, atMs: 2_000 }];
  assert.deepEqual(
    pageData({ ...report, chaos }, series).events.map(({ number }) => number),
    [2, 1],
  );
  const rows = said(await renderPage({ ...report, chaos }, series)).split('id="chaos"')[1]!
    .matchAll(/<tr>\s*<td[^>]*>(\d+)<\/td>/g);
  assert.deepEqual([...rows].slice(0, 2).map(([, number]) => number), ["2", "1"]);
});

Deno.test("headings go down one step at a time, and what is linked on the page is there", async () => {
  const { report, series } = plantedRun();
  const text = said(await renderPage(report, series));
  const levels = [...text.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
  assert.equal(levels[0], 1);
  assert.equal(levels.filter((level) => level === 1).length, 1);
  for (const [index, level] of levels.entries()) assert.ok(level <= (levels[index - 1] ?? 0) + 1);
  for (const [, id] of text.matchAll(/(?:href="#|aria-labelledby="|aria-describedby=")([^"]+)"/g)) {
    assert.ok(text.includes(`id="${id}"`), id);
  }
});

Deno.test("planted: no text of the run becomes HTML", async () => {
  const { report, series } = plantedRun();
  const page = await renderPage(report, series);
  const text = said(page);
  assert.ok(!text.includes("<img"), "no element");
  assert.ok(!text.includes("<script>planted"), "no script");
  assert.ok(!page.includes(PLANTED));
  assert.equal(page.match(/<script/g)!.length, PAGE_SCRIPTS.length + 1);
  assert.equal(page.match(/<\/script>/g)!.length, PAGE_SCRIPTS.length + 1);
  assert.ok(text.match(/&lt;script&gt;planted = 1/g)!.length >= 12, "and each is still told");
});

Deno.test("nothing is fetched: no address but our own words, and a policy that allows none", async () => {
  const { report, series } = syntheticRun();
  const page = await renderPage(report, series);
  assert.doesNotMatch(said(page), /(?:src|href)="(?!#|data:)/);
  assert.doesNotMatch(PAGE_STYLE, /url\(|@import/);
  assert.match(page, /content="default-src &#39;none&#39;; script-src &#39;sha256-/);
});

Deno.test("modules become one script without imports and exports, which is a script", () => {
  const script = asOneScript([
    "export const one = 1;\n",
    'import { one } from "./one.js";\nimport {\n  two,\n} from "./two.js";\nexport function f() { return one; }\n',
  ]);
  assert.doesNotMatch(script, /^(?:import|export)/m);
  for (const each of [script, ...PAGE_SCRIPTS]) new Function(each);
});

Deno.test("rates are counted by the length of each sample, times from the beginning of the load", () => {
  const { report, series } = syntheticRun();
  const samples = {
    ...series.samples,
    untilMs: [2_000, 4_000, 4_100],
    ...{ sent: [10, 40, 1], handled: [0, 30, 0], defects: [0, 2, 2] },
  };
  const data = pageData(report, { ...series, samples });
  assert.deepEqual(data.range, [-3, 1.1]);
  assert.deepEqual(data.samples["at"], [-1, 1, 1.1]);
  assert.deepEqual(data.samples["sent"], [5, 20, null]);
  assert.deepEqual(data.samples["handled"], [0, 15, null]);
  assert.deepEqual(data.samples["wrong"], [0, 2, 0]);
  assert.deepEqual(data.events[0], {
    ...{ number: 1, at: 20, until: 20.3, text: "worker_crash worker-1" },
  });
});

Deno.test("a worker that comes back is the same one, and nobody is nobody", () => {
  const { report, series } = syntheticRun();
  const owners = {
    processes: ["worker-10#1", "worker-2#1", "worker-10#2"],
    ...{ resolutionMs: 0, atMs: [3_000, 3_000, 4_000, 5_000], partition: [0, 1, 0, 0] },
    owner: [0, 1, -1, 2],
  };
  const told = pageData(report, { ...series, owners }).owners;
  assert.deepEqual(told.workers, ["worker-2", "worker-10"]);
  assert.deepEqual(told.owner, [1, 0, -1, 1]);
  assert.deepEqual(told.at, [0, 0, 1, 2]);
});

Deno.test("the command can be typed as it stands, also that of an older report", () => {
  const { arguments: _, ...older } = syntheticReport({ fault: "lose" as never });
  assert.equal(
    commandText(older),
    "deno task sim --config configs/quick.yaml --seed 42 --fault lose",
  );
  const given = ["sim", "--set", "thresholds={}", "--set", "a=it's > 1", "--seed", "1"];
  assert.equal(
    commandText(syntheticReport({ arguments: given })),
    `deno task sim --set 'thresholds={}' --set 'a=it'\\''s > 1' --seed 1`,
  );
});
