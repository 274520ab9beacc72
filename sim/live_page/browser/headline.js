/**
 * The top of the page: the connection, the verdict so far, the big figures.
 *
 * @module
 */
import { clockText, numberText } from "../../report_page/browser/format.js";
import { element } from "../../report_page/browser/theme.js";

const SO_FAR = {
  pass: "✓ No defect so far",
  fail: "✕ Defects found",
  unknown: "? No defect so far, but not everything can be verified",
};
const IN_THE_END = { pass: "✓ Pass", fail: "✕ Fail", unknown: "? Could not verify" };
const PHASES = {
  "warm-up": "warming up: workers come to share all partitions",
  load: "load",
  heal: "healing: everybody comes back",
  finish: "producers finish",
  drain: "draining: all that was sent is handled",
  stop: "workers leave",
};

/** The top of the page. */
export class Headline {
  #said = "";
  #wasLost = false;

  /** @param {(text: string) => void} announce says something to who cannot see it */
  constructor(announce) {
    this.announce = announce;
    this.link = document.getElementById("link");
    this.verdict = document.getElementById("verdict");
    this.progress = document.getElementById("progress");
    this.phase = document.getElementById("phase");
    this.tiles = Object.fromEntries(
      [...document.querySelectorAll("[data-tile]")].map((tile) => [tile.dataset.tile, tile]),
    );
  }

  /**
   * Tells how the connection stands.
   *
   * @param {"live" | "quiet" | "lost" | "ended"} state how
   * @param {Date | null} since when it was lost
   */
  connection(state, since) {
    const text = {
      live: "live",
      quiet: "no news for some seconds",
      lost: `connection lost since ${since?.toLocaleTimeString("en-GB") ?? "now"}, trying again`,
      ended: "the run has ended",
    }[state];
    this.link.className = `link ${state}`;
    this.link.querySelector(".words").textContent = text;
    document.body.classList.toggle("stale", state === "lost" || state === "quiet");
    if (state === "lost") this.announce(text);
    else if (state === "live" && this.#wasLost) this.announce("connected again");
    this.#wasLost = state === "lost";
  }

  /**
   * Shows what is known by now.
   *
   * @param {LiveData} data what was told
   */
  draw({ status, end, pictures: { samples } }) {
    const { verdict, reasons } = end ?? status;
    const title = end === undefined
      ? SO_FAR[verdict]
      : `The run has ended: ${IN_THE_END[verdict].slice(2).toLowerCase()}`;
    this.verdict.className = `verdict ${verdict}`;
    setText(
      this.verdict.querySelector("h2"),
      end === undefined ? title : `${IN_THE_END[verdict][0]} ${title}`,
    );
    const list = this.verdict.querySelector("ul");
    if (
      [...list.children].map(({ textContent }) => textContent).join("\n") !== reasons.join("\n")
    ) {
      list.replaceChildren(...reasons.map((reason) => element("li", "", reason)));
    }
    list.hidden = reasons.length === 0;
    if (title !== this.#said && (this.#said !== "" || verdict !== "pass")) this.announce(title);
    this.#said = title;
    const sign = verdict === "pass" ? "" : `${SO_FAR[verdict][0]} `;
    const stand = end === undefined ? `${sign}Live` : IN_THE_END[verdict];
    document.title = document.title.replace(/^[^:]*:/, `${stand}:`);
    this.#drawCourse(status, end);
    this.#drawTiles(status, samples);
  }

  #drawCourse({ phase, elapsedMs, durationMs }, end) {
    this.progress.value = Math.min(1, elapsedMs / Math.max(1, durationMs));
    const [elapsed, duration] = [elapsedMs, durationMs].map((ms) => clockText(ms / 1_000));
    const doing = end === undefined ? PHASES[phase] ?? phase : "ended";
    setText(this.phase, `${elapsed} of ${duration} · ${doing}`);
  }

  #drawTiles(status, samples) {
    const last = (name) => samples[name].at(-1);
    // The last sample of all may be too short to make a rate.
    const rate = (name) => samples[name].findLast((value) => value !== null);
    const { waiting, duplicates, outOfOrder, interleavings } = {
      ...status,
      waiting: Math.max(0, status.sent - status.effective),
    };
    const tiles = {
      sentRate: [numberText(rate("sent"), "/s")],
      handledRate: [numberText(rate("handled"), "/s")],
      latency: [`${shortMs(last("p50"))} · ${shortMs(last("p99"))} ms`],
      waiting: [numberText(waiting, "")],
      workers: [`${status.stable} of ${status.workers}`],
      unowned: [numberText(status.unowned, "")],
      moving: [numberText(status.moving, "")],
      gaps: [numberText(status.gaps, ""), status.gaps],
      lost: [numberText(status.lost, ""), status.lost],
      duplicates: [numberText(duplicates, ""), duplicates],
      outOfOrder: [numberText(outOfOrder, ""), outOfOrder],
      interleavings: [numberText(interleavings, ""), interleavings],
    };
    for (const [name, [text, bad = 0]] of Object.entries(tiles)) {
      const tile = this.tiles[name];
      setText(tile, text);
      tile.classList.toggle("bad", bad > 0);
    }
  }
}

/** Of what is long nobody wants to know the tenths. */
function shortMs(value) {
  return numberText(value > 100 ? Math.round(value) : value, "");
}

/**
 * Writes a text where another one stands: who has selected it keeps that.
 *
 * @param {HTMLElement} place where
 * @param {string} text what
 */
export function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
