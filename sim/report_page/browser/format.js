// @ts-check
/**
 * Numbers and times for people.
 *
 * @module
 */

/**
 * Writes a time since the load began.
 *
 * @param {number} seconds since then; negative before
 * @param {number} [step] what lies between two of them: below a second there are decimals
 * @returns {string} such as `45s`, `12:30` or `1:05:00`
 */
export function clockText(seconds, step = 1) {
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.abs(seconds);
  if (step < 1) return `${sign}${whole.toFixed(step < 0.1 ? 2 : 1)}s`;
  const rounded = Math.round(whole);
  if (rounded < 60) return `${sign}${rounded}s`;
  const pad = (/** @type {number} */ part) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(rounded / 3_600), Math.floor(rounded / 60) % 60];
  if (hours === 0) return `${sign}${minutes}:${pad(rounded % 60)}`;
  return `${sign}${hours}:${pad(minutes)}:${pad(rounded % 60)}`;
}

/**
 * Writes a number.
 *
 * @param {number | null | undefined} value the number
 * @param {string} unit what stands behind it
 * @returns {string} such as `1,234 msg/s`, or a dash for nothing
 */
export function numberText(value, unit) {
  if (value === null || value === undefined) return "—";
  const text = value.toLocaleString("en", { maximumFractionDigits: 1 });
  return unit === "" ? text : `${text} ${unit}`;
}

/**
 * Steps that look well on an axis of time, in seconds.
 *
 * @type {number[]}
 */
export const TIME_STEPS = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800],
  ...[3_600, 7_200, 10_800, 21_600, 43_200, 86_400],
];
