/**
 * What somebody probably meant who wrote a name that there is not.
 *
 * @module
 */

/**
 * The allowed name that differs least from the given one.
 *
 * @param key what was written
 * @param allowed what may be written
 * @returns the nearest; undefined if none comes near
 */
export function nearest(key: string, allowed: readonly string[]): string | undefined {
  const scored = allowed.map((name) => ({ name, distance: editDistance(key, name) }));
  scored.sort((a, b) => a.distance - b.distance);
  const [best] = scored;
  return best !== undefined && best.distance <= Math.max(2, key.length / 3) ? best.name : undefined;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
