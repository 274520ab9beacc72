/**
 * The `dst` command, and the hidden one of its child processes.
 *
 * @module
 */

import { type Command, Option } from "commander";
import type { RawDstOptions } from "./dst_options.ts";

const MANY = ["seeds", "firstSeed", "time", "untilCovered", "minSeeds", "maxSeeds", "maxFailures"];

/**
 * Adds the commands of the deterministic simulation to the program. Their code is loaded when they run.
 *
 * @param program the command-line program
 */
export function registerDst(program: Command): void {
  program.command("dst")
    .description("Run the deterministic simulation: many seeds, or one again.")
    .option("--workload <name>", "only this one; may be given again (default: all)", collect)
    .option("--suite <name>", "only the workloads of this suite: core, or bus with its five phases")
    .option("--list", "show the workloads and what each asserts")
    .addOption(
      new Option(
        "--seeds <number>",
        "how many seeds of each workload (default: 200, and more until every assertion was reached)",
      )
        .conflicts(["minSeeds", "maxSeeds"]),
    )
    .option("--first-seed <number>", "the first of them (default: 1)")
    .option("--time <duration>", "go on for so long, such as 60s, all workloads together")
    .option("--until-covered", "go on until every assertion was reached")
    .option("--min-seeds <number>", "at least so many (default: 100 with --until-covered)")
    .option("--max-seeds <number>", "at most so many (default: 10000 with --until-covered)")
    .option("--max-failures <number>", "stop after so many failing seeds (default: 10)")
    .option(
      "--allow-misses",
      "what no seed reached is no failure; an always that no seed evaluated is",
    )
    .option("--jobs <number>", "how many processes (default: one per core)")
    .option("--twice", "run each seed twice: both runs must be the same")
    .option("--seed-limit <duration>", "the most real time for one run (default: 2m)")
    .addOption(
      new Option("--seed <number>", "run this one seed").conflicts([...MANY, "plan", "jobs"]),
    )
    .addOption(
      new Option("--plan <file>", "run the plan in this file")
        .conflicts([...MANY, "workload", "jobs"]),
    )
    .option("--trace", "print everything that happens in the run")
    .option("--shrink", "make failing plans as small as they can be")
    .option("--shrink-time <duration>", "how long that may take for each (default: 60s)")
    .option("--out <folder>", "where report.json and failing plans go")
    .option("--registry <module>", "a module that exports `workloads` (default: this project's)")
    .addHelpText(
      "after",
      `
Examples:
  deno task dst                                 200 seeds, and more until all is reached
  deno task dst --suite bus                     the five phases of the message bus
  deno task dst --until-covered --min-seeds 2000
  deno task dst --seeds 200 --twice --allow-misses   as CI does
  deno task dst --workload core --seed 42 --trace
  deno task dst --workload core --seed 42 --shrink --out out/42
  deno task dst --plan out/42/core-42-small.json --trace

Exit codes: 0 pass, 1 a seed failed or an assertion was never reached, 2 could not verify, 3 bad input.
`,
    )
    .action(async (options: RawDstOptions) => {
      const { runDst } = await import("./dst.ts");
      Deno.exitCode = await runDst(options);
    });
  program.command("dst-runner <spec>", { hidden: true })
    .action(async (spec: string) => {
      const { runDstChild } = await import("./dst_runner.ts");
      await runDstChild(JSON.parse(spec));
    });
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
