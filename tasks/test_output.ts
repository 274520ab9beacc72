/**
 * Understands what `deno test` prints.
 *
 * @module
 */

/**
 * Reads the numbers from the last line of `deno test`.
 *
 * @param output its end, without colours
 * @returns the numbers, or nothing if there is no such line
 */
export function countTests(output: string): { passed: number; failed: number } | undefined {
  const summary = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed/gm;
  const last = [...output.matchAll(summary)].at(-1);
  if (!last) return undefined;
  return { passed: Number(last[1]), failed: Number(last[2]) };
}

/**
 * The name of a test that was left out.
 *
 * @param line one line of what `deno test` prints, without colours
 * @returns its file and name; undefined if the line tells of no such test
 */
export function ignoredTest(line: string): string | undefined {
  return /^(.+) \.\.\. ignored \(\d+[a-zµ]+\)$/.exec(line)?.[1];
}

/**
 * Cuts a stream of text into lines.
 *
 * @returns a stream of lines without their ends
 */
export function lineSplitter(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) controller.enqueue(line);
    },
    flush(controller) {
      if (rest !== "") controller.enqueue(rest);
    },
  });
}
