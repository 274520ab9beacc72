/**
 * The places of the pictures, as large as they will be: what `browser/` draws into them moves nothing.
 *
 * @module
 */
import { workerColors } from "./browser/colors.js";
import { type Html, html } from "./html.ts";
import type { PageData } from "./page_data.ts";

/** What is drawn over time, by what `browser/charts.js` calls it. */
const CHARTS: readonly (readonly [string, string])[] = [
  ["throughput", "Throughput"],
  ["latency", "Latency, publish to effect"],
  ["waiting", "Waiting messages"],
  ["workers", "Workers"],
  ["moves", "Partitions that moved"],
  ["memory", "Memory of a process"],
];

/** The picture of owners has so many pixels for a partition… */
const PARTITION_PX = 7;
/** …within these bounds. */
const [LOWEST_PX, HIGHEST_PX] = [140, 760];
const AROUND_PX = 40;
/** So many workers have a legend. */
const MAX_LEGEND = 16;

/**
 * The figures over time.
 *
 * @param data what they are drawn from; undefined while a run goes on
 */
export function chartsSection(data: PageData | undefined): Html {
  const { gaps = [], wrong = [] } = data?.samples ?? {};
  const isClean = data !== undefined && ![...gaps, ...wrong].some((count) => (count ?? 0) > 0);
  return html`
    <section aria-labelledby="time">
      <h2 id="time">Over time</h2>
      <div class="bar">
        <ul class="legend">
          <li><span class="swatch line"></span>chaos, by its number</li>
          ${swatch("var(--chaos-band)", "until all was well")}
          ${swatch("var(--moves)", "partitions move")}
          ${swatch("var(--bad-band)", `gaps or duplicates${isClean ? ": none seen" : ""}`)}
        </ul>
        <button type="button" id="reset" disabled>Show all</button>
      </div>
      <p class="muted"
        id="keys">Times are counted from the beginning of the load. Drag in a chart to look
        closer, double-click to see all; in a chart that has the focus: arrow keys, + and −, 0.</p>
      <noscript><p>The pictures need JavaScript; all figures are in the tables.</p></noscript>
      <div id="charts">${CHARTS.map(([name, title]) =>
        html`
          <figure class="chart" data-chart="${name}">
            <h3>${title}</h3>
            <ul class="legend"></ul>
            <div class="plot" tabindex="0" role="group" aria-label="${title}: chart over time"
              aria-describedby="keys"></div>
          </figure>
        `
      )}</div>
    </section>
  `;
}

/** What a place for the picture of owners has to know. */
export type OwnersPlace = Pick<PageData["owners"], "partitions" | "workers">;

/**
 * Who had which partition.
 *
 * @param data what it is drawn from
 */
export function ownersSection({ owners }: { readonly owners: OwnersPlace }): Html {
  const { workers, partitions } = owners;
  const wanted = partitions * PARTITION_PX + AROUND_PX;
  const height = Math.min(HIGHEST_PX, Math.max(LOWEST_PX, wanted));
  const colors = workerColors(workers.length).map((color) => `rgb(${color.join(" ")})`);
  const legend = workers.length > MAX_LEGEND
    ? html`<li>${workers.length} workers, a colour each</li>`
    : workers.map((name, index) => swatch(colors[index]!, name));
  return html`
    <section aria-labelledby="who" id="owners">
      <h2 id="who">Who had which partition</h2>
      <div class="bar">
        <label>Order <select name="order">
          <option value="owner">by owner when the load began</option>
          <option value="number">by number</option>
        </select></label>
        <label>Worker <select name="worker">
          <option value="">all</option>
          ${workers.map((name, index) => html`<option value="${index}">${name}</option>`)}
        </select></label>
      </div>
      <ul class="legend">${legend}${swatch("var(--nobody)", "nobody")}</ul>
      <div class="picture" style="height: ${height}px">
        <canvas tabindex="0" role="img" aria-label="Owner of each partition over time"
          aria-describedby="readout"></canvas>
        <div class="cross" hidden></div>
      </div>
      <p class="readout" id="readout">Point at the picture, or use the arrow keys in it.</p>
    </section>
  `;
}

/** A colour, and what it stands for. */
function swatch(color: string, text: string): Html {
  return html`<li><span class="swatch" style="background: ${color}"></span>${text}</li>`;
}
