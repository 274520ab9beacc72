/**
 * What is marked in every picture: chaos, partitions that move, gaps and duplicates.
 *
 * @module
 */
import { styleColor } from "./theme.js";

/** So near to each other numbers would cover each other. */
const NUMBER_WIDTH = 15;
/** Where events have less room than this, lines would hide what they are to explain. */
const LINE_WIDTH = 24;
/** How high the strip is that tells of moves. */
const STRIP_HEIGHT = 5;

/**
 * Marks what happened.
 *
 * @param {CanvasRenderingContext2D} context where
 * @param {object} data the data of the page
 * @param {{ left: number, top: number, width: number, height: number }} box the picture, in pixels
 * @param {(time: number) => number} placeOf from seconds to pixels
 * @param {number} ratio pixels of the canvas for one of the style sheet
 */
export function drawBands(context, data, box, placeOf, ratio) {
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  const fill = (from, until, top, height, color) => {
    const left = placeOf(from);
    context.fillStyle = color;
    context.fillRect(left, top, Math.max(ratio, placeOf(until) - left), height);
  };
  const { at, moves, gaps, wrong } = data.samples;
  const [chaos, moved, bad] = ["--chaos-band", "--moves", "--bad-band"].map(styleColor);
  for (const event of data.events) {
    fill(event.at, event.until ?? event.at, box.top, box.height, chaos);
  }
  at.forEach((until, row) => {
    const from = at[row - 1] ?? data.range[0];
    // A message that is lost stays lost: what counts is when it was.
    if (gaps[row] > (gaps[row - 1] ?? 0) || wrong[row] > 0) {
      fill(from, until, box.top, box.height, bad);
    }
    if (moves[row] > 0) fill(from, until, box.top, STRIP_HEIGHT * ratio, moved);
  });
  context.restore();
}

/**
 * Draws a line for each chaos event, with its number as far as there is room.
 *
 * @param {CanvasRenderingContext2D} context where
 * @param {object} data the data of the page
 * @param {{ left: number, top: number, width: number, height: number }} box the picture, in pixels
 * @param {(time: number) => number} placeOf from seconds to pixels
 * @param {number} ratio pixels of the canvas for one of the style sheet
 */
export function drawEvents(context, data, box, placeOf, ratio) {
  context.save();
  context.strokeStyle = context.fillStyle = styleColor("--chaos");
  context.lineWidth = ratio;
  context.font = `600 ${10 * ratio}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "bottom";
  const shown = data.events.map(({ at, number }) => ({
    number,
    place: Math.round(placeOf(at)) + 0.5,
  }))
    .filter(({ place }) => place >= box.left && place <= box.left + box.width);
  const dense = shown.length * LINE_WIDTH * ratio > box.width;
  let free = Number.NEGATIVE_INFINITY;
  for (const { place, number } of shown) {
    context.setLineDash([3 * ratio, 3 * ratio]);
    context.beginPath();
    context.moveTo(place, box.top);
    context.lineTo(place, box.top + (dense ? STRIP_HEIGHT * ratio : box.height));
    context.stroke();
    if (place < free) continue;
    free = place + NUMBER_WIDTH * ratio;
    context.fillText(String(number), place, box.top - ratio);
  }
  context.restore();
}
