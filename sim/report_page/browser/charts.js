/**
 * The charts of figures over time.
 *
 * @module
 */
import { clockText, numberText, TIME_STEPS } from "./format.js";
import { drawBands, drawEvents } from "./marks.js";
import { element, styleColor } from "./theme.js";
import { sampleAt } from "./view.js";

/** How wide the numbers of an axis are: the same everywhere, so that times lie under each other. */
export const AXIS_WIDTH = 58;
/** So much is left free above for the numbers of events, and at the right. */
export const PADDING = { top: 16, right: 26 };
/** A logarithm has no 0. */
const LEAST_MS = 0.1;

/**
 * What is drawn, by what the page calls it: of each line its name, where it is, its colour and how it is drawn. The page has the titles.
 */
const CHARTS = {
  throughput: {
    unit: "msg/s",
    lines: [["sent", "sent", "--line-1"], ["handled", "handled", "--line-2"]],
  },
  latency: {
    unit: "ms",
    logarithmic: true,
    lines: [["p50", "p50", "--line-1"], ["p99", "p99", "--line-2"]],
  },
  waiting: {
    unit: "",
    lines: [["waiting", "waiting", "--line-1"], ["passed over", "gaps", "--bad"]],
  },
  workers: {
    unit: "",
    lines: [["running", "workers", "--line-1", "steps"], ["Stable", "stable", "--line-2", "steps"]],
  },
  moves: { unit: "", lines: [["moves", "moves", "--moves", "area steps"]] },
  memory: {
    unit: "MB",
    lines: [
      ["worker or producer, mean", "meanMb", "--line-1"],
      ["the largest", "largestMb", "--line-2"],
      ["coordinator", "coordinatorMb", "--line-3"],
      ["servers", "serverMb", "--moves"],
    ],
  },
};

/**
 * Draws each chart where the page has a place for it.
 *
 * @param {HTMLElement} parent where the places are
 * @param {object} data the data of the page
 * @param {View} view what is shown
 * @param {(text: string) => void} announce says something to who cannot see it
 * @returns {() => void} draws them again, when there is more data
 */
export function drawCharts(parent, data, view, announce) {
  const charts = [...parent.querySelectorAll("[data-chart]")].map((figure) =>
    drawChart(figure, data, view, announce, CHARTS[figure.dataset.chart])
  );
  return () => {
    for (const drawAgain of charts) drawAgain();
  };
}

function drawChart(figure, data, view, announce, chart) {
  const plot = figure.querySelector(".plot");
  const title = figure.querySelector("h3").textContent;
  const legend = fillLegend(figure.querySelector(".legend"), data, chart);
  const size = () => ({ width: plot.clientWidth, height: plot.clientHeight });
  const columns = () => [
    data.samples.at,
    ...chart.lines.map(([, column]) => columnOf(data, column, chart.logarithmic)),
  ];
  const options = { ...size(), ...optionsOf(data, view, chart) };
  const drawn = new uPlot(options, columns(), plot);
  view.listeners.add(() => follow(drawn, view, legend));
  new ResizeObserver(() => drawn.setSize(size())).observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.redraw());
  plot.addEventListener("keydown", (event) => {
    const [from, until] = view.range;
    const step = (until - from) / (event.shiftKey ? 10 : 100);
    if (event.ctrlKey || event.metaKey || event.altKey || !view.press(event.key, step)) return;
    event.preventDefault();
    announce(`${title}: ${legend.text()}`);
  });
  return () => {
    drawn.setData(columns());
    legend.show(view.moment);
  };
}

function columnOf(data, column, logarithmic) {
  const values = data.samples[column];
  if (!logarithmic) return values;
  return values.map((value) => value === null ? null : Math.max(LEAST_MS, value));
}

