/**
 * `stress.html`: a result on one page, in one file that needs no network.
 *
 * @module
 */
import { formatDuration } from "../../sim/config/units.ts";
import { loadText, wasOverloaded } from "../results/load_bound.ts";
import { stolenText } from "../../sim/measure/machine_load.ts";
import { type Html, html, jsonForScript, trusted } from "../../sim/report_page/html.ts";
import { policyFor } from "../../sim/report_page/policy.ts";
import { table } from "../../sim/report_page/table.ts";
import { noteLines } from "../results/block.ts";
import { machineText } from "../results/machine.ts";
import type { CaseResult, StressResult, Verdict } from "../results/result.ts";
import { figureText, lawText, rangeText, targetText } from "../results/text.ts";
import { PAGE_STYLE, STRESS_SCRIPTS } from "./assets.ts";
import { type Curve, curvesOf } from "./curves.ts";
import { overview } from "./overview.ts";

const VERDICTS: Readonly<Record<Verdict, string>> = {
  pass: "✓ Pass",
  fail: "✕ Fail",
  unknown: "? Could not verify",
};

/**
 * Makes the page.
 *
 * @param result the result
 * @returns the text of `stress.html`
 */
export async function renderStressPage(result: StressResult): Promise<string> {
  const curves = curvesOf(result);
  const { verdict, startedAt, durationMs, seed, cases } = result;
  const groups = [...new Set(cases.map(({ id }) => id.split("/")[0]!))];
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${await policyFor(STRESS_SCRIPTS)}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${VERDICTS[verdict]}: parti stress</title>
        <link rel="icon" href="data:,">
        <style>${trusted(PAGE_STYLE)}</style>
      </head>
      <body>
        <header>
          <h1>Stress report</h1>
          <p class="muted">${startedAt.replace("T", " ").replace(
            /\.\d+Z$/,
            " UTC",
          )} · ${formatDuration(
            durationMs,
          )} · seed ${seed}</p>
          ${verdictSection(result)}
        </header>
        <main>
          ${groups.map((group) => groupSection(group, cases))}
          ${curvesSection(curves)}
          ${lawsSection(result)}
          ${runSection(result)}
        </main>
        <footer>Beside this page: stress.json.</footer>
        <script type="application/json" id="data">${jsonForScript(curves)}</script>
        ${STRESS_SCRIPTS.map((script) => html`<script>${trusted(script)}</script>\n`)}
      </body>
    </html>
  `.text;
}

function verdictSection({ verdict, reasons, fault, quick, cases, load }: StressResult): Html {
  const busy = cases.filter((one) => wasOverloaded(one, load.cpus));
  return html`
    <section class="verdict ${verdict}" aria-labelledby="verdict">
      <h2 id="verdict">${VERDICTS[verdict]}</h2>
      ${reasons.length === 0
        ? html`<p>Every bound holds, and nothing was found to be wrong.</p>`
        : html`
          <ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>
        `}
      ${noteLines(cases).map((line) => html`<p>${line}</p>`)}
      ${quick && html`<p>This was a sanity check: each figure was measured once.</p>`}
      ${fault !== null && html`<p>A defect was planted on purpose: ${fault}.</p>`}
      ${busy.length > 0 && html`
        <p>The machine had ${loadText(
          busy,
          load.cpus,
        )}: times say as much of it as of the library.</p>
      `}
    </section>
  `;
}

function groupSection(group: string, cases: readonly CaseResult[]): Html {
  const own = cases.filter(({ id }) => id.startsWith(`${group}/`));
  const rows = own.flatMap(({ id, title, metrics }) =>
    metrics.map((metric, at) => [
      at === 0 ? html`<span title="${title}">${id}</span>` : "",
      html`<span title="${metric.what}">${metric.name}</span>`,
      `${figureText(metric.median)} ${metric.unit}`.trimEnd(),
      rangeText(metric),
      metric.count,
      metric.ratio === undefined ? "" : html`
        <span title="${metric.limit!.what}">${metric.ratio.median.toFixed(2)}
          (${rangeText(metric.ratio)})</span>
      `,
      targetText(metric),
      metric.holds === undefined ? "" : html`
        <span class="mark ${metric.holds ? "pass" : "fail"}">${metric.holds
          ? "holds"
          : "missed"}</span>
      `,
    ])
  );
  const heads = ["Case", "Figure", "Median:number", "Range:number", "Runs:number"];
  const more = ["Ratio to its limit:number", "Bound:number", ""];
  return html`
    <section aria-labelledby="group-${group}">
      <h2 id="group-${group}">${group[0]!.toUpperCase() + group.slice(1)}</h2>
      ${overview(group, own)}
      <p class="muted">Each figure with the range of its runs; what it is shows where one points at it.</p>
      ${table(group, [...heads, ...more], rows)}
    </section>
  `;
}

function curvesSection(curves: Readonly<Record<string, Curve>>): Html {
  if (Object.keys(curves).length === 0) return html``;
  return html`
    <section aria-labelledby="curves">
      <h2 id="curves">Curves</h2>
      <p class="muted">Points are medians; a dashed line is the law with the least squares. In a
        picture that has the focus the arrow keys go from point to point.</p>
      <noscript><p>The pictures need JavaScript; all figures are in the tables.</p></noscript>
      <div id="charts">${Object.entries(curves).map(([name, { title, caption }]) =>
        html`
          <figure class="chart" data-curve="${name}">
            <h3>${title}</h3>
            <ul class="legend"></ul>
            <div class="plot" tabindex="0" role="group" aria-label="${title}: ${caption}"></div>
            <figcaption class="muted">${caption}</figcaption>
          </figure>
        `
      )}</div>
    </section>
  `;
}

function lawsSection({ studies }: StressResult): Html {
  if (studies.length === 0) return html``;
  const rows = studies.map((study) => [study.title, lawText(study)]);
  return html`
    <section aria-labelledby="laws">
      <h2 id="laws">Laws</h2>
      ${table("Laws", ["Figure", "Law:text"], rows)}
    </section>
  `;
}

function runSection(result: StressResult): Html {
  const { machine, load, commit, arguments: args } = result;
  const loads = `load average ${load.loadAverageBefore} before, at most ${load.loadAverageHighest}`;
  const facts = [
    ["Machine", `${machineText(machine)}; ${loads}${stolenText(load)}`],
    ["Commit", commit || "unknown"],
    ["Started", result.startedAt],
  ];
  return html`
    <section aria-labelledby="run">
      <h2 id="run">The run, and how to have it again</h2>
      <dl class="facts">${facts.map(([name, value]) =>
        html`
          <dt>${name}</dt>
          <dd>${value}</dd>
        `
      )}</dl>
      <pre tabindex="0" aria-label="The command">deno task ${args.join(" ")}</pre>
    </section>
  `;
}
