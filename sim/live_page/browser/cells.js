// @ts-check
/**
 * How large the cells of the grid are.
 *
 * @module
 */

/** How large a cell is, in pixels. */
const [SMALLEST_CELL, LARGEST_CELL] = [3, 46];
/** All of them are as high as this, if that is possible. */
const WANTED_HEIGHT = 384;

/**
 * The size of a cell.
 *
 * @param {number} width of all of them, in pixels
 * @param {number} count how many there are
 * @returns {{ cell: number, columns: number }} in pixels; how many stand beside each other
 */
export function cellsFor(width, count) {
  const wanted = Math.floor(Math.sqrt(width * WANTED_HEIGHT / Math.max(1, count)));
  const cell = Math.min(LARGEST_CELL, Math.max(SMALLEST_CELL, wanted));
  return { cell, columns: Math.max(1, Math.floor(width / cell)) };
}

/**
 * How high all of them are together.
 *
 * @param {number} width of all of them, in pixels
 * @param {number} count how many there are
 * @returns {number} in pixels
 */
export function gridHeight(width, count) {
  const { cell, columns } = cellsFor(width, count);
  return Math.ceil(count / columns) * cell;
}
