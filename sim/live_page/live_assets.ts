/**
 * Styles and scripts of the live page: those of `report.html`, and its own.
 *
 * @module
 */
import { asOneScript, CHART_SCRIPT, PAGE_STYLE, PICTURE_MODULES } from "../report_page/assets.ts";
import cells from "./browser/cells.js" with { type: "text" };
import connection from "./browser/connection.js" with { type: "text" };
import grid from "./browser/grid.js" with { type: "text" };
import happenings from "./browser/happenings.js" with { type: "text" };
import headline from "./browser/headline.js" with { type: "text" };
import style from "./browser/live.css" with { type: "text" };
import liveData from "./browser/live_data.js" with { type: "text" };
import main from "./browser/live_main.js" with { type: "text" };
import workerList from "./browser/worker_list.js" with { type: "text" };

/** All styles. */
export const LIVE_STYLE: string = [PAGE_STYLE, style].join("\n");

/** All scripts, in the order in which they run. */
export const LIVE_SCRIPTS: readonly string[] = [
  CHART_SCRIPT,
  asOneScript([
    ...PICTURE_MODULES,
    ...[liveData, connection, headline, cells, grid, workerList, happenings, main],
  ]),
];
