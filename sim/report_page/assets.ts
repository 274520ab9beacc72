/**
 * What a page carries with it, so that it needs no network: read as text by the module loader, which is how a compiled program has it, too.
 *
 * @module
 */
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import charts from "./browser/charts.js" with { type: "text" };
import colors from "./browser/colors.js" with { type: "text" };
import format from "./browser/format.js" with { type: "text" };
import main from "./browser/main.js" with { type: "text" };
import marks from "./browser/marks.js" with { type: "text" };
import ownerMap from "./browser/owner_map.js" with { type: "text" };
import ownerPicture from "./browser/owner_picture.js" with { type: "text" };
import pictures from "./browser/pictures.css" with { type: "text" };
import style from "./browser/style.css" with { type: "text" };
import theme from "./browser/theme.js" with { type: "text" };
import view from "./browser/view.js" with { type: "text" };

/** All styles. */
export const PAGE_STYLE: string = [uplotStyle, style, pictures].join("\n");

/** What draws the charts; it runs before whatever uses it. */
export const CHART_SCRIPT: string = uplotScript;

/** The modules that draw pictures: each imports only from those before it. */
export const PICTURE_MODULES: readonly string[] = [
  ...[format, colors, view, theme, ownerMap, marks, charts, ownerPicture],
];

/** All scripts of `report.html`, in the order in which they run. */
export const PAGE_SCRIPTS: readonly string[] = [
  CHART_SCRIPT,
  asOneScript([...PICTURE_MODULES, main]),
];

/**
 * Makes one script of modules that import only from each other. Each `import` and `export` stands at the beginning of a line.
 *
 * @param modules their texts, those first that the others import
 * @returns a script that leaves no names behind
 */
export function asOneScript(modules: readonly string[]): string {
  const body = modules.map((text) =>
    text.replaceAll(/^import [^;]*;\n/gm, "").replaceAll(/^export /gm, "")
  );
  return `(() => {\n"use strict";\n${body.join("\n")}})();\n`;
}
