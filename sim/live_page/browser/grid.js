/**
 * Who has which partition now: a cell for each, in the colour of its owner.
 *
 * @module
 */
import { cellsFor, gridHeight } from "./cells.js";
import { workerColors } from "../../report_page/browser/colors.js";
import { clockText } from "../../report_page/browser/format.js";
import { styleColor, styleRgb } from "../../report_page/browser/theme.js";

/** From here on there is room for a number, and for a gap between cells. */
const [NUMBER_FROM, GAP_FROM] = [24, 5];
/** So much of a colour is left where another worker is looked at. */
const FADED_CELL = 0.14;
const HINT = "Point at a cell, or use the arrow keys; Enter shows only its owner, Escape all.";

/** The cells. */
export class Grid {
  #columns = 1;
  #cell = 1;
  #at = null;
  #drawn = "";

  /**
   * @param {HTMLElement} root what the page has for it
   * @param {LiveData} data what was told
   * @param {HTMLSelectElement} choice which worker is looked at
   * @param {(text: string) => void} announce says something to who cannot see it
   */
  constructor(root, data, choice, announce) {
    this.data = data;
    this.choice = choice;
    this.announce = announce;
    this.partitions = Number(root.dataset.partitions);
    this.canvas = root.querySelector("canvas");
    this.readout = root.querySelector(".readout");
    this.box = root.querySelector(".cells");
    const again = () => this.draw(true);
    choice.addEventListener("change", again);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    new ResizeObserver(again).observe(this.box);
    this.canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
      const column = Math.floor(offsetX / this.#cell);
      const partition = Math.floor(offsetY / this.#cell) * this.#columns + column;
      this.#look(column < this.#columns && partition < this.partitions ? partition : null);
    });
    this.canvas.addEventListener("pointerleave", () => this.#look(null));
    this.canvas.addEventListener("blur", () => this.#look(null));
    this.canvas.addEventListener("click", () => this.#choose());
    this.canvas.addEventListener("keydown", (event) => this.#press(event));
    this.draw(true);
  }

  /** @param {boolean} [isNew] whether it is to be drawn even if nobody else has anything */
  draw(isNew = false) {
    this.partitions = Math.max(this.partitions, this.data.pictures.owners.partitions);
    const key = `${this.data.changes} ${this.partitions} ${this.#at}`;
    this.#tell();
    if (!isNew && key === this.#drawn) return;
    this.#drawn = key;
    this.#measure();
    const ratio = devicePixelRatio;
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#paint(context);
  }

  #measure() {
    const { clientWidth: width } = this.box;
    const { cell, columns } = cellsFor(width, this.partitions);
    [this.#cell, this.#columns] = [cell, columns];
    const height = gridHeight(width, this.partitions);
    const ratio = devicePixelRatio;
    [this.canvas.width, this.canvas.height] = [width * ratio, height * ratio].map(Math.round);
    this.canvas.style.height = `${height}px`;
  }

  #paint(context) {
    const { current, removed, pictures: { owners } } = this.data;
    const colors = workerColors(owners.workers.length);
    const [nobody, notYet, ground] = ["--nobody", "--not-yet", "--ground"].map(styleRgb);
    // As in the picture over time: among a hundred colours one does not stand out by itself.
    const accent = styleRgb("--line-2");
    const chosen = this.choice.value === "" ? null : Number(this.choice.value);
    const gap = this.#cell >= GAP_FROM ? 1 : 0;
    context.font = `${Math.min(12, this.#cell * 0.4)}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let partition = 0; partition < this.partitions; partition++) {
      if (removed.has(partition)) continue;
      const owner = current[partition];
      const color = owner === undefined ? notYet : colors[owner] ?? nobody;
      const isSeen = chosen === null || owner === -1;
      const shown = isSeen ? color : owner === chosen ? accent : faded(color, ground);
      const [left, top] = this.#placeOf(partition);
      context.fillStyle = `rgb(${shown.join(" ")})`;
      context.fillRect(left, top, this.#cell - gap, this.#cell - gap);
      if (this.#cell < NUMBER_FROM) continue;
      context.fillStyle = isLight(shown) ? "#14181d" : "#ffffff";
      const middle = (this.#cell - gap) / 2;
      context.fillText(String(partition), left + middle, top + middle + 0.5);
    }
    if (this.#at === null) return;
    const [left, top] = this.#placeOf(this.#at);
    context.lineWidth = 2;
    context.strokeStyle = styleColor("--text");
    context.strokeRect(left - 1, top - 1, this.#cell - gap + 2, this.#cell - gap + 2);
  }

  #placeOf(partition) {
    const row = Math.floor(partition / this.#columns);
    return [(partition - row * this.#columns) * this.#cell, row * this.#cell];
  }

  #look(partition) {
    if (partition === this.#at) return;
    this.#at = partition;
    this.draw();
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#at ?? 0;
    const last = this.partitions - 1;
    const next = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - this.#columns,
      ArrowDown: at + this.#columns,
      Home: 0,
      End: last,
    }[event.key];
    if (next !== undefined) this.#look(this.#at === null ? at : Math.min(last, Math.max(0, next)));
    else if (event.key === "Enter" || event.key === " ") this.#choose();
    else if (event.key === "Escape" || event.key === "0") this.#show("");
    else return;
    event.preventDefault();
    this.announce(this.readout.textContent);
  }

  #choose() {
    const owner = this.#at === null ? undefined : this.data.current[this.#at];
    if (owner === undefined || owner < 0) return;
    this.#show(this.choice.value === String(owner) ? "" : String(owner));
  }

  #show(worker) {
    this.choice.value = worker;
    this.choice.dispatchEvent(new Event("change"));
  }

  #tell() {
    this.readout.textContent = this.#at === null ? HINT : this.#words(this.#at);
  }

  #words(partition) {
    const { current, since, removed, pictures: { owners } } = this.data;
    const owner = current[partition];
    if (removed.has(partition)) return `partition ${partition} · taken out of the group`;
    if (owner === undefined) return `partition ${partition} · nobody yet`;
    const name = owners.workers[owner] ?? "nobody";
    const time = since[partition];
    const clock = clockText(time, Math.abs(time) < 60 ? 0.5 : 1);
    return `partition ${partition} · ${name} since ${clock}`;
  }
}

function faded(color, ground) {
  return color.map((part, index) =>
    Math.round(part * FADED_CELL + ground[index] * (1 - FADED_CELL))
  );
}

function isLight([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140;
}
