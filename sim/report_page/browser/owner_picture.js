/**
 * The picture of who had which partition when: a row for each partition, time from left to right, a colour for each worker.
 *
 * @module
 */
import { AXIS_WIDTH, PADDING } from "./charts.js";
import { workerColors } from "./colors.js";
import { clockText, TIME_STEPS } from "./format.js";
import { drawEvents } from "./marks.js";
import { NOT_YET, OwnerMap } from "./owner_map.js";
import { styleColor, styleRgb } from "./theme.js";

const AXIS_HEIGHT = 24;
/** Rows of at least so many pixels are told apart by a line. */
const SEPARATE_FROM = 5;
/** So much of a worker's colour is left where another one is looked at. */
const FADED = 0.12;

/** The picture. */
export class OwnerPicture {
  #order = [];
  #partition = 0;
  #painted = "";

  /**
   * @param {HTMLElement} root what the page has for it
   * @param {object} data the data of the page
   * @param {View} view what is shown
   * @param {(text: string) => void} announce says something to who cannot see it
   */
  constructor(root, data, view, announce) {
    this.data = data;
    this.view = view;
    this.canvas = root.querySelector("canvas");
    this.readout = root.querySelector(".readout");
    this.cross = root.querySelector(".cross");
    this.sorting = root.querySelector("select[name=order]");
    this.worker = root.querySelector("select[name=worker]");
    this.image = document.createElement("canvas");
    for (const select of [this.sorting, this.worker]) {
      select.addEventListener("change", () => this.draw());
    }
    view.listeners.add(() => this.#follow());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.canvas.addEventListener("pointerleave", () => view.look(null));
    this.canvas.addEventListener("dblclick", () => view.reset());
    this.canvas.addEventListener("keydown", (event) => this.#press(event, announce));
    this.begin();
    this.draw();
  }

  /** Looks at all of the data, from its beginning. */
  begin() {
    this.map = new OwnerMap(this.data.owners);
    this.more();
  }

  /** There is more data; it is drawn with the next change of the view. */
  more() {
    this.map.take(this.data.owners);
    this.colors = workerColors(this.data.owners.workers.length);
    this.#painted = "";
  }

  /** Draws all of it. */
  draw() {
    const ratio = devicePixelRatio;
    const { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    const box = this.#box(ratio);
    this.#order = this.map.order(this.sorting.value, 0);
    this.#paint(Math.max(1, Math.round(box.width)));
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = this.#order.length > box.height;
    if (this.#order.length > 0) {
      context.drawImage(this.image, box.left, box.top, box.width, box.height);
    }
    this.#separate(context, box);
    this.#drawAxis(context, box, ratio);
    drawEvents(context, this.data, box, (time) => this.#placeOf(time, box), ratio);
    this.#painted = this.view.range.join();
    this.#follow();
  }

  #box(ratio) {
    const { clientWidth, clientHeight } = this.canvas;
    return {
      left: AXIS_WIDTH * ratio,
      top: PADDING.top * ratio,
      width: (clientWidth - AXIS_WIDTH - PADDING.right) * ratio,
      height: (clientHeight - PADDING.top - AXIS_HEIGHT) * ratio,
    };
  }

  #placeOf(time, box) {
    const [from, until] = this.view.range;
    return box.left + (time - from) / (until - from) * box.width;
  }

  /** One pixel high for each partition, stretched when it is drawn. */
  #paint(width) {
    const height = Math.max(1, this.#order.length);
    [this.image.width, this.image.height] = [width, height];
    const context = this.image.getContext("2d");
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const ground = styleRgb("--ground");
    const chosen = this.worker.value === "" ? null : Number(this.worker.value);
    const pixelOf = ([red, green, blue]) => (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
    const faded = (color) =>
      color.map((part, index) => Math.round(part * FADED + ground[index] * (1 - FADED)));
    // Among a hundred colours one does not stand out by itself.
    const accent = styleRgb("--line-2");
    const shades = this.colors.map((color, worker) =>
      pixelOf(chosen === null ? color : chosen === worker ? accent : faded(color))
    );
    const [nobody, notYet] = ["--nobody", "--not-yet"].map((name) => pixelOf(styleRgb(name)));
    const colorOf = (owner) => shades[owner] ?? (owner === NOT_YET ? notYet : nobody);
    this.map.paint(pixels, width, this.#order, this.view.range, colorOf);
    context.putImageData(image, 0, 0);
  }

  #separate(context, box) {
    const height = box.height / this.#order.length;
    if (height < SEPARATE_FROM * devicePixelRatio) return;
    context.fillStyle = styleColor("--ground");
    for (let row = 1; row < this.#order.length; row++) {
      context.fillRect(box.left, Math.round(box.top + row * height), box.width, 1);
    }
  }

  #drawAxis(context, box, ratio) {
    const [from, until] = this.view.range;
    const least = (until - from) / (box.width / ratio / 80);
    const step = TIME_STEPS.find((each) => each >= least) ?? TIME_STEPS.at(-1);
    context.fillStyle = styleColor("--muted");
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "top";
    for (let time = Math.ceil(from / step) * step; time <= until; time += step) {
      const place = this.#placeOf(time, box);
      context.fillRect(place, box.top + box.height, ratio, 4 * ratio);
      context.fillText(clockText(time, step), place, box.top + box.height + 7 * ratio);
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    const byNumber = this.sorting.value === "number";
    const last = this.#order.length - 1;
    for (const row of byNumber ? [0, Math.round(last / 2), last] : []) {
      const place = box.top + (row + 0.5) / (last + 1) * box.height;
      context.fillText(String(this.#order[row] ?? ""), box.left - 6 * ratio, place);
    }
    if (byNumber) return;
    context.save();
    context.translate(box.left - 14 * ratio, box.top + box.height / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText("partitions, by owner at 0s", 0, 0);
    context.restore();
  }

  #point({ offsetX, offsetY }) {
    const box = this.#box(1);
    const [from, until] = this.view.range;
    const part = (offsetX - box.left) / box.width;
    const row = Math.floor((offsetY - box.top) / box.height * this.#order.length);
    if (part < 0 || part > 1 || this.#order[row] === undefined) return this.view.look(null);
    this.#partition = row;
    this.view.look(from + part * (until - from));
    this.#tell();
  }

  #press(event, announce) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [from, until] = this.view.range;
    const far = event.shiftKey ? 10 : 1;
    const step = { ArrowUp: -far, ArrowDown: far }[event.key];
    if (step !== undefined) {
      const last = Math.max(0, this.#order.length - 1);
      this.#partition = Math.min(last, Math.max(0, this.#partition + step));
      if (this.view.moment === null) this.view.look((from + until) / 2);
    } else if (!this.view.press(event.key, (until - from) * far / 100)) return;
    event.preventDefault();
    this.#tell();
    announce(this.readout.textContent);
  }

  #follow() {
    if (this.#painted !== this.view.range.join()) return this.draw();
    this.#tell();
  }

  /** Says what is at the moment, in the row that is looked at. */
  #tell() {
    const { moment } = this.view;
    const partition = this.#order[this.#partition];
    this.cross.hidden = moment === null || partition === undefined;
    if (this.cross.hidden) {
      this.readout.textContent = "Point at the picture, or use the arrow keys in it.";
      return;
    }
    const owner = this.data.owners.workers[this.map.ownerAt(partition, moment)] ?? "nobody";
    this.readout.textContent = `${clockText(moment, 0.5)} · partition ${partition} · ${owner}`;
    const box = this.#box(1);
    const left = this.#placeOf(moment, box);
    const top = box.top + (this.#partition + 0.5) / this.#order.length * box.height;
    this.cross.style.transform = `translate(${left}px, ${top}px)`;
  }
}