/** The names of the lines with their values at the moment. */
function fillLegend(list, data, { lines, unit }) {
  const time = element("li", "time", "");
  const values = lines.map(([name, column, color]) => {
    const item = element("li", "");
    const swatch = element("span", "swatch");
    swatch.style.background = `var(${color})`;
    const value = element("span", "value", "");
    item.append(swatch, `${name} `, value);
    list.append(item);
    return { name, column, value };
  });
  list.append(time);
  return {
    show(moment) {
      const latest = data.isLive === true ? data.samples.at.length - 1 : -1;
      const row = moment === null ? latest : sampleAt(data.samples.at, moment);
      time.textContent = moment === null ? "" : `at ${clockText(data.samples.at[row] ?? 0)}`;
      for (const { column, value } of values) {
        value.textContent = row < 0 ? "" : numberText(data.samples[column][row], unit);
      }
    },
    text: () =>
      [time.textContent, ...values.map(({ name, value }) => `${name} ${value.textContent}`)]
        .join(", "),
  };
}

/** A chart shows what the view shows. */
function follow(drawn, view, legend) {
  const [min, max] = view.range;
  const { x } = drawn.scales;
  if (x.min !== min || x.max !== max) drawn.setScale("x", { min, max });
  legend.show(view.moment);
  const left = view.moment === null ? -10 : drawn.valToPos(view.moment, "x");
  if (Math.abs((drawn.cursor.left ?? -10) - left) < 0.5) return;
  drawn.setCursor({ left, top: view.moment === null ? -10 : 1 }, false);
}

function optionsOf(data, view, chart) {
  const box = (u) => u.bbox;
  const placeOf = (u) => (time) => u.valToPos(time, "x", true);
  return {
    padding: [PADDING.top, PADDING.right, 0, 0],
    legend: { show: false },
    cursor: { points: { size: 6 }, y: false, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: false, range: () => view.range },
      y: chart.logarithmic
        ? { distr: 3, range: (_, min, max) => decades(min, max) }
        : { range: (_, __, max) => uPlot.rangeNum(0, Math.max(max ?? 1, 1), 0.1, true) },
    },
    axes: [
      {
        ...axis(),
        size: 28,
        space: 70,
        incrs: TIME_STEPS,
        values: (_, splits, __, ___, step) => splits.map((time) => clockText(time, step)),
      },
      {
        ...axis(),
        size: AXIS_WIDTH,
        values: (_, splits) => splits.map(shortNumber),
        ...(chart.logarithmic ? { splits: (_, __, min, max) => powersOfTen(min, max) } : {}),
      },
    ],
    series: [{}, ...chart.lines.map(lineOf)],
    hooks: {
      drawClear: [(u) => drawBands(u.ctx, data, box(u), placeOf(u), devicePixelRatio)],
      draw: [(u) => drawEvents(u.ctx, data, box(u), placeOf(u), devicePixelRatio)],
      setCursor: [(u) => {
        const { left } = u.cursor;
        view.look(left === undefined || left < 0 ? null : u.posToVal(left, "x"));
      }],
      setSelect: [(u) => {
        const { left, width } = u.select;
        if (width > 3) view.show(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
      ready: [(u) => u.over.addEventListener("dblclick", () => view.reset())],
    },
  };
}

/** Whole powers of ten around all values. */
function decades(min, max) {
  const [low, high] = [Math.max(LEAST_MS, min ?? 1), Math.max(LEAST_MS, max ?? 10)];
  const from = Math.floor(Math.log10(low));
  return [10 ** from, 10 ** Math.max(from + 1, Math.ceil(Math.log10(high)))];
}

function powersOfTen(min, max) {
  const [from, until] = [min, max].map((value) => Math.round(Math.log10(value)));
  return Array.from({ length: until - from + 1 }, (_, index) => 10 ** (from + index));
}

function axis() {
  return {
    stroke: () => styleColor("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: () => styleColor("--grid"), width: 1 },
    ticks: { stroke: () => styleColor("--grid"), width: 1, size: 4 },
  };
}

function lineOf([label, , color, kind = ""]) {
  const stroke = () => styleColor(color);
  const line = { label, stroke, width: 1.5, points: { show: false } };
  return {
    ...line,
    // A sample is told by its end: what is drawn for it lies before that.
    ...(kind.includes("steps") ? { paths: uPlot.paths.stepped({ align: -1 }) } : {}),
    ...(kind.includes("area") ? { fill: () => `${styleColor(color)}30` } : {}),
  };
}

function shortNumber(value) {
  if (value === null || value === undefined) return "";
  if (Math.abs(value) < 10_000) return String(Math.round(value * 100) / 100);
  return value.toLocaleString("en", { notation: "compact" });
}
