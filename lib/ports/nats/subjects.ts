/**
 * Subjects and patterns.
 *
 * @module
 */

function covers(pattern: string, subject: string): boolean {
  const wide = pattern.split(".");
  const narrow = subject.split(".");
  for (const [index, token] of wide.entries()) {
    const other = narrow[index];
    if (other === undefined) return false;
    if (token === ">") return true;
    if (other === ">" || (other === "*" && token !== "*")) return false;
    if (token !== "*" && token !== other) return false;
  }
  return wide.length === narrow.length;
}

/**
 * Whether everything a subject or pattern matches is matched by one of some patterns.
 *
 * @param subject a subject or pattern
 * @param patterns the patterns; none means everything, as for a consumer's filter
 * @returns true if it is
 */
export function coveredBy(subject: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => covers(pattern, subject));
}
