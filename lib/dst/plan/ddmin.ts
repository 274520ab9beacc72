/**
 * Delta debugging (Zeller and Hildebrandt's ddmin): the part of a list that is needed for something to happen.
 *
 * @module
 */

/**
 * Makes a list smaller while something still happens. What remains is 1-minimal, given an honest and unlimited `happens`: without any
 * one of its elements it no longer happens.
 *
 * @param items a list with which it happens
 * @param happens tells whether it happens with a part of the list; false also ends a search that has used up its budget
 * @returns the part that remains, in the list's order
 */
export async function ddmin<T>(
  items: readonly T[],
  happens: (part: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  if (items.length === 0 || await happens([])) return [];
  let current = items;
  let chunks = 2;
  while (current.length >= 2) {
    const smaller = await reduce(current, chunks, happens);
    if (smaller !== undefined) {
      current = smaller.items;
      chunks = Math.min(smaller.chunks, current.length);
    } else if (chunks >= current.length) {
      break;
    } else {
      chunks = Math.min(2 * chunks, current.length);
    }
  }
  return current;
}

/** With more chunks than this none is tried alone: it takes as many runs again, and hardly ever enough is in one of many. */
const FEW_CHUNKS = 16;

/** One chunk alone, if they are few; then all but one. */
async function reduce<T>(
  items: readonly T[],
  chunks: number,
  happens: (part: readonly T[]) => Promise<boolean>,
): Promise<{ items: readonly T[]; chunks: number } | undefined> {
  const bounds = Array.from({ length: chunks }, (_, index) => ({
    from: Math.floor(index * items.length / chunks),
    to: Math.floor((index + 1) * items.length / chunks),
  }));
  for (const { from, to } of chunks <= FEW_CHUNKS ? bounds : []) {
    const part = items.slice(from, to);
    if (await happens(part)) return { items: part, chunks: 2 };
  }
  for (const { from, to } of bounds) {
    const part = [...items.slice(0, from), ...items.slice(to)];
    if (await happens(part)) return { items: part, chunks: Math.max(2, chunks - 1) };
  }
  return undefined;
}
