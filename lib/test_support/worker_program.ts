/**
 * A program of the tests that runs as a process of its own: it gets what it is to do as JSON, and says `ready` when it does.
 *
 * @module
 */
import assert from "node:assert/strict";
import { until } from "./rig.ts";

const PERMISSIONS = ["--allow-net=127.0.0.1", "--allow-read", "--allow-env", "--allow-sys"];

/**
 * Starts one. The caller ends it.
 *
 * @param file its file in this folder
 * @param spec what it is to do
 * @param patienceMs how long it may take to be ready, in milliseconds
 * @returns the process, and a function that waits until it is ready and fails if it ends instead
 */
export function startProgram(
  file: string,
  spec: unknown,
  patienceMs: number,
): { readonly child: Deno.ChildProcess; readonly isReady: (name: string) => Promise<void> } {
  const flags = ["--quiet", "--no-check", "--no-prompt", ...PERMISSIONS];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, new URL(file, import.meta.url).href, JSON.stringify(spec)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  return { child, isReady: readinessOf(child, patienceMs) };
}

/**
 * Listens to a process that says `ready`.
 *
 * @param child the process; its output is read to its end
 * @param patienceMs how long it may take to be ready, in milliseconds
 * @returns waits until it is ready, and fails if it ends instead
 */
export function readinessOf(
  child: Deno.ChildProcess,
  patienceMs: number,
): (name: string) => Promise<void> {
  let ended = false;
  void child.status.then(() => ended = true);
  let said = "";
  // To its end: a stream that nobody reads would be left behind.
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) said += decoder.decode(chunk);
  })();
  return async (name) => {
    await until(`${name} is ready`, () => said === "ready\n" || ended, patienceMs);
    assert.equal(said, "ready\n", `${name} came up`);
  };
}

/**
 * Ends one, wherever it is, and waits for its end.
 *
 * @param child the process
 */
export async function endProgram(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
  await child.stdin.close().catch(() => {});
  await child.status;
}
