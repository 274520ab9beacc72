/**
 * Stops a process for a while, without ever leaving it stopped: a stopped child cannot notice that its parent is gone,
 * so a small `sh` holds a pipe to us and lets the child go on when we end.
 *
 * @module
 */

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
  const resume = async () => {
    await guard.stdin.close().catch(() => {});
    await reader.cancel();
    await guard.status;
  };
  return { resume, [Symbol.asyncDispose]: resume };
}
