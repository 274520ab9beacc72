/**
 * `deno task compile`: makes one standalone binary of the command-line program.
 *
 * @module
 */

import { note, say } from "./console.ts";
import { exitCodes } from "./exit_codes.ts";
import { runCommand } from "./run_command.ts";

/** What tests replace. */
export interface CompileOptions {
  /** Where the binary goes. */
  readonly output?: string;
  /** More environment variables for the compiler. */
  readonly env?: Record<string, string>;
}

const compileTimeoutMs = 600_000;
const root = new URL("..", import.meta.url).pathname;

/**
 * Compiles the program, with its configs embedded; what the page of a run needs is in its modules.
 *
 * @param options what tests replace
 * @returns what went wrong, in words for people; nothing if it worked
 */
export async function compile(options: CompileOptions = {}): Promise<string | undefined> {
  const { code, stderr } = await runCommand(Deno.execPath(), [
    "compile",
    "--quiet",
    "--no-check",
    "--allow-all",
    "--exclude-unused-npm",
    ...["--include", "configs"],
    ...["--output", options.output ?? "parti"],
    "tasks/parti.ts",
  ], {
    cwd: root,
    timeoutMs: compileTimeoutMs,
    env: { NO_COLOR: "1", ...options.env },
  });
  if (code === 0) return undefined;
  return explainFailure(stderr);
}

/**
 * Says what to do about a compiler that failed.
 *
 * @param stderr what it said
 * @returns the message for people
 */
export function explainFailure(stderr: string): string {
  const url = /request for url \(([^)]+)\)/.exec(stderr)?.[1];
  if (url === undefined) return stderr.trim();
  return `the runtime for compiled programs cannot be downloaded from ${url}\n` +
    "hint: set DENORT_BIN to a local denort of this Deno version " +
    `(${Deno.version.deno}; unpack it from that archive on a machine that can reach it)`;
}

if (import.meta.main) {
  const problem = await compile();
  if (problem === undefined) say("./parti is ready");
  else note(`error: ${problem}`);
  Deno.exit(problem === undefined ? exitCodes.pass : exitCodes.badInput);
}
