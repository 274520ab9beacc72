/**
 * For tests: how long those go on that can go on for long.
 *
 * @module
 */

/**
 * Reads a count from the environment. One that cannot be read would be a loop of no rounds, and a test that passes.
 *
 * @param name of the variable
 * @param otherwise what holds if it is not set
 * @returns the count, an integer from 1
 */
export function envCount(name: string, otherwise: number): number {
  const text = Deno.env.get(name) ?? "";
  if (text === "") return otherwise;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new RangeError(`${name} must be a whole number from 1, not "${text}"`);
}
