/**
 * The command-line program `parti`: everything that `deno task …` runs, and every process that those start.
 *
 * Commands for people are shown by `--help`; those for child processes are hidden. A command loads its code only when
 * it is run, because a simulation starts this program a dozen times.
 *
 * @module
 */

import { Command, CommanderError } from "commander";
import { PartiError } from "../lib/errors.ts";
import { note, say } from "./console.ts";
import { exitCodeOf, exitCodes } from "./exit_codes.ts";

const about = `
Proves that parti keeps its promises, on a real nats-server with real processes.`;

const more = `
Examples:
  parti sim                          one minute of work and chaos, then a verdict
  parti sim --seed 42 --out out/42   the same again, with its report in a folder
  parti dst                          the library on a simulated cluster, 200 seeds
  parti stress --quick               memory, scale and speed, measured in less than a minute
  parti bus-demo                     actors on two processes, each of which is killed
  parti nats-server                  which nats-server will be used, fetched if need be

From source, \`deno task sim …\` is \`parti sim …\`.

Exit codes: 0 pass, 1 fail, 2 could not verify, 3 bad input.
`;

/**
 * Runs the program.
 *
 * @param args the arguments after the program's name
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  const verbose = args.includes("--verbose");
  try {
    const program = await buildProgram();
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return exitCodes.badInput;
    }
    await program.parseAsync([...args], { from: "user" });
    return Deno.exitCode;
  } catch (error) {
    return explain(error, verbose);
  }
}

async function buildProgram(): Promise<Command> {
  const program = new Command("parti")
    .description(about.trim())
    .addHelpText("after", more)
    .option("--verbose", "show where an error comes from")
    .exitOverride()
    .showHelpAfterError("Run with --help to see what there is.")
    .configureOutput({
      writeErr: (text) => note(text.trimEnd()),
      // No colours, and so no look at the environment, which a child process may not be allowed.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  addNatsServer(program);
  const { registerSim } = await import("../sim/cli/cli.ts");
  registerSim(program);
  const { registerDst } = await import("./dst_cli.ts");
  registerDst(program);
  const { registerStress } = await import("../stress/cli.ts");
  registerStress(program);
  const { registerBusDemo } = await import("../sim/bus_demo/cli.ts");
  registerBusDemo(program);
  return program;
}

function addNatsServer(program: Command): void {
  program.command("nats-server")
    .description("Find a nats-server, or fetch one into the cache, and print its path and version.")
    .option("--nats-server <path>", "use this one (also PARTI_NATS_SERVER)")
    .option("--version-line <version>", "only such versions, as in 2.10 (also PARTI_NATS_VERSION)")
    .addHelpText(
      "after",
      `
Looks at: the named one, the cache, the PATH, the official release, the distribution's package.
`,
    )
    .action(async (options: { natsServer?: string; versionLine?: string }) => {
      const { ensureNatsServer } = await import("./nats_server.ts");
      const found = await ensureNatsServer({
        binary: options.natsServer,
        versionLine: options.versionLine,
      });
      say(`${found.path} ${found.version}`);
      note(`found by: ${found.source}`);
    });
}

function explain(error: unknown, verbose: boolean): number {
  if (error instanceof CommanderError) {
    // Commander has already said what is wrong, or shown the help that was asked for.
    return error.exitCode === 0 ? exitCodes.pass : exitCodes.badInput;
  }
  note(`error: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof PartiError && error.hint !== undefined) note(`hint: ${error.hint}`);
  if (verbose && error instanceof Error) note(error.stack ?? "");
  else if (!(error instanceof PartiError)) note("hint: --verbose shows where this comes from");
  return exitCodeOf(error);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
