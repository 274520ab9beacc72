import assert from "node:assert/strict";
import { browserTest } from "../report_page/chromium_rig_test.ts";
import { PLANTED } from "../report_page/planted_rig_test.ts";
import { liveDocument } from "./document.ts";
import { BrowserPage } from "./devtools_rig_test.ts";
import { LiveRig } from "./live_rig_test.ts";
import { PageServer } from "./page_server.ts";

const CHARTS = 6;

/** A test of the page in a browser that notes what {@linkcode WATCH} is for. */
function pageTest(name: string, test: (page: BrowserPage) => Promise<void>): void {
  browserTest(`live, in a browser: ${name}`, async (chromium) => {
    await using page = await BrowserPage.open(chromium);
    await page.before(WATCH);
    await test(page);
  });
}

/** Notes what a reader would find annoying. */
const WATCH = `
globalThis.seen = { shift: 0, shifted: [], fromMs: 0, longestMs: 0, longMs: 0, refused: [] };
new PerformanceObserver((list) => {
  for (const { value, sources } of list.getEntries()) {
    seen.shift += value;
    seen.shifted.push(...sources.map(({ node }) => node?.className || node?.nodeName || "gone"));
  }
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) {
    if (startTime < seen.fromMs) continue;
    seen.longestMs = Math.max(seen.longestMs, duration);
    seen.longMs += duration;
  }
}).observe({ type: "longtask", buffered: true });
addEventListener("securitypolicyviolation", ({ violatedDirective }) =>
  seen.refused.push(violatedDirective));
globalThis.colorsOf = (canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
};
globalThis.textOf = (place) => document.querySelector(place)?.textContent;`;

interface Seen {
  readonly shift: number;
  readonly shifted: readonly string[];
  readonly longestMs: number;
  readonly longMs: number;
  readonly refused: readonly string[];
}

/** As much as nobody notices. */
const MOST_SHIFT = 0.01;

async function serve(rig: LiveRig, port = 0): Promise<PageServer> {
  return new PageServer({ host: "127.0.0.1", port }, await liveDocument(rig.feed.facts), rig.feed);
}

const LIVE = "document.querySelector('#link.live') && textOf('[data-tile=sentRate]') !== '—'";
const SIX_COLORS = "colorsOf(document.querySelector('#grid canvas')) >= 3";

pageTest("the page shows what there is, and what is new, and nothing jumps", async (page) => {
  const rig = new LiveRig();
  rig.begin();
  await using server = await serve(rig);
  await page.go(server.url);
  await page.until(LIVE);
  assert.equal(await page.evaluate("document.querySelectorAll('.plot .uplot').length"), CHARTS);
  assert.match(await page.evaluate("textOf('#verdict h2')"), /No defect so far/);
  assert.equal(await page.evaluate("document.querySelectorAll('#workers tbody tr').length"), 3);
  assert.match(await page.evaluate("textOf('#owners .legend')"), /worker-0worker-1worker-2nobody/);
  await page.until(SIX_COLORS);
  for (const picture of ["#owners canvas", ".plot canvas"]) {
    assert.ok(await page.evaluate<number>(`colorsOf(document.querySelector('${picture}'))`) > 5);
  }
  rig.pass(12);
  server.viewers.tick();
  await page.until("textOf('#events tbody td.text') === 'worker-1'");
  await page.until("textOf('#phase').startsWith('22s of 1:00')");
  rig.feed.end({ verdict: "pass", reasons: [] });
  server.viewers.close();
  await page.until("document.querySelector('#link.ended')");
  await page.until("textOf('#verdict h2') === '✓ The run has ended: pass'");
  assert.match(await page.evaluate("textOf('#live')"), /The run has ended: pass/);
  assert.match(await page.evaluate("document.title"), /^✓ Pass: parti simulation, seed 42/);
  assert.deepEqual(page.complaints, []);
  const { shift, shifted, refused } = await page.evaluate<Seen>("seen");
  assert.deepEqual(refused, []);
  assert.ok(shift < MOST_SHIFT, `layout shift ${shift}: ${shifted}`);
});

