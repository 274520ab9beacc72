/**
 * Which subjects a pattern matches, prepared once for many questions: a server asks it for every message and every subscription.
 *
 * @module
 */

/** Tells whether a subject is matched. */
export type SubjectMatcher = (subject: string) => boolean;

/**
 * Whether a subject has wildcards.
 *
 * @param subject a subject or pattern
 * @returns true if a token of it is `*` or `>`
 */
export function isPattern(subject: string): boolean {
  return subject.split(".").some((token) => token === "*" || token === ">");
}

/**
 * Prepares a pattern.
 *
 * @param pattern a subject; a token `*` stands for one token, and `>` at the end for one or more
 * @returns the question whether a subject, which has no wildcards, is matched
 */
export function subjectMatcher(pattern: string): SubjectMatcher {
  if (!isPattern(pattern)) return (subject) => subject === pattern;
  const tokens = pattern.split(".");
  const last = tokens.at(-1);
  const stem = tokens.slice(0, -1);
  // Nearly all patterns have their one wildcard at the end, and a comparison of texts is enough for them.
  if (!stem.includes("*")) {
    const prefix = stem.length === 0 ? "" : `${stem.join(".")}.`;
    const isOneToken = last === "*";
    return (subject) =>
      subject.length > prefix.length && subject.startsWith(prefix) &&
      !(isOneToken && subject.includes(".", prefix.length));
  }
  return (subject) => matchesTokens(tokens, subject.split("."));
}

function matchesTokens(pattern: readonly string[], subject: readonly string[]): boolean {
  for (const [index, token] of pattern.entries()) {
    if (index >= subject.length) return false;
    if (token === ">") return true;
    if (token !== "*" && token !== subject[index]) return false;
  }
  return pattern.length === subject.length;
}
