/**
 * A process that cannot outlive us: a small `sh` stands between this process and the one it guards, holds one end of a
 * pipe, and kills the guarded process when the other end is closed, which the kernel does for us however we die.
 *
 * @module
 */

import { invariant } from "../lib/errors.ts";
import { orIfGone } from "./or_if_gone.ts";

/**
 * The guard. `$1` is the directory to remove in the end (empty: none), `$2` the file for the output, the rest is the
 * command. It says `pid N`, later `exit CODE`, and then still waits: for `keep` (leave the directory to another
 * guard) or for the end of the pipe (remove it).
 *
 * The watcher reads with a builtin, so there is no third process; it is ended by a signal that nobody can ignore, since it may not
 * have begun yet and then still ignores what the guard ignores. SIGPIPE is ignored only after the command was
 * started, because ignored signals are inherited; the guard must get past writing `exit` to a parent that is gone.
 */
const script = `
dir=$1; out=$2; shift 2
exec 3<&0
"$@" </dev/null >>"$out" 2>&1 3<&- &
child=$!
trap '' PIPE INT HUP TERM
echo "pid $child"
( while read -r line <&3; do :; done; kill -9 "$child" ) 2>/dev/null &
watcher=$!
wait "$child"; code=$?
kill -9 "$watcher" 2>/dev/null; wait "$watcher" 2>/dev/null
echo "exit $code" 2>/dev/null
line=
read -r line <&3
[ "$line" = keep ] || [ -z "$dir" ] || rm -rf -- "$dir"
`;

/** What to guard. */
export interface GuardOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The file its output is appended to. */
  readonly outputFile: string;
  /** A directory to remove when the guard ends, unless it was told to {@linkcode Guard.keep} it. */
  readonly removeDir?: string;
}

/** One guarded process. */
export class Guard {
  /** The process ID of the guarded process itself, not of the guard. */
  readonly pid: number;
  /** Resolves with the exit code (128 + n for signal n) once the guarded process has ended. */
  readonly exited: Promise<number>;
  #running = true;
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(
    process: Deno.ChildProcess,
    stdin: WritableStreamDefaultWriter<Uint8Array>,
    pid: number,
    exited: Promise<number>,
  ) {
    this.#process = process;
    this.#stdin = stdin;
    this.pid = pid;
    this.exited = exited.then((code) => {
      this.#running = false;
      return code;
    });
  }

  /**
   * Starts a process under guard.
   *
   * @param options what to start
   * @returns the guard, once the process exists
   */
  static async start(options: GuardOptions): Promise<Guard> {
    // Its own session, so that Ctrl-C in the terminal reaches us alone and we decide the order of things.
    const process = new Deno.Command("sh", {
      args: [
        "-c",
        script,
        "guard",
        options.removeDir ?? "",
        options.outputFile,
        ...options.command,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      detached: true,
    }).spawn();
    const lines = readLines(process.stdout);
    const first = (await lines.next()).value ?? "";
    const pid = Number(/^pid (\d+)$/.exec(first)?.[1]);
    invariant(pid > 0, `the guard said ${JSON.stringify(first)} instead of a process ID`);
    const exited = lines.next().then(async ({ value }) => {
      await lines.return(undefined);
      return Number(/^exit (\d+)$/.exec(value ?? "")?.[1] ?? NaN);
    });
    return new Guard(process, process.stdin.getWriter(), pid, exited);
  }

  /** True until the guarded process has ended. */
  get running(): boolean {
    return this.#running;
  }

  /**
   * Sends a signal to the guarded process; does nothing if it has ended.
   *
   * @param signal the signal
   */
  signal(signal: Deno.Signal): void {
    if (!this.#running) return;
    orIfGone(() => Deno.kill(this.pid, signal), undefined);
  }

  /** Ends the guard of a process that has ended, and leaves the directory alone. */
  async keep(): Promise<void> {
    await this.exited;
    await this.#stdin.write(new TextEncoder().encode("keep\n")).catch(() => {});
    await this.close();
  }

  /** Ends the guard: kills the process if it still runs, and removes the directory. */
  async close(): Promise<void> {
    await this.#stdin.close().catch(() => {});
    await this.exited;
    await this.#process.status;
  }
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
