/**
 * Shows that the simulation of the core finds bugs: plants each of `lib/dst/mutants` in a copy of the project and runs seeds there until one
 * fails. `deno run -A tasks/dst_mutants.ts --help`.
 *
 * @module
 */

import { Command } from "commander";
import { mutants } from "../lib/dst/mutants/catalog.ts";
import { isPartiError } from "../lib/errors.ts";
import { formatDuration } from "../sim/config/units.ts";
import { note, say } from "./console.ts";
import { type Hunt, HuntingGround, WORKLOAD_DEFAULT } from "./dst_mutants_hunt.ts";
import { describeFinding, judgeHunts, renderHunts, renderList } from "./dst_mutants_report.ts";
import {
  type RawMutantsOptions,
  readMutantsOptions,
  SHRINK_TIME_DEFAULT,
} from "./dst_mutants_options.ts";
import { exitCodes } from "./exit_codes.ts";

const root = new URL("..", import.meta.url).pathname;

async function main(raw: RawMutantsOptions): Promise<number> {
  const { chosen, listed, maxSeeds, controlSeeds, shrinkTime } = readMutantsOptions(raw, mutants);
  if (raw.list) {
    for (const line of renderList(listed)) say(line);
    return exitCodes.pass;
  }
  const startMs = performance.now();
  await using ground = await HuntingGround.open(root);
  let isSound = true;
  const workloads = new Set(chosen.map(({ workload = WORKLOAD_DEFAULT }) => workload));
  for (const workload of controlSeeds === 0 ? [] : workloads) {
    const sick = await ground.control(workload, controlSeeds);
    isSound &&= sick === undefined;
    const what = sick === undefined ? `${controlSeeds} seeds pass` : describeFinding(sick);
    say(`${workload} without a bug: ${what}`);
  }
  const hunts: Hunt[] = [];
  for (const mutant of chosen) {
    const hunt = await ground.hunt(mutant, { maxSeeds, shrinkTime });
    hunts.push(hunt);
    const took = formatDuration(hunt.elapsedMs);
    say(
      `${hunts.length}/${chosen.length} ${mutant.name}: ${describeFinding(hunt.found)} (${took})`,
    );
  }
  const { lines, isGood } = judgeHunts(hunts, maxSeeds, shrinkTime !== undefined);
  for (const line of ["", ...renderHunts(hunts), "", ...lines]) say(line);
  say(`took ${formatDuration(performance.now() - startMs)}`);
  if (raw.out !== undefined) await Deno.writeTextFile(raw.out, JSON.stringify(hunts, null, 2));
  return isGood && isSound ? exitCodes.pass : exitCodes.fail;
}

if (import.meta.main) {
  await new Command("dst_mutants")
    .description("Plant bugs in copies of the project, and see how soon the simulation finds each.")
    // Commander has said what is wrong, or shown the help that was asked for.
    .exitOverride(({ exitCode }) => Deno.exit(exitCode === 0 ? exitCodes.pass : exitCodes.badInput))
    .option("--only <name>", "only this one; may be given again", collect, [])
    .option("--suite <name>", "only the bugs that this suite is to show: core, or bus")
    .option("--list", "show the bugs")
    .option("--max-seeds <number>", "give up on a bug after so many seeds", "1000")
    .option("--control-seeds <number>", "so many seeds must pass without a bug first", "50")
    .option("--shrink", "make each failing plan as small as it can be")
    .option(
      "--shrink-time <duration>",
      `how long that may take for each (default: ${SHRINK_TIME_DEFAULT})`,
    )
    .option("--out <file>", "where everything goes as JSON, too")
    .action(async (raw: RawMutantsOptions) => {
      try {
        Deno.exitCode = await main(raw);
      } catch (error) {
        note(`error: ${error instanceof Error ? error.message : String(error)}`);
        if (isPartiError(error) && error.hint !== undefined) note(`hint: ${error.hint}`);
        const isMistake = isPartiError(error, "PARTI_INVALID_CONFIG");
        Deno.exitCode = isMistake ? exitCodes.badInput : exitCodes.unknown;
      }
    })
    .parseAsync(["deno", "dst_mutants", ...Deno.args]);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
