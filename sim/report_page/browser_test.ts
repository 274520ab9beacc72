import assert from "node:assert/strict";
import { syntheticRun } from "../results/synthetic_rig_test.ts";
import type { SimReport } from "../report/report.ts";
import type { Series } from "../series/series.ts";
import { browserTest, openPage } from "./chromium_rig_test.ts";
import { renderPage } from "./page.ts";
import { plantedRun } from "./planted_rig_test.ts";

const CHARTS = 6;

/** Looks at the page from within, when all is drawn, and tells what it has seen in an attribute. */
const PROBE = `
const seen = { errors: [], shift: 0 };
addEventListener("error", ({ message }) => seen.errors.push(message));
new PerformanceObserver((list) => {
  for (const { value } of list.getEntries()) seen.shift += value;
}).observe({ type: "layout-shift", buffered: true });
const colorsOf = (canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
};
const press = (target, key) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
// The page's time passes as soon as there is nothing to do: by then all is drawn.
addEventListener("load", () => setTimeout(() => {
  seen.charts = [...document.querySelectorAll(".plot canvas")].map(colorsOf);
  const picture = document.querySelector("#owners canvas");
  seen.owners = colorsOf(picture);
  seen.shiftBefore = seen.shift;
  const plot = document.querySelector(".plot");
  const reset = document.getElementById("reset");
  seen.reset = [reset.disabled];
  press(plot, "ArrowRight");
  seen.said = document.getElementById("live").textContent;
  press(plot, "+");
  seen.reset.push(reset.disabled);
  press(picture, "ArrowDown");
  seen.partition = document.querySelector(".readout").textContent;
  press(picture, "Escape");
  seen.reset.push(reset.disabled);
  const select = document.querySelector("select[name=worker]");
  select.value = "1";
  select.dispatchEvent(new Event("change"));
  seen.faded = colorsOf(picture);
  seen.wide = document.documentElement.scrollWidth > innerWidth;
  seen.planted = typeof planted;
  document.documentElement.dataset.seen = JSON.stringify(seen);
}, 1_000));`;

interface Seen {
  readonly errors: readonly string[];
  readonly charts: readonly number[];
  readonly owners: number;
  readonly faded: number;
  readonly shiftBefore: number;
  readonly reset: readonly boolean[];
  readonly said: string;
  readonly partition: string;
  readonly wide: boolean;
  readonly planted: string;
}

/** The page's policy lets no script run but its own: for ours it has to go. */
async function probed(
  browser: string,
  { report, series }: { report: SimReport; series: Series },
  size?: readonly [number, number],
): Promise<Seen> {
  const page = (await renderPage(report, series))
    .replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, `<script>${PROBE}</script>`);
  const { dom, complaints } = await openPage(browser, page, size);
  assert.deepEqual(complaints, []);
  const told = /data-seen="([^"]*)"/.exec(dom)?.[1];
  assert.ok(told !== undefined, "the page did not come to its end");
  return JSON.parse(told.replaceAll("&quot;", '"').replaceAll("&amp;", "&"));
}

browserTest(
  "in a browser: the page opens from disk, draws its charts, and nothing is refused",
  async (browser) => {
    const { report, series } = syntheticRun();
    const { dom, complaints } = await openPage(browser, await renderPage(report, series));
    assert.deepEqual(complaints, []);
    assert.equal(dom.match(/class="uplot/g)?.length, CHARTS);
    assert.match(dom, /<span class="swatch"[^>]*><\/span>worker-2<\/li>/, "the legend of owners");
  },
);

browserTest(
  "in a browser: every picture has something in it, nothing jumps, and keys do what is said",
  async (browser) => {
    const seen = await probed(browser, syntheticRun());
    assert.deepEqual(seen.errors, []);
    assert.equal(seen.charts.length, CHARTS);
    for (const colors of seen.charts) assert.ok(colors > 5, `${seen.charts}`);
    assert.ok(seen.owners > 5, `${seen.owners}`);
    assert.ok(seen.faded > 5, `${seen.faded}`);
    // A rounding of the layout is no jump; of one that can be seen it is a thousand times as much.
    assert.ok(seen.shiftBefore < 0.001, `${seen.shiftBefore}`);
    assert.match(seen.said, /^Throughput: at \S+, sent \d+.* msg\/s, handled \d+/);
    assert.match(seen.partition, /^\S+ · partition \d+ · worker-\d$/);
    assert.deepEqual(seen.reset, [true, false, true], "zoomed in, and out again");
    assert.equal(seen.wide, false);
  },
);

browserTest(
  "in a browser: it is as well on a small screen, with 1,500 partitions and 100 workers",
  async (browser) => {
    const size = { partitions: 1_500, workers: 100, seconds: 1_800 };
    const seen = await probed(browser, syntheticRun(size), [500, 900]);
    assert.deepEqual(seen.errors, []);
    assert.equal(seen.charts.length, CHARTS);
    assert.ok(seen.owners > 100, `${seen.owners}`);
    assert.equal(seen.shiftBefore, 0);
    assert.equal(seen.wide, false, "nothing is wider than the screen");
  },
);

browserTest(
  "in a browser: planted: a script in what was said does not run, policy or not",
  async (browser) => {
    const { report, series } = plantedRun();
    const { complaints } = await openPage(browser, await renderPage(report, series));
    assert.deepEqual(complaints, []);
    const seen = await probed(browser, plantedRun());
    assert.deepEqual(seen.errors, []);
    assert.equal(seen.planted, "undefined");
  },
);

browserTest(
  "in a browser: a run that ended before it had begun is shown all the same",
  async (browser) => {
    const { report, series } = syntheticRun();
    const samples = Object.fromEntries(Object.keys(series.samples).map((key) => [key, []]));
    const nothing = { processes: [], resolutionMs: 0, atMs: [], partition: [], owner: [] };
    const empty = { ...series, phases: [], samples, owners: nothing } as unknown as Series;
    const page = await renderPage({ ...report, chaos: [], workers: [] }, empty);
    const { dom, complaints } = await openPage(browser, page);
    assert.deepEqual(complaints, []);
    assert.equal(dom.match(/class="uplot/g)?.length, CHARTS);
  },
);
