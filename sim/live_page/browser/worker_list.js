/**
 * The workers: who they are, how they are, what they have.
 *
 * @module
 */
import { workerColors } from "../../report_page/browser/colors.js";
import { numberText } from "../../report_page/browser/format.js";
import { setText } from "./headline.js";
import { element } from "../../report_page/browser/theme.js";

/** The list, and the choice of one worker, which the pictures share. */
export class WorkerList {
  #rows = new Map();
  #named = [];

  /**
   * @param {HTMLElement} root what the page has for it
   * @param {HTMLElement} owners where the legend is, and the choice
   */
  constructor(root, owners) {
    this.body = root.querySelector("tbody");
    this.choice = owners.querySelector("select[name=worker]");
    this.legend = owners.querySelector(".legend");
    this.nobody = this.legend.lastElementChild;
  }

  /**
   * Shows them.
   *
   * @param {LiveData} data what was told
   */
  draw({ workers, pictures: { owners } }) {
    this.#name(owners.workers);
    const colors = workerColors(owners.workers.length);
    const most = Math.max(1, ...workers.map(({ partitions }) => partitions));
    const known = new Set(workers.map(({ name }) => name));
    for (const [name, row] of this.#rows) {
      if (known.has(name)) continue;
      row.root.remove();
      this.#rows.delete(name);
    }
    for (const worker of workers) {
      const row = this.#rows.get(worker.name) ?? this.#add(worker.name);
      const { state, runs, leads, partitions, handled, rssBytes, number } = worker;
      row.swatch.style.background = color(colors[number]);
      row.leads.hidden = !leads;
      setText(row.state, state);
      const kind = state === "Stable" ? "pass" : runs ? "unknown" : state;
      row.state.className = `mark ${kind}`;
      setText(row.partitions, String(partitions));
      row.bar.style.width = `${partitions / most * 100}%`;
      row.bar.style.background = color(colors[number]);
      setText(row.handled, numberText(handled, ""));
      setText(row.memory, rssBytes === 0 ? "—" : numberText(Math.round(rssBytes / 1e6), "MB"));
    }
  }

  #add(name) {
    const root = element("tr", "");
    const title = element("th", "");
    title.scope = "row";
    const [swatch, leads, state] = [
      element("span", "swatch"),
      element("span", "leads", "leads"),
      element("span", "mark"),
    ];
    title.append(swatch, name, " ", leads);
    const cells = ["", "number", "share", "number", "number"].map((kind) => element("td", kind));
    const bar = element("div", "bar-fill");
    cells[0].append(state);
    cells[2].append(bar);
    root.append(title, ...cells);
    this.body.append(root);
    const [, partitions, , handled, memory] = cells;
    const row = { root, swatch, leads, state, partitions, bar, handled, memory };
    this.#rows.set(name, row);
    return row;
  }

  /** Whoever has a colour can be chosen. */
  #name(names) {
    if (names.length === this.#named.length && names.at(-1) === this.#named.at(-1)) return;
    this.#named = [...names];
    const chosen = this.choice.value;
    const options = names.map((name, index) => new Option(name, String(index)));
    this.choice.replaceChildren(new Option("all", ""), ...options);
    this.choice.value = chosen;
    if (this.choice.selectedIndex < 0) this.choice.value = "";
    const colors = workerColors(names.length);
    const isLong = names.length > 16;
    const items = isLong ? [] : names.map((name, index) => {
      const item = element("li", "");
      const swatch = element("span", "swatch");
      swatch.style.background = color(colors[index]);
      item.append(swatch, name);
      return item;
    });
    if (isLong) items.push(element("li", "", `${names.length} workers, a colour each`));
    this.legend.replaceChildren(...items, this.nobody);
  }
}

function color(parts) {
  return parts === undefined ? "transparent" : `rgb(${parts.join(" ")})`;
}
