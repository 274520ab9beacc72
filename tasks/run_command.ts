/**
 * Runs another program to its end, with a limit on its time.
 *
 * @module
 */

import { describeError, PartiError } from "../lib/errors.ts";

/** How to run a program. */
export interface RunOptions {
  /** Where to run it. */
  readonly cwd?: string;
  /** More environment variables. */
  readonly env?: Record<string, string>;
  /** When to kill it. */
  readonly timeoutMs?: number;
}

/** What a program said. */
export interface RunResult {
  /** Its exit code. */
  readonly code: number;
  /** Its standard output. */
  readonly stdout: string;
  /** Its standard error. */
  readonly stderr: string;
}

const defaultTimeoutMs = 60_000;
const busyTries = 20;
const busyPollMs = 10;

/**
 * Runs a program and collects what it says. A program that fails is a result; one that cannot be run or that takes
 * too long is an error.
 *
 * @param program its name or path
 * @param args its arguments
 * @param options where, and for how long
 * @returns exit code and output
 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  for (let i = 1;; i++) {
    try {
      return await runOnce(program, args, options);
    } catch (error) {
      if (error instanceof PartiError) throw error;
      if (error instanceof Deno.errors.NotFound) {
        throw new PartiError("PARTI_NOT_FOUND", `there is no program ${program}`, {
          value: program,
        });
      }
      // A program that was just written: another thread has forked while it was open, and has not yet executed.
      const isBusy = describeError(error).includes("Text file busy");
      if (!isBusy || i === busyTries) throw cannotRun(program, error);
      await new Promise((resolve) => setTimeout(resolve, busyPollMs));
    }
  }
}

/**
 * Runs a program that has to succeed.
 *
 * @param program its name or path
 * @param args its arguments
 * @param options where, and for how long
 * @returns its standard output
 */
export async function runOrThrow(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(program, args, options);
  if (code === 0) return stdout;
  // The last lines say what went wrong; the ones before are usually its consequences or progress.
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-3).join(" / ");
  throw new PartiError(
    "PARTI_REFUSED",
    `${program} ${args.at(-1) ?? ""} ended with code ${code}: ${said}`,
  );
}

async function runOnce(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      // Messages are shown to people and to bug reports: one language.
      env: { LC_ALL: "C", ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: stop.signal,
    }).output();
    if (stop.signal.aborted) {
      throw new PartiError("PARTI_TIMEOUT", `${program} took longer than ${timeoutMs} ms`);
    }
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    clearTimeout(timer);
  }
}

function cannotRun(program: string, error: unknown): PartiError {
  return new PartiError("PARTI_NOT_FOUND", `${program} cannot be run: ${describeError(error)}`, {
    value: program,
    cause: error,
  });
}