pageTest("a defect is red at once, and said to who cannot see it", async (page) => {
  const rig = new LiveRig();
  rig.begin();
  await using server = await serve(rig);
  await page.go(server.url);
  await page.until(LIVE);
  rig.state.takeReport("producer-0#1", { kind: "sent", partition: 1, first: 1, last: 3 });
  for (const sequence of [1, 1]) rig.effect(1, sequence);
  [rig.gaps, rig.lost] = [4, 0];
  rig.pass();
  server.viewers.tick();
  await page.until("document.querySelector('#verdict.fail')");
  await page.until("document.querySelector('[data-tile=duplicates].bad')");
  assert.equal(await page.evaluate("textOf('[data-tile=gaps].bad')"), "4");
  assert.match(await page.evaluate("textOf('#verdict ul')"), /^1 duplicate effects/);
  assert.match(await page.evaluate("textOf('#live')"), /Defects found/);
  assert.match(await page.evaluate("document.title"), /^✕ Live: parti/);
  const [red, green] = await page.evaluate<number[]>(
    "getComputedStyle(document.querySelector('[data-tile=gaps]')).color.match(/\\d+/g).map(Number)",
  );
  assert.ok(red! > 150 && green! < 100, "it is red");
  assert.match(await page.evaluate("textOf('#log .tag.FAIL + .text')"), /duplicate in partition 1/);
});

pageTest("all of it works by keyboard", async (page) => {
  const rig = new LiveRig();
  rig.begin();
  await using server = await serve(rig);
  await page.go(server.url);
  await page.until(LIVE);
  const places: string[] = [];
  for (let tab = 0; tab < 20; tab++) {
    await page.press("Tab");
    places.push(
      await page.evaluate(`(() => {
      const { tagName, name, ariaLabel, id } = document.activeElement;
      return [tagName, name || id || ariaLabel].join(" ");
    })()`),
    );
  }
  for (
    const place of [
      ...["CANVAS Owner of each partition now", "DIV Workers", "SELECT order", "SELECT worker"],
      ...["DIV Throughput: chart over time", "CANVAS Owner of each partition over time"],
      ...["DIV Chaos events, the latest first", "DIV Log, the latest first"],
    ]
  ) assert.ok(places.includes(place), `${place} in ${places}`);
  await page.evaluate("document.querySelector('#grid canvas').focus()");
  await page.press("ArrowRight");
  await page.press("ArrowRight");
  assert.match(await page.evaluate("textOf('#cell')"), /^partition 1 · worker-1 since −\d/);
  assert.equal(await page.evaluate("textOf('#live')"), await page.evaluate("textOf('#cell')"));
  await page.press("Enter");
  const choice = "document.querySelector('select[name=worker]').value";
  assert.equal(await page.evaluate(choice), "1", "only its owner");
  await page.press("Escape");
  assert.equal(await page.evaluate(choice), "");
  await page.evaluate("document.querySelector('.plot').focus()");
  await page.press("ArrowRight");
  await page.press("+");
  assert.match(await page.evaluate("textOf('#live')"), /^Throughput: at \S+, sent \d+/);
  assert.equal(await page.evaluate("document.getElementById('reset').disabled"), false);
  await page.press("Escape");
  assert.equal(await page.evaluate("document.getElementById('reset').disabled"), true);
});

pageTest("nothing moves for who wants no motion; dark where that is preferred", async (page) => {
  const rig = new LiveRig();
  rig.begin();
  await using server = await serve(rig);
  const look = () =>
    page.evaluate<string[]>(`[
      getComputedStyle(document.querySelector(".link .dot")).animationName,
      getComputedStyle(document.body).backgroundColor,
    ]`);
  await page.go(server.url);
  await page.until(LIVE);
  assert.deepEqual(await look(), ["beat", "rgb(255, 255, 255)"]);
  await page.prefer({ "prefers-reduced-motion": "reduce", "prefers-color-scheme": "dark" });
  assert.deepEqual(await look(), ["none", "rgb(20, 24, 29)"]);
});

