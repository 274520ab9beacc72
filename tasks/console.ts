// deno-lint-ignore-file no-console -- the one place where the command-line programs speak.
/**
 * What the command-line programs say, and where.
 *
 * @module
 */

/**
 * Says a result: a line on standard output.
 *
 * @param line the line
 */
export function say(line: string): void {
  console.log(line);
}

/**
 * Says something about the work: a line on standard error, so that results can be piped.
 *
 * @param line the line
 */
export function note(line: string): void {
  console.error(line);
}
