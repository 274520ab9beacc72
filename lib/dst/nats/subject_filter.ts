/**
 * The filter of a consumer, and which subjects get in each other's way.
 *
 * @module
 */
import { isPattern, type SubjectMatcher, subjectMatcher } from "./subject_match.ts";

/** The subjects a consumer reads. */
export class SubjectFilter {
  /** As they were given; none means everything. */
  readonly subjects: readonly string[];
  /** Those without wildcards. */
  readonly exact: ReadonlySet<string>;
  /** Those with wildcards. */
  readonly patterns: readonly string[];
  readonly #matchers: readonly SubjectMatcher[];

  /** @param subjects subjects and patterns; none means everything */
  constructor(subjects: readonly string[]) {
    this.subjects = subjects;
    this.patterns = subjects.filter(isPattern);
    this.exact = new Set(subjects.filter((subject) => !isPattern(subject)));
    this.#matchers = this.patterns.map(subjectMatcher);
  }

  /** Whether it lets everything pass. */
  get isEmpty(): boolean {
    return this.subjects.length === 0;
  }

  /** Whether it is nothing but subjects without wildcards. */
  get isExact(): boolean {
    return !this.isEmpty && this.patterns.length === 0;
  }

  /**
   * Whether a message passes.
   *
   * @param subject its subject
   * @returns true if it does
   */
  matches(subject: string): boolean {
    return this.isEmpty || this.exact.has(subject) ||
      this.#matchers.some((matches) => matches(subject));
  }

  /**
   * Whether there can be a message that passes here and matches a pattern.
   *
   * @param pattern a subject or pattern
   * @returns true if there can
   */
  collides(pattern: string): boolean {
    if (!isPattern(pattern)) return this.matches(pattern);
    return this.isEmpty || this.subjects.some((subject) => subjectsCollide(subject, pattern));
  }
}

/**
 * Whether there can be a subject that both match.
 *
 * @param one a subject or pattern
 * @param other a subject or pattern
 * @returns true if there can
 */
export function subjectsCollide(one: string, other: string): boolean {
  const a = one.split(".");
  const b = other.split(".");
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] === ">" || b[i] === ">") return true;
    if (a[i] !== b[i] && a[i] !== "*" && b[i] !== "*") return false;
  }
  return a.length === b.length;
}
