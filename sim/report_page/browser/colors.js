// @ts-check
/**
 * A colour for each worker.
 *
 * @module
 */

/** So many workers can have colours that nobody confuses. */
const DISTINCT = [
  ...[[66, 105, 208], [239, 177, 24], [255, 114, 92], [108, 197, 176], [60, 169, 81]],
  ...[[255, 138, 183], [164, 99, 242], [151, 187, 245], [156, 107, 78], [148, 152, 160]],
];
/** Neighbours in number lie far apart on the circle of hues. */
const GOLDEN_ANGLE = 137.508;

/**
 * A colour for each of many workers. One that comes changes no other's.
 *
 * @param {number} count how many there are
 * @returns {[number, number, number][]} red, green and blue, from 0 to 255
 */
export function workerColors(count) {
  return Array.from({ length: count }, (_, index) => {
    const [red, green, blue] = DISTINCT[index] ?? [];
    if (red !== undefined) return [red, green ?? 0, blue ?? 0];
    const lightness = [0.6, 0.5, 0.74][index % 3] ?? 0.5;
    return fromHsl((index * GOLDEN_ANGLE) % 360, 0.62, lightness);
  });
}

/**
 * @param {number} hue from 0 to 360
 * @param {number} saturation from 0 to 1
 * @param {number} lightness from 0 to 1
 * @returns {[number, number, number]}
 */
function fromHsl(hue, saturation, lightness) {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const part = (/** @type {number} */ offset) => {
    const place = (offset + hue / 30) % 12;
    const value = lightness - reach * Math.max(-1, Math.min(place - 3, 9 - place, 1));
    return Math.round(value * 255);
  };
  return [part(0), part(8), part(4)];
}
