/**
 * The `sim` command, and the hidden ones of its child processes.
 *
 * @module
 */
import type { Command } from "commander";
import { FAULT_KINDS } from "../fault/fault.ts";
import type { SimCommandOptions } from "./sim_command.ts";

/**
 * Adds the simulation's commands to the program. Their code is loaded when they run: a simulation starts this program a
 * dozen times.
 *
 * @param program the command-line program
 */
export function registerSim(program: Command): void {
  program.command("sim")
    .description("Run the live simulation and give a verdict.")
    .option("--config <file>", "the configuration (default: the built-in configs/quick.yaml)")
    .option("--mode <mode>", "all-in-one, or a part of a run: coordinator, producer, worker")
    .option("--duration <duration>", "how long the load lasts, such as 60s or 8h")
    .option("--seed <number>", "all chances of the run follow from it; a fresh one if left out")
    .option("--out <folder>", "where report.json and chaos-plan.json go")
    .option("--set <key=value>", "set a configuration key; may be given again", collect, [])
    .option("--nats-url <url>", "use a running nats-server instead of an own one")
    .option("--dry-run", "print the effective configuration and the chaos plan, and run nothing")
    .option("--resume [folder]", "go on with a run that was cut off, by its last checkpoint")
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

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
