/**
 * `report.html`: all of a run on one page, in one file that needs no network.
 *
 * @module
 */
import { formatDuration } from "../config/units.ts";
import type { SimReport } from "../report/report.ts";
import type { Series } from "../series/series.ts";
import { PAGE_SCRIPTS, PAGE_STYLE } from "./assets.ts";
import { type Html, html, jsonForScript, trusted } from "./html.ts";
import { type PageData, pageData } from "./page_data.ts";
import {
  chaosSection,
  detailsSection,
  limitsSection,
  runSection,
  VERDICTS,
  verdictSection,
  workersSection,
} from "./sections.ts";

/** The picture of owners has so many pixels for a partition… */
const PARTITION_PX = 7;
/** …within these bounds. */
const [LOWEST_PX, HIGHEST_PX] = [140, 760];
const AROUND_PX = 40;

/**
 * Makes the page.
 *
 * @param report the report
 * @param series how the run went over time
 * @returns the text of `report.html`
 */
export async function renderPage(report: SimReport, series: Series): Promise<string> {
  const data = pageData(report, series);
  const { verdict, seed, configFile, durationMs, startedAt } = report;
  const when = startedAt.replace("T", " ").replace(/\.\d+Z$/, " UTC");
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${await policy()}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${VERDICTS[verdict]}: parti simulation, seed ${seed}</title>
        <link rel="icon" href="data:,">
        <style>${trusted(PAGE_STYLE)}</style>
      </head>
      <body>
        <header>
          <h1>Simulation report</h1>
          <p class="muted">${when} · ${formatDuration(
            durationMs,
          )} · seed ${seed} · ${configFile}</p>
          ${verdictSection(report)}
          ${contents()}
        </header>
        <main>
          ${limitsSection(report)}
          ${chartsSection(data)}
          ${ownersSection(data)}
          ${chaosSection(report)}
          ${detailsSection(report)}
          ${workersSection(report)}
          ${runSection(report)}
        </main>
        <footer>Beside this page: report.json, series.json, report.junit.xml, chaos.csv, series.csv.</footer>
        <div id="live" class="hidden" aria-live="polite"></div>
        <script type="application/json" id="data">${jsonForScript(data)}</script>
        ${PAGE_SCRIPTS.map((script) => html`<script>${trusted(script)}</script>\n`)}
      </body>
    </html>
  `.text;
}

/** Nothing is fetched, and no script runs but ours: not even if a text should have become one. */
async function policy(): Promise<string> {
  const hashes = await Promise.all(PAGE_SCRIPTS.map(async (script) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
    return `'sha256-${new Uint8Array(digest).toBase64()}'`;
  }));
  return [
    "default-src 'none'",
    `script-src ${hashes.join(" ")}`,
    "style-src 'unsafe-inline'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

function contents(): Html {
  const links = [
    ["limits", "Thresholds"],
    ["time", "Over time"],
    ["who", "Owners"],
    ["chaos", "Chaos"],
    ["workers", "Workers"],
    ["run", "Again"],
  ];
  return html`
    <nav aria-label="On this page">
      <ul>${links.map(([id, text]) => html`<li><a href="#${id}">${text}</a></li>`)}</ul>
    </nav>
  `;
}

function chartsSection({ samples }: PageData): Html {
  const isBad = [...samples["gaps"]!, ...samples["wrong"]!].some((count) => (count ?? 0) > 0);
  return html`
    <section aria-labelledby="time">
      <h2 id="time">Over time</h2>
      <div class="bar">
        <ul class="legend">
          <li><span class="swatch line"></span>chaos, by its number</li>
          <li><span class="swatch" style="background: var(--chaos-band)"></span>until all was well</li>
          <li><span class="swatch" style="background: var(--moves)"></span>partitions move</li>
          <li><span class="swatch" style="background: var(--bad-band)"></span>gaps or duplicates${isBad
            ? ""
            : ": none seen"}</li>
        </ul>
        <button type="button" id="reset" disabled>Show all</button>
      </div>
      <p class="muted"
        id="keys">Times are counted from the beginning of the load. Drag in a chart to look
        closer, double-click to see all; in a chart that has the focus: arrow keys, + and −, 0.</p>
      <noscript><p>The pictures need JavaScript; all figures are in the tables.</p></noscript>
      <div id="charts"></div>
    </section>
  `;
}

function ownersSection({ owners }: PageData): Html {
  const wanted = owners.partitions * PARTITION_PX + AROUND_PX;
  const height = Math.min(HIGHEST_PX, Math.max(LOWEST_PX, wanted));
  return html`
    <section aria-labelledby="who" id="owners">
      <h2 id="who">Who had which partition</h2>
      <div class="bar">
        <label>Order <select name="order">
          <option value="owner">by owner when the load began</option>
          <option value="number">by number</option>
        </select></label>
        <label>Worker <select name="worker"><option value="">all</option></select></label>
      </div>
      <ul class="legend"></ul>
      <div class="picture" style="height: ${height}px">
        <canvas tabindex="0" role="img" aria-label="Owner of each partition over time"
          aria-describedby="readout"></canvas>
        <div class="cross" hidden></div>
      </div>
      <p class="readout" id="readout"></p>
    </section>
  `;
}
