/**
 * The `stress` command, and the hidden ones of its child processes.
 *
 * @module
 */
import type { Command } from "commander";
import { PartiError } from "../lib/errors.ts";
import { FAULTS } from "./case.ts";
import type { BaselineOptions } from "./run/ended_commands.ts";
import type { StressOptions } from "./run/stress_command.ts";

/**
 * Adds the commands of the stress suite to the program. Their code is loaded when they run.
 *
 * @param program the command-line program
 */
export function registerStress(program: Command): void {
  const stress = program.command("stress")
    .description("Measure memory, scale and speed, and say whether they are as they should be.")
    .option("--only <name>", "a group, a case or a law; may be given again (default: all)", collect)
    .option("--quick", "a sanity check of less than a minute")
    .option("--list", "show the cases, their figures and laws, and run nothing")
    .option("--out <folder>", "where stress.html and stress.json go (default: out/stress)")
    .option("--repeat <number>", "how often each case is run (default: each as often as it says)")
    .option("--seed <number>", "the order of the cases and the chances in them follow from it")
    .option("--duration <duration>", "how long the leak run goes on (default: 10m, --quick 12s)")
    .option("--fault <kind>", `plant a defect: ${FAULTS.join(", ")}`)
    .option("--registry <module>", "a module with another `catalog` (default: this project's)")
    .addHelpText(
      "after",
      `
Examples:
  deno task stress                              all of it, about two hours
  deno task stress --quick                      does it work at all?
  deno task stress --only memory --only leak --duration 1h
  deno task stress --only memory/10w-500p --repeat 9
  deno task stress --only scale/start-by-workers    the cases that this law is read out of
  deno task stress baseline                     the last result is the baseline of this machine
  deno task stress compare                      the last result against it
  deno task stress --fault memory               must then fail in \`compare\`

How long, about: memory a quarter of an hour, scale an hour (each of its sixty runs looks at a group
at rest for 36 s), speed twenty minutes (drain six of them), leak ten minutes or --duration; --quick
less than a minute. With --repeat as often. Other work beside makes times longer, and durations that
are not judged. What is measured is written after each process.

Each case runs in a process of its own beside a nats-server of its own.
What is measured and how: stress/README.md.

Exit codes: 0 pass, 1 a bound is missed or something is wrong, 2 could not verify, 3 bad input.
`,
    )
    .action(async (options: StressOptions) => {
      const { runStress } = await import("./run/stress_command.ts");
      Deno.exitCode = await runStress(options);
    });
  registerEnded(stress);
  registerChildren(program);
  registerWorker(program);
}

function registerEnded(stress: Command): void {
  stress.helpCommand(false);
  stress.command("baseline [result]")
    .description("Save a result as the baseline to compare with (default: the last whole one).")
    .option("--name <name>", "what to call it (default: after the machine, for a whole run only)")
    .option("--dir <folder>", "where baselines are (default: stress/baselines)")
    .option("--anyway", "although a case found something wrong, or the machine had too much to do")
    .action(async (result: string | undefined, options: BaselineOptions, command: Command) => {
      checkNoneOfRun(command);
      const { runBaseline } = await import("./run/ended_commands.ts");
      Deno.exitCode = await runBaseline(result, options);
    });
  stress.command("compare [baseline] [result]")
    .description("Tell what has changed since a baseline, beyond the noise.")
    .option("--dir <folder>", "where baselines are (default: stress/baselines)")
    .addHelpText(
      "after",
      `
The baseline is a file or a name in stress/baselines (default: the one of this machine); the result
is a folder or a file (default: out/stress).

Exit codes: 0 nothing is worse than is tolerated; 1 memory has grown by more than 10 %, or something
takes more than 50 % longer, beyond the noise of both; 2 that could not be found out: another
machine, a case that was asked for and is missing, too few repetitions, durations of a case during
which the machine had too much to do (a load average of more than twice its processors, on either
side); 3 bad input. After a run with --only the cases that were not asked for are a note.
`,
    )
    .action(
      async (
        baseline: string | undefined,
        result: string | undefined,
        { dir }: { readonly dir?: string },
        command: Command,
      ) => {
        checkNoneOfRun(command);
        const { runCompare } = await import("./run/ended_commands.ts");
        Deno.exitCode = await runCompare(baseline, result, dir);
      },
    );
}

/** The options of `stress` are understood wherever they stand: who names a folder by one would have another folder judged. */
function checkNoneOfRun(command: Command): void {
  const [name] = Object.keys(command.parent?.opts() ?? {});
  if (name === undefined) return;
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `--${name} is an option of a run, and does nothing in \`${command.name()}\``,
    { value: name, hint: "the folder or file of a result is named without an option; see --help" },
  );
}

function registerChildren(program: Command): void {
  program.command("stress-case <spec>", { hidden: true })
    .action(async (spec: string) => {
      const { runCaseChild } = await import("./child/child_main.ts");
      await runCaseChild(JSON.parse(spec));
    });
  program.command("stress-subject <spec>", { hidden: true })
    .action(async (spec: string) => {
      const { runSubject } = await import("./memory/subject.ts");
      await runSubject(JSON.parse(spec));
    });
  program.command("stress-load <spec>", { hidden: true })
    .action(async (spec: string) => {
      const { runLoad } = await import("./ground/load.ts");
      await runLoad(JSON.parse(spec));
      Deno.exit(0);
    });
}

function registerWorker(program: Command): void {
  program.command("stress-worker <spec>", { hidden: true })
    .action(async (spec: string) => {
      const { runGroupWorker } = await import("../lib/test_support/group_worker.ts");
      await runGroupWorker(JSON.parse(spec));
      // The program ends with its command; a worker goes on until it is killed.
      await new Promise(() => {});
    });
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