pageTest("a connection that is lost is told, and comes back by itself", async (page) => {
  const rig = new LiveRig();
  rig.begin();
  const server = await serve(rig);
  await page.go(server.url);
  await page.until(LIVE);
  await server[Symbol.asyncDispose]();
  await page.until("document.querySelector('#link.lost')");
  assert.match(
    await page.evaluate("textOf('#link')"),
    /^connection lost since \d\d:\d\d:\d\d, trying again$/,
  );
  assert.match(await page.evaluate("textOf('#live')"), /connection lost/);
  assert.ok(await page.evaluate("document.querySelectorAll('#workers tbody tr').length === 3"));
  const again = new LiveRig({ partitions: 12, workers: 4, seconds: 60 });
  again.begin();
  await using _server = await serve(again, Number(new URL(server.url).port));
  await page.until("document.querySelector('#link.live')");
  assert.equal(await page.evaluate("textOf('#live')"), "connected again");
  await page.until("document.querySelectorAll('#workers tbody tr').length === 4");
});

pageTest("planted: a script in what was said does not run", async (page) => {
  const rig = new LiveRig(undefined, PLANTED);
  rig.begin();
  rig.state.incidents.push(PLANTED);
  rig.feed.said({ time: new Date(0), tag: "FAIL", message: PLANTED });
  rig.chaos.push({
    ...{ number: 1, atMs: 1_000, type: "worker_crash", target: PLANTED, recoveredMs: null },
    ...{ wholeMs: null, failed: PLANTED, moves: { total: 0, needed: 0 } },
  });
  rig.fleet.add("worker", 9, { name: PLANTED, process: `${PLANTED}#1` });
  rig.state.owners.acquired(`${PLANTED}#1`, [3], 20_000_000_000);
  await using server = await serve(rig);
  await page.go(server.url);
  await page.until(LIVE);
  for (const place of ["#verdict ul", "#log .text", "#events td.text", "#workers"]) {
    assert.ok((await page.evaluate<string>(`textOf('${place}')`)).includes(PLANTED), place);
  }
  assert.equal(await page.evaluate("typeof planted"), "undefined");
  assert.equal(await page.evaluate("document.querySelectorAll('img').length"), 0);
  assert.deepEqual(page.complaints, []);
});

/** With a second between two of them most of the time is left to the reader… */
const UPDATE_BUSY_MS = 300;
/** …and no key waits for long; also on a machine that does much else, where such a task takes ten times as long as it should. */
const LONGEST_TASK_MS = 2_000;
const UPDATES = 10;

pageTest("1,500 partitions and 100 workers do not make it slow", async (page) => {
  const rig = new LiveRig({ partitions: 1_500, workers: 100, seconds: 1_800 });
  rig.pass(1_700);
  rig.begin();
  await using server = await serve(rig);
  await page.go(server.url);
  await page.until(LIVE);
  await page.until("document.querySelectorAll('#workers tbody tr').length === 100");
  await page.until("colorsOf(document.querySelector('#owners canvas')) > 100");
  await page.evaluate(
    "Object.assign(seen, { fromMs: performance.now(), longestMs: 0, longMs: 0 })",
  );
  const before = await page.busyMs();
  for (let update = 1; update <= UPDATES; update++) {
    rig.pass();
    server.viewers.tick();
    const sent = (1_500 + (rig.seconds * 7) % 13).toLocaleString("en");
    await page.until(`textOf('[data-tile=sentRate]') === '${sent} /s'`);
  }
  const busyMs = (await page.busyMs() - before) / UPDATES;
  assert.ok(busyMs < UPDATE_BUSY_MS, `${busyMs} ms of processor time for each update`);
  const { longestMs, longMs, shift, shifted } = await page.evaluate<Seen>("seen");
  assert.ok(longestMs < LONGEST_TASK_MS, `longest task ${longestMs} ms, all ${longMs} ms`);
  assert.ok(shift < MOST_SHIFT, `layout shift ${shift}: ${shifted}`);
  await page.resize([420, 900]);
  await page.until("document.querySelector('#grid canvas').clientWidth < 420");
  assert.equal(
    await page.evaluate("document.documentElement.scrollWidth > innerWidth"),
    false,
    "nothing is wider than the screen",
  );
});
