/**
 * Stops a process for a while, without ever leaving it stopped: a stopped child cannot notice that its parent is gone,
 * so a small `sh` holds a pipe to us and lets the child go on when we end.
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";
import { orIfGone } from "./or_if_gone.ts";

/** `$1` is the process. It is let go on at a line, or at the end of the pipe. */
const script = `kill -STOP "$1" && echo stopped && read -r _; kill -CONT "$1" 2>/dev/null`;

/** A process that is stopped. */
export interface PausedProcess extends AsyncDisposable {
  /** Lets it go on (SIGCONT). Safe to call twice. */
  resume(): Promise<void>;
}

/**
 * Stops a process where it is (SIGSTOP).
 *
 * @param pid the process
 * @returns how to let it go on, once it is stopped
 */
export async function pauseProcess(pid: number): Promise<PausedProcess> {
  const guard = new Deno.Command("sh", {
    args: ["-c", script, "pause", String(pid)],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    detached: true, // Ctrl-C must not end it before us
  }).spawn();
  // Its word, or the end of its output if there is no such process.
  const reader = guard.stdout.getReader();
  await reader.read();
  waitUntilStopped(pid);
  const resume = async () => {
    await guard.stdin.close().catch(() => {});
    await reader.cancel();
    await guard.status;
  };
  return { resume, [Symbol.asyncDispose]: resume };
}

const stopTimeoutMs = 1_000;

/**
 * Waits until a process to which SIGSTOP was sent has really stopped, in all its threads: the signal is only a request,
 * and a thread on another core goes on for a moment. Blocks, for what is usually less than a millisecond.
 *
 * @param pid the process; one that is gone has stopped, too
 */
export function waitUntilStopped(pid: number): void {
  const deadline = performance.now() + stopTimeoutMs;
  while (!threadStates(pid).every((state) => "TtZX".includes(state))) {
    if (performance.now() > deadline) {
      throw new PartiError("PARTI_TIMEOUT", `process ${pid} did not stop in ${stopTimeoutMs} ms`);
    }
  }
}

function threadStates(pid: number): string[] {
  if (Deno.build.os !== "linux") return [stateByPs(pid)];
  const threads = orIfGone(() => [...Deno.readDirSync(`/proc/${pid}/task`)], []);
  return threads.map(({ name }) => {
    const stat = orIfGone(() => Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`), ") X");
    // After the name, which is in parentheses and may contain some itself.
    return stat.charAt(stat.lastIndexOf(")") + 2);
  });
}

function stateByPs(pid: number): string {
  const args = ["-o", "stat=", "-p", String(pid)];
  const { stdout } = new Deno.Command("ps", { args, stderr: "null" }).outputSync();
  return new TextDecoder().decode(stdout).trim().charAt(0) || "X";
}
