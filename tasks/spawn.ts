/**
 * How this program starts itself: as another process from source, or as the same compiled binary.
 *
 * @module
 */

/** How to start the child. */
export interface SpawnSelfOptions {
  /**
   * Deno's permission flags for the child, the fewest it needs, such as `["--allow-net=127.0.0.1"]`. A compiled binary
   * has the permissions it was compiled with; they do nothing there.
   */
  readonly permissions?: readonly string[];
  /** More environment variables. The child needs `--allow-env` to read them. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * From source, the module that is run instead of the whole program, with the same arguments: nothing else is loaded. A compiled binary
   * has the command of that name.
   */
  readonly module?: string;
  /** Where to run it. */
  readonly cwd?: string;
  /** Whether it begins a process group of its own, which has its number and in which all that it starts is: so they can be ended together. */
  readonly ownGroup?: boolean;
  /**
   * The child's standard input. With `"piped"`, the default, a child that calls {@linkcode exitWhenParentDies} ends
   * when this process does, and the pipe can also carry lines to it.
   */
  readonly stdin?: "piped" | "null";
  /** The child's standard output. */
  readonly stdout?: "piped" | "inherit" | "null";
  /** The child's standard error. */
  readonly stderr?: "piped" | "inherit" | "null";
}

/**
 * Starts this program as a child process. This is the only place that knows how.
 *
 * @param args the subcommand and its arguments
 * @param options permissions, environment, standard streams
 * @returns the running process
 */
export function spawnSelf(
  args: readonly string[],
  options: SpawnSelfOptions = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: selfArguments(args, options.permissions ?? [], Deno.build.standalone, options.module),
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.ownGroup === true ? { detached: true } : {}),
    stdin: options.stdin ?? "piped",
    stdout: options.stdout ?? "inherit",
    stderr: options.stderr ?? "inherit",
  }).spawn();
}

/**
 * The arguments that make Deno, or the compiled binary, run this program.
 *
 * @param args the subcommand and its arguments
 * @param permissions Deno's permission flags
 * @param standalone whether this is the compiled binary
 * @param module from source, the module to run instead of the program
 * @returns everything after the program's name
 */
export function selfArguments(
  args: readonly string[],
  permissions: readonly string[],
  standalone: boolean = Deno.build.standalone,
  module: string = new URL("parti.ts", import.meta.url).href,
): string[] {
  if (standalone) return [...args];
  // The types are checked by `deno task check`, not by every worker that starts.
  const flags = ["--quiet", "--no-check", "--no-prompt", ...permissions];
  return ["run", ...flags, module, ...args];
}

/** How a child listens to its parent. */
export interface ParentOptions {
  /** Called with each line that the parent writes. */
  readonly onLine?: (line: string) => void;
  /** Called before the end, for what must not wait. By default nothing. */
  readonly onParentDeath?: () => void;
}

/**
 * Ends this process as soon as its parent is gone: reads standard input until its end, which the kernel brings about
 * however the parent ends. For children started with {@linkcode spawnSelf}. It keeps the process running until then,
 * so a child that is done says so with `Deno.exit`.
 *
 * @param options what else to do
 */
export function exitWhenParentDies(options: ParentOptions = {}): void {
  readToTheEnd(options.onLine ?? (() => {})).catch(() => {}).then(() => {
    options.onParentDeath?.();
    Deno.exit(orphanExitCode);
  });
}

/** The exit code of a child whose parent is gone, should anybody be there to see it. */
export const orphanExitCode = 2;

async function readToTheEnd(onLine: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
}
