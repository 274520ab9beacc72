/**
 * "Did you mean …?"
 *
 * @module
 */

/**
 * Finds the word that was probably meant.
 *
 * @param word what was written
 * @param candidates what there is
 * @returns the closest candidate, upper and lower case alike, or undefined if all differ in more than two letters, or in more
 *   than a third of the word
 */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  const most = Math.min(2, Math.floor(word.length / 3));
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= most && (best === undefined || distance < best.distance)) {
      best = { candidate, distance };
    }
  }
  return best?.candidate;
}

/** Letters to insert, delete or replace to make one text the other (Levenshtein), one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
