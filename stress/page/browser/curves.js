/**
 * Draws the curves of the page: figures over size or time, each with its law.
 *
 * @module
 */
import { element, styleColor } from "../../../sim/report_page/browser/theme.js";

const COLORS = ["--line-1", "--line-2", "--moves"];

/**
 * Draws each curve where the page has a place for it.
 *
 * @param {HTMLElement} parent where the places are
 * @param {Record<string, object>} curves the data, by the names of the places
 */
function drawCurves(parent, curves) {
  for (const figure of parent.querySelectorAll("[data-curve]")) {
    drawCurve(figure, curves[figure.dataset.curve]);
  }
}

function drawCurve(figure, curve) {
  const plot = figure.querySelector(".plot");
  const legend = fillLegend(figure.querySelector(".legend"), curve);
  const size = () => ({ width: plot.clientWidth, height: plot.clientHeight });
  const drawn = new uPlot(
    { ...size(), ...optionsOf(curve, legend) },
    [curve.x, ...curve.lines.map(({ values }) => values)],
    plot,
  );
  new ResizeObserver(() => drawn.setSize(size())).observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.redraw());
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    legend.step(step);
  });
}

/** The names of the lines, with their values where one points at. */
function fillLegend(list, { lines, unit, x, xName }) {
  const place = element("li", "time");
  const values = lines.map(({ name }, at) => {
    const item = element("li", "");
    const swatch = element("span", "swatch");
    swatch.style.background = `var(${COLORS[at % COLORS.length]})`;
    const value = element("span", "value");
    item.append(swatch, `${name} `, value);
    list.append(item);
    return value;
  });
  list.append(place);
  let shown = null;
  const show = (row) => {
    shown = row;
    place.textContent = row === null ? "" : `${short(x[row])} ${xName}`;
    values.forEach((value, at) => {
      value.textContent = row === null ? "" : `${short(lines[at].values[row])} ${unit}`.trimEnd();
    });
  };
  const step = (by) =>
    show(Math.min(x.length - 1, Math.max(0, (shown ?? (by > 0 ? -1 : x.length)) + by)));
  return { show, step };
}

function optionsOf({ lines, logarithmic }, legend) {
  const scale = logarithmic ? { distr: 3 } : {};
  return {
    padding: [10, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { time: false, ...scale },
      y: logarithmic
        ? scale
        : { range: (_, min, max) => uPlot.rangeNum(Math.min(0, min ?? 0), max ?? 1, 0.1, true) },
    },
    axes: [{ ...axis(), size: 28 }, { ...axis(), size: 62 }],
    series: [
      {},
      ...lines.map(({ name, points }, at) => {
        const stroke = () => styleColor(COLORS[at % COLORS.length]);
        return {
          ...{ label: name, stroke, width: 1.5 },
          points: { show: points, size: 7, fill: stroke },
          ...(points ? { paths: () => null } : { dash: [6, 4] }),
        };
      }),
    ],
    hooks: { setCursor: [(u) => legend.show(u.cursor.idx ?? null)] },
  };
}

function short(value) {
  if (value === null || value === undefined) return "—";
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

function axis() {
  return {
    stroke: () => styleColor("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: () => styleColor("--grid"), width: 1 },
    ticks: { stroke: () => styleColor("--grid"), width: 1, size: 4 },
    values: (_, splits) =>
      splits.map((value) =>
        value === null ? "" : value.toLocaleString("en", { notation: "compact" })
      ),
  };
}

drawCurves(document.body, JSON.parse(document.getElementById("data").textContent));
