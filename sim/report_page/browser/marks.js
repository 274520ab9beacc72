/**
 * What is marked in every picture: chaos, partitions that move, gaps and duplicates.
 *
 * @module
 */
import { styleColor } from "./theme.js";

/** So much room is left between two numbers. */
const NUMBER_GAP = 5;
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
  /** Fills stretches of time; where they overlap, or share a pixel, once. */
  const fill = (stretches, height, color) => {
    let free = box.left;
    context.fillStyle = color;
    for (const [from, until] of stretches) {
      const left = Math.max(free, Math.floor(placeOf(from)));
      free = Math.max(free, Math.ceil(placeOf(until)), Math.floor(placeOf(from)) + 1);
      if (free > left) context.fillRect(left, box.top, free - left, height);
    }
  };
  const { at, moves, gaps, wrong } = data.samples;
  const [chaos, moved, bad] = ["--chaos-band", "--moves", "--bad-band"].map(styleColor);
  const lasting = data.events.filter(({ until }) => until !== null);
  const samples = at.map((until, row) => ({ row, stretch: [at[row - 1] ?? data.range[0], until] }));
  const where = (isSo) => samples.filter(({ row }) => isSo(row)).map(({ stretch }) => stretch);
  fill(lasting.map((event) => [event.at, event.until]), box.height, chaos);
  // A message that is lost stays lost: what counts is when it was.
  const isBad = (row) => gaps[row] > (gaps[row - 1] ?? 0) || wrong[row] > 0;
  fill(where(isBad), box.height, bad);
  fill(where((row) => moves[row] > 0), STRIP_HEIGHT * ratio, moved);
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
    const half = context.measureText(String(number)).width / 2;
    if (place - half < free) continue;
    free = place + half + NUMBER_GAP * ratio;
    context.fillText(String(number), place, box.top - ratio);
  }
  context.restore();
}
