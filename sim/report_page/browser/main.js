/**
 * Draws the pictures of the page.
 *
 * @module
 */
import { drawCharts } from "./charts.js";
import { OwnerPicture } from "./owner_picture.js";
import { View } from "./view.js";

const data = JSON.parse(document.getElementById("data").textContent);
const view = new View(data.range);
const live = document.getElementById("live");
const announce = (text) => live.textContent = text;
const reset = document.getElementById("reset");
reset.addEventListener("click", () => view.reset());
view.listeners.add(() => reset.disabled = !view.isZoomed);
drawCharts(document.getElementById("charts"), data, view, announce);
new OwnerPicture(document.getElementById("owners"), data, view, announce);
