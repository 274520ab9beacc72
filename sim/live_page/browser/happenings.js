/**
 * What has happened: chaos, and what was said, the latest first.
 *
 * @module
 */
import { clockText, numberText } from "../../report_page/browser/format.js";
import { element } from "../../report_page/browser/theme.js";

/** So many are shown of each. */
const MAX_SHOWN = 100;

/** Chaos and words. */
export class Happenings {
  #drawn = "";

  /** @param {HTMLElement} root what the page has for them */
  constructor(root) {
    this.events = root.querySelector("#events tbody");
    this.none = root.querySelector("#events .none");
    this.words = root.querySelector("#log .words");
  }

  /**
   * Shows them, if there is anything new.
   *
   * @param {LiveData} data what was told
   */
  draw({ events, said }) {
    const shown = events.slice(-MAX_SHOWN).reverse();
    const lines = said.slice(-MAX_SHOWN).reverse();
    const key = JSON.stringify([shown, lines.length, lines[0]]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    this.none.hidden = shown.length > 0;
    this.events.replaceChildren(...shown.map(eventRow));
    this.words.replaceChildren(...lines.map(({ atMs, tag, text }) => {
      const line = element("li", "");
      const time = new Date(atMs).toLocaleTimeString("en-GB");
      line.append(
        element("time", "muted", time),
        element("span", `tag ${tag}`, tag),
        element("span", "text", text),
      );
      return line;
    }));
  }
}

function eventRow({ number, at, until, type, target, open, skipped, failed }) {
  const row = element("tr", skipped === null ? "" : "muted");
  const well = element("td", "number");
  if (failed !== null) well.append(element("span", "mark fail", "failed"));
  else if (until !== null) well.textContent = numberText(Math.round((until - at) * 1_000), "ms");
  else if (open) well.append(element("span", "mark unknown", "not yet"));
  else well.textContent = skipped === null ? "—" : "skipped";
  row.append(
    element("td", "number", String(number)),
    element("td", "number", clockText(at)),
    element("td", "", type),
    element("td", "text", skipped ?? target),
    well,
  );
  return row;
}
