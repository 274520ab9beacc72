/**
 * Subjects with a place for the partition, such as `orders.{{.PartitionID}}`: what is one, and what it can meet.
 *
 * @module
 */

const PLACEHOLDER = "{{.PartitionID}}";
const SHARD = "{{.Shard}}";
// Stands for the placeholder while a template is split at its dots, because the placeholder has one itself.
const MARK = "\u0000";
// deno-lint-ignore no-control-regex
const TOKEN = /^[^\s.*>{}\u0001-\u001f\u007f]+$/;

/**
 * Counts the places for the partition in a template.
 *
 * @param template a subject in which `{{.PartitionID}}` may occur, and in a sharded feed `{{.Shard}}`
 * @returns how often the first does, or undefined if the template has an empty token, a wildcard, white space or other braces
 */
export function placeholders(template: string): number | undefined {
  if (template.includes(MARK)) return undefined;
  const tokens = template.replaceAll(PLACEHOLDER, MARK).replaceAll(SHARD, "0").split(".");
  if (!tokens.every((token) => TOKEN.test(token))) return undefined;
  return template.split(PLACEHOLDER).length - 1;
}

/**
 * Tells whether a subject made from one template could also come from another one.
 *
 * @param a a template that {@linkcode placeholders} accepts
 * @param b another one
 * @returns false only if no two partitions can make them meet
 */
export function mayMeet(a: string, b: string): boolean {
  return tokensMayMeet(split(a), split(b));
}

/**
 * Tells whether a subject made from a template could be one that a pattern matches.
 *
 * @param template a template that {@linkcode placeholders} accepts
 * @param pattern a subject as a stream or a subscription has it, with `*` and `>`
 * @returns false only if no partition can make it so
 */
export function mayLieUnder(template: string, pattern: string): boolean {
  // What ends in `>` has a token there or more, as a partition's identity has.
  const tokens = pattern.split(".").map((token) => token === ">" ? MARK : token);
  return tokensMayMeet(split(template), tokens);
}

/** A shard's number is taken for any tokens, as a partition's identity is: that errs on the safe side. */
function split(template: string): string[] {
  return template.replaceAll(PLACEHOLDER, MARK).replaceAll(SHARD, MARK).split(".");
}

function tokensMayMeet(a: readonly string[], b: readonly string[]): boolean {
  const [a0, ...aRest] = a;
  const [b0, ...bRest] = b;
  if (a0 === undefined || b0 === undefined) return a0 === b0;
  if (!tokenMayMeet(a0, b0)) return false;
  // A partition's identity is one token or more, so what holds the placeholder may stay while the other side goes on.
  return tokensMayMeet(aRest, bRest) ||
    (a0.includes(MARK) && anyMayFollow(a, bRest)) ||
    (b0.includes(MARK) && anyMayFollow(b, aRest));
}

/** The placeholder at the start of `open` takes the first tokens of `rest`, at least one, whatever they are. */
function anyMayFollow(open: readonly string[], rest: readonly string[]): boolean {
  return rest.some((_, i) => tokensMayMeet(open.slice(1), rest.slice(i + 1)));
}

function tokenMayMeet(a: string, b: string): boolean {
  if (b === "*") return true;
  const [aHead, aTail] = a.split(MARK);
  const [bHead, bTail] = b.split(MARK);
  if (aTail === undefined && bTail === undefined) return a === b;
  // Only the beginnings are compared: a literal end may be that of a later token.
  return aHead!.startsWith(bHead!) && bTail !== undefined ||
    bHead!.startsWith(aHead!) && aTail !== undefined;
}
