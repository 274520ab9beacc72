/**
 * The `sim` command, and the hidden ones of its child processes.
 *
 * @module
 */
import type { Command } from "commander";
import { say } from "../../tasks/console.ts";
import { FAULT_KINDS } from "../fault/fault.ts";
import type { SimCommandOptions } from "./sim_command.ts";

/**
 * Adds the simulation's commands to the program. Their code is loaded when they run: a simulation starts this program a
 * dozen times.
 *
 * @param program the command-line program
 */
export function registerSim(program: Command): void {
  const sim = program.command("sim")
    .description("Run the live simulation and give a verdict.")
    .option("--config <file>", "the configuration (default: the built-in configs/quick.yaml)")
    .option("--mode <mode>", "all-in-one, or a part of a run: coordinator, producer, worker")
    .option("--duration <duration>", "how long the load lasts, such as 60s or 8h")
    .option("--seed <number>", "all chances of the run follow from it; a fresh one if left out")
    .option("--out <folder>", "where report.html, report.json and all other files go")
    .option("--set <key=value>", "set a configuration key; may be given again", collect, [])
    .option("--nats-url <url>", "use a running nats-server instead of an own one")
    .option("--dry-run", "print the effective configuration and the chaos plan, and run nothing")
    .option("--resume [folder]", "go on with a run that was cut off, by its last checkpoint")
    .option("--log-format <format>", "text, or json: one object a line")
    .option("--fault <kind>", `plant a defect: ${FAULT_KINDS.join(", ")}`)
    .addHelpText(
      "after",
      `
Examples:
  parti sim --set workers.count=4 --set partitions.count=50
  parti sim --config configs/dev.yaml --duration 10m --out out/dev
  parti sim --config configs/dev.yaml --seed 7 --dry-run
  parti sim --set 'thresholds.recoveryMs.p99=< 1000'
  parti sim --set checkpointing.enabled=true    a run that can be resumed
  parti sim --resume                            go on with the last such run
  parti sim --fault lose          must end with exit code 1 and "lost"
  parti sim report out/dev        the pages and tables of a run once more
  parti sim compare out/a out/b   two runs side by side

Processes by hand, in any order, on any host that reaches the server (README of sim/host):
  parti sim --config my.yaml --mode coordinator
  PRODUCER_ID=0-9 parti sim --config my.yaml
  WORKER_ID=worker-0 parti sim --config my.yaml

Exit codes: 0 pass, 1 fail, 2 could not verify, 3 bad input.
`,
    )
    .action(async (options: SimCommandOptions) => {
      const { runSim } = await import("./sim_command.ts");
      Deno.exitCode = await runSim(options);
    });
  registerEnded(sim);
  // The simulation's name is for whoever looks at processes.
  program.command("sim-coordinator <name>", { hidden: true })
    .action(async () => {
      const { runCoordinator } = await import("./coordinator_command.ts");
      Deno.exitCode = await runCoordinator();
    });
  program.command("sim-producer <spec>", { hidden: true })
    .action(async (spec: string) => {
      const { runProducer } = await import("../producer/producer_main.ts");
      await runProducer(JSON.parse(spec));
    });
  program.command("sim-worker <spec>", { hidden: true })
    .action(async (spec: string) => {
      const { runWorker } = await import("../worker/worker_main.ts");
      await runWorker(JSON.parse(spec));
    });
}

/** What can be done with runs that have ended. */
function registerEnded(sim: Command): void {
  sim.helpCommand(false);
  sim.command("report <folder>")
    .description("Make report.html, report.junit.xml, chaos.csv and series.csv of a run anew.")
    .addHelpText("after", `\nThey are made of report.json and series.json in the folder.\n`)
    .action(async (folder: string) => {
      const { rebuildReport } = await import("./ended_commands.ts");
      say(await rebuildReport(folder));
    });
  sim.command("compare <a> <b>")
    .description("Print the figures of two runs side by side: folders, or report.json files.")
    .addHelpText(
      "after",
      `
Tells the ratio B/A and which is better, and whether seed and configuration differ.
Exit code 0, whichever is better; 3 if one cannot be read.
`,
    )
    .action(async (a: string, b: string) => {
      const { compareRuns } = await import("./ended_commands.ts");
      for (const line of await compareRuns(a, b)) say(line);
    });
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
