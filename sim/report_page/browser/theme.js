/**
 * The colours of the style sheet, where something is drawn by hand.
 *
 * @module
 */

/**
 * A colour of the style sheet, as it is now: light or dark.
 *
 * @param {string} name such as `--chaos`
 * @returns {string} the colour
 */
export function styleColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * The same in parts.
 *
 * @param {string} name a colour that is written as `#rrggbb`
 * @returns {[number, number, number]} red, green and blue, from 0 to 255
 */
export function styleRgb(name) {
  const value = Number.parseInt(styleColor(name).slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * Makes an element.
 *
 * @param {string} tag its name
 * @param {string} className its class
 * @param {string} [text] what stands in it
 * @returns {HTMLElement} the element
 */
export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
