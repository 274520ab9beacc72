/**
 * Takes what is told and draws it.
 *
 * @module
 */
import { drawCharts } from "../../report_page/browser/charts.js";
import { Connection } from "./connection.js";
import { Grid } from "./grid.js";
import { Happenings } from "./happenings.js";
import { Headline } from "./headline.js";
import { LiveData } from "./live_data.js";
import { OwnerPicture } from "../../report_page/browser/owner_picture.js";
import { View } from "../../report_page/browser/view.js";
import { WorkerList } from "./worker_list.js";

/** Drawing takes no more than this part of the time, however slow the machine is. */
const SHARE = 0.15;
/** Where it takes very long it is not put off for longer than this, in milliseconds. */
const LONGEST_REST_MS = 3_000;

const at = (id) => document.getElementById(id);
const announce = (text) => at("live").textContent = text;
const liveData = new LiveData();
const view = new View(liveData.pictures.range);
at("reset").addEventListener("click", () => view.reset());
view.listeners.add(() => at("reset").disabled = !view.isZoomed);
const headline = new Headline(announce);
const workerList = new WorkerList(at("workers"), at("owners"));
const grid = new Grid(at("grid"), liveData, workerList.choice, announce);
const happenings = new Happenings(at("happened"));
const drawChartsAgain = drawCharts(at("charts"), liveData.pictures, view, announce);
const picture = new OwnerPicture(at("owners"), liveData.pictures, view, announce);

let [isAsked, isAnew, restUntilMs] = [false, false, 0];

/** Draws what has come by now. A page that nobody sees is not drawn. */
function draw() {
  isAsked = false;
  const beganMs = performance.now();
  headline.draw(liveData);
  grid.draw();
  workerList.draw(liveData);
  happenings.draw(liveData);
  if (isAnew) picture.begin();
  else picture.more();
  if (isAnew) view.look(null);
  isAnew = false;
  view.extend(liveData.pictures.range);
  drawChartsAgain();
  const nowMs = performance.now();
  restUntilMs = nowMs + Math.min(LONGEST_REST_MS, (nowMs - beganMs) / SHARE);
}

function askToDraw() {
  if (isAsked) return;
  isAsked = true;
  setTimeout(() => requestAnimationFrame(draw), Math.max(0, restUntilMs - performance.now()));
}

new Connection((message) => {
  isAnew = liveData.take(message) || isAnew;
  askToDraw();
  return message.end !== undefined;
}, (state, since) => headline.connection(state, since));
