/**
 * What the page carries with it: the simulation's style and helpers, uPlot, and what draws the curves.
 *
 * @module
 */
import { asOneScript, CHART_SCRIPT } from "../../sim/report_page/assets.ts";
import theme from "../../sim/report_page/browser/theme.js" with { type: "text" };
import curves from "./browser/curves.js" with { type: "text" };

export { PAGE_STYLE } from "../../sim/report_page/assets.ts";

/** All scripts, in the order in which they run. */
export const STRESS_SCRIPTS: readonly string[] = [
  CHART_SCRIPT,
  asOneScript([theme, curves]),
];
