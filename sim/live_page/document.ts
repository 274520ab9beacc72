/**
 * The page before it has been told anything: the places of all that comes, as large as it will be.
 *
 * @module
 */
import { type Html, html, trusted } from "../report_page/html.ts";
import { chartsSection, ownersSection } from "../report_page/pictures.ts";
import { policyFor } from "../report_page/policy.ts";
import { gridHeight } from "./browser/cells.js";
import { LIVE_SCRIPTS, LIVE_STYLE } from "./live_assets.ts";
import type { LiveFacts } from "./live_message.ts";

/** The page, and what it may do. */
export interface LiveDocument {
  /** Its text. */
  readonly text: string;
  /** The Content-Security-Policy: no script but ours, no connection but to us, in nobody's frame. */
  readonly policy: string;
}

/** The big figures, by what `browser/headline.js` calls them. */
const TILES: readonly (readonly [string, string])[] = [
  ["sentRate", "Sent"],
  ["handledRate", "Effects"],
  ["latency", "Latency p50 · p99"],
  ["waiting", "Lag"],
  ["workers", "Workers Stable"],
  ["unowned", "Without an owner"],
  ["moving", "On their way"],
  ["gaps", "Gaps, by now"],
  ["lost", "Lost"],
  ["duplicates", "Duplicates"],
  ["outOfOrder", "Out of order"],
  ["interleavings", "Mixed-up owners"],
];

/** How wide the grid is where there is room: it is measured again in the browser. */
const GRID_WIDTH = 602;
/** A worker has so many pixels in the list, which is not higher than this. */
const ROW_PX = 36;
const HIGHEST_LIST_PX = 434;

/**
 * Makes it.
 *
 * @param facts what is known of the run
 */
export async function liveDocument(facts: LiveFacts): Promise<LiveDocument> {
  const { seed, partitions } = facts;
  const { text } = html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Live: parti simulation, seed ${seed}</title>
        <link rel="icon" href="data:,">
        <style>${trusted(LIVE_STYLE)}</style>
      </head>
      <body>
        <header>
          ${headSection(facts)}
        </header>
        <main>
          ${nowSection(facts)}
          ${chartsSection(undefined)}
          ${ownersSection({ owners: { partitions, workers: [] } })}
          ${happenedSection()}
        </main>
        <footer>A sample a second, kept by the coordinator. The report is written when the run ends.</footer>
        <div id="live" class="hidden" aria-live="polite"></div>
        ${LIVE_SCRIPTS.map((script) => html`<script>${trusted(script)}</script>\n`)}
      </body>
    </html>
  `;
  const policy = await policyFor(LIVE_SCRIPTS, ["connect-src 'self'", "frame-ancestors 'none'"]);
  return { text, policy };
}

function headSection({ seed, configFile, strategy, fault, partitions, workers }: LiveFacts): Html {
  return html`
    <div class="top">
      <h1>Simulation, live</h1>
      <p class="link waiting"
        id="link"><span class="dot"></span><span class="words">connecting</span></p>
    </div>
    <p class="muted">seed ${seed} · ${configFile} · ${partitions} partitions · ${workers} workers ·
      ${strategy}</p>
    <div class="course">
      <progress id="progress" max="1" value="0" aria-label="Load so far"></progress>
      <span id="phase">waiting for the run</span>
    </div>
    <section class="verdict waiting" id="verdict" aria-labelledby="said">
      <h2 id="said">Nothing is known yet</h2>
      <ul hidden></ul>
      ${fault !== null && html`<p>A defect was planted on purpose: ${fault}.</p>`}
    </section>
    <dl class="tiles" id="tiles">
      ${TILES.map(([name, title]) =>
        html`
          <div>
            <dt>${title}</dt>
            <dd data-tile="${name}">—</dd>
          </div>
        `
      )}
    </dl>
  `;
}

function nowSection({ partitions, workers }: LiveFacts): Html {
  const height = Math.min(HIGHEST_LIST_PX, (workers + 1) * ROW_PX);
  return html`
    <div class="now">
      <section aria-labelledby="grid-title" id="grid" data-partitions="${partitions}">
        <h2 id="grid-title">Partitions, now</h2>
        <div class="cells">
          <canvas tabindex="0" role="img" aria-label="Owner of each partition now"
            aria-describedby="cell" style="height: ${gridHeight(
              GRID_WIDTH,
              partitions,
            )}px"></canvas>
        </div>
        <p class="readout" id="cell"></p>
      </section>
      <section aria-labelledby="workers-title" id="workers">
        <h2 id="workers-title">Workers</h2>
        <div class="scroll" role="region" aria-label="Workers" tabindex="0"
          style="min-height: ${height}px; max-height: ${HIGHEST_LIST_PX}px">
          <table>
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">State</th>
                <th scope="col" colspan="2">Partitions</th>
                <th scope="col" class="number">Effects</th>
                <th scope="col" class="number">Memory</th>
              </tr>
            </thead>
            <tbody></tbody>
          </table>
        </div>
      </section>
    </div>
  `;
}

function happenedSection(): Html {
  return html`
    <div class="two" id="happened">
      <section aria-labelledby="events-title" id="events">
        <h2 id="events-title">Chaos</h2>
        <div class="scroll" role="region" aria-label="Chaos events, the latest first" tabindex="0">
          <table>
            <thead>
              <tr>
                <th scope="col" class="number">No.</th>
                <th scope="col" class="number">At</th>
                <th scope="col">What</th>
                <th scope="col">Whom</th>
                <th scope="col" class="number">All well after</th>
              </tr>
            </thead>
            <tbody></tbody>
          </table>
          <p class="none muted">Nothing has gone wrong on purpose yet.</p>
        </div>
      </section>
      <section aria-labelledby="log-title" id="log">
        <h2 id="log-title">What is said</h2>
        <div class="scroll" role="region" aria-label="Log, the latest first" tabindex="0">
          <ol class="words"></ol>
        </div>
      </section>
    </div>
  `;
}
