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
import { pageData } from "./page_data.ts";
import { chartsSection, ownersSection } from "./pictures.ts";
import { policyFor } from "./policy.ts";
import {
  chaosSection,
  detailsSection,
  limitsSection,
  runSection,
  VERDICTS,
  verdictSection,
  workersSection,
} from "./sections.ts";

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
        <meta http-equiv="Content-Security-Policy" content="${await policyFor(PAGE_SCRIPTS)}">
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
          ${workersSection(report)}
          ${detailsSection(report)}
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
