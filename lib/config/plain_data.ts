/**
 * Comparing and copying what a configuration is written in: numbers, texts, truth values, and objects and lists of these.
 *
 * @module
 */

type Container = Readonly<Record<string, unknown>>;

/**
 * Whether two values say the same.
 *
 * @param one a value
 * @param other another one
 * @returns true if they are equal all through; never for what is anything else than plain data, such as an object of a class
 */
export function isSameData(one: unknown, other: unknown): boolean {
  if (!isContainer(one) || !isContainer(other)) return Object.is(one, other);
  const keys = Object.keys(one);
  return Array.isArray(one) === Array.isArray(other) && isPlain(one) && isPlain(other) &&
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && isSameData(one[key], other[key]));
}

/**
 * Copies a value.
 *
 * @param value plain data
 * @returns the same, with objects and lists of its own. What is not plain data comes as it is
 */
export function copyData<T>(value: T): T {
  if (!isContainer(value) || !isPlain(value)) return value;
  if (Array.isArray(value)) return value.map(copyData) as T;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copyData(part)])) as T;
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

function isPlain(value: Container): boolean {
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
