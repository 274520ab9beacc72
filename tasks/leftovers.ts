/**
 * Finds what tests have left behind: files in their temporary directory, and processes that were started with a path
 * in it.
 *
 * @module
 */

import { runOrThrow } from "./run_command.ts";

const pollMs = 50;
const defaultPatienceMs = 3_000;

/**
 * Looks for leftovers. Guards of killed processes clean up on their own, a moment later: they are given that moment.
 *
 * @param dir the temporary directory of everything that was run
 * @param patienceMs how long to wait for it to be empty
 * @returns one line for each thing left
 */
export async function findLeftovers(
  dir: string,
  patienceMs = defaultPatienceMs,
): Promise<string[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = [...filesIn(dir), ...await processesOf(dir)];
    if (found.length === 0 || performance.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function filesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => `${dir}/${name}`);
}

async function processesOf(dir: string): Promise<string[]> {
  const listing = await runOrThrow("ps", ["-eo", "pid=,args="]);
  return listing.split("\n").map((line) => line.trim()).filter((line) => line.includes(dir));
}
