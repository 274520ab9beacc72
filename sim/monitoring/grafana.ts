/**
 * The little of Grafana's dashboard format that is needed here: panels that flow into rows of 24 columns.
 *
 * @module
 */

/** The data source that the stack provisions. */
export const DATA_SOURCE = { type: "prometheus", uid: "prometheus" } as const;

/** One query of a panel. */
export interface Query {
  /** In PromQL. */
  readonly expr: string;
  /** What its series are called, such as `{{worker}}`. */
  readonly legend: string;
}

/** A panel, before it has its place. */
export interface Panel {
  /** What it shows. */
  readonly title: string;
  /** How to read it. */
  readonly description: string;
  /** Grafana's kind of panel. */
  readonly type: "stat" | "timeseries" | "heatmap";
  /** How many of the 24 columns it takes. */
  readonly width: number;
  /** Grafana's name of the unit. */
  readonly unit: string;
  /** What it asks. */
  readonly queries: readonly Query[];
  /** More options of its kind. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** More of how its fields are drawn. */
  readonly custom?: Readonly<Record<string, unknown>>;
  /** From these values on it has another colour. */
  readonly steps?: readonly { readonly color: string; readonly value: number | null }[];
}

/** A dashboard, before it is written. */
export interface Dashboard {
  /** Its stable name in addresses. */
  readonly uid: string;
  /** Its title. */
  readonly title: string;
  /** Its panels, in order. */
  readonly panels: readonly Panel[];
  /** Marks on all panels, if any: whatever this returns, by its legend. */
  readonly marks?: Query & { readonly name: string };
}

const COLUMNS = 24;
const HEIGHTS: Readonly<Record<Panel["type"], number>> = { stat: 4, timeseries: 8, heatmap: 8 };
const GOOD_UNTIL_ONE = [{ color: "green", value: null }, { color: "red", value: 1 }] as const;

/**
 * A number that has to be zero.
 *
 * @param title what it is
 * @param description how to read it
 * @param expr in PromQL
 */
export function mustBeZero(title: string, description: string, expr: string): Panel {
  return {
    ...{ title, description, type: "stat", width: 4, unit: "none", steps: GOOD_UNTIL_ONE },
    queries: [{ expr, legend: title }],
    options: {
      colorMode: "background",
      graphMode: "none",
      reduceOptions: { calcs: ["lastNotNull"] },
    },
  };
}

/**
 * Lines over time.
 *
 * @param title what they are
 * @param description how to read them
 * @param unit Grafana's name of the unit
 * @param queries what is asked, each as `[PromQL, legend]`
 */
export function lines(
  title: string,
  description: string,
  unit: string,
  ...queries: readonly (readonly [expr: string, legend: string])[]
): Panel {
  return {
    ...{ title, description, type: "timeseries", width: 12, unit },
    queries: queries.map(([expr, legend]) => ({ expr, legend })),
    custom: { drawStyle: "line", fillOpacity: 10, showPoints: "never" },
    options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
  };
}

/**
 * Percentiles of a histogram.
 *
 * @param metric its name
 * @param percentiles which
 * @param by further labels to keep
 */
export function percentiles(
  metric: string,
  percentiles: readonly number[],
  what = "",
): (readonly [expr: string, legend: string])[] {
  return percentiles.map((percentile) => [
    `histogram_quantile(${
      percentile / 100
    }, sum by (le) (rate(${metric}_bucket[$__rate_interval])))`,
    `${what}p${percentile}`,
  ]);
}

/**
 * Writes a dashboard as Grafana reads it.
 *
 * @param dashboard what it shows
 * @returns JSON
 */
export function dashboardJson({ uid, title, panels, marks }: Dashboard): string {
  let [x, y, rowHeight] = [0, 0, 0];
  const placed = panels.map((panel, index) => {
    const height = HEIGHTS[panel.type];
    if (x + panel.width > COLUMNS) [x, y, rowHeight] = [0, y + rowHeight, 0];
    const gridPos = { x, y, w: panel.width, h: height };
    x += panel.width;
    rowHeight = Math.max(rowHeight, height);
    return { id: index + 1, gridPos, ...panelBody(panel) };
  });
  const dashboard = {
    ...{ uid, title, tags: ["parti"], editable: true, schemaVersion: 39, version: 1 },
    ...{ refresh: "5s", time: { from: "now-15m", to: "now" }, timezone: "browser" },
    annotations: { list: marks === undefined ? [] : [annotation(marks)] },
    templating: { list: [] },
    panels: placed,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function panelBody(panel: Panel): object {
  const { title, description, type, unit, queries, options = {}, custom = {}, steps } = panel;
  const thresholds = steps === undefined ? {} : { thresholds: { mode: "absolute", steps } };
  return {
    ...{ title, description, type, datasource: DATA_SOURCE, options },
    fieldConfig: { defaults: { unit, custom, ...thresholds }, overrides: [] },
    targets: queries.map(({ expr, legend }, index) => ({
      ...{ refId: String.fromCharCode(65 + index), datasource: DATA_SOURCE },
      ...{ expr, legendFormat: legend, editorMode: "code", range: true },
      ...(type === "heatmap" ? { format: "heatmap" } : {}),
    })),
  };
}

function annotation({ name, expr, legend }: Query & { readonly name: string }): object {
  return {
    ...{ name, datasource: DATA_SOURCE, enable: true, iconColor: "purple" },
    ...{ expr, titleFormat: legend, step: "5s" },
  };
}
