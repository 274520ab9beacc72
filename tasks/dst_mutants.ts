/**
 * Shows that the simulation of the core finds bugs: plants each of `lib/dst/mutants` in a copy of the project and runs seeds there until one
 * fails. `deno run -A tasks/dst_mutants.ts --help`.
 *
 * @module
 */

import { Command } from "commander";
import { mutants } from "../lib/dst/mutants/catalog.ts";
import { describeError } from "../lib/errors.ts";
import { formatDuration } from "../sim/units.ts";
import { note, say } from "./console.ts";
import { type Hunt, HuntingGround } from "./dst_mutants_hunt.ts";
import { describeFinding, judgeHunts, renderHunts, renderList } from "./dst_mutants_report.ts";
import { exitCodes } from "./exit_codes.ts";

interface RawOptions {
  readonly only: readonly string[];
  readonly maxSeeds: string;
  readonly controlSeeds: string;
  readonly shrink?: boolean;
  readonly shrinkTime: string;
  readonly out?: string;
  readonly list?: boolean;
}

const root = new URL("..", import.meta.url).pathname;

async function main(raw: RawOptions): Promise<number> {
  const unknown = raw.only.filter((wanted) => mutants.every(({ name }) => name !== wanted));
  const maxSeeds = Number(raw.maxSeeds);
  const controlSeeds = Number(raw.controlSeeds);
  if (unknown.length > 0 || !(maxSeeds >= 1) || !(controlSeeds >= 0)) {
    note(`bad input: ${unknown.map((name) => `no mutant ${name}`).join(", ") || "--*-seeds"}`);
    return exitCodes.badInput;
  }
  const named = mutants.filter(({ name }) => raw.only.length === 0 || raw.only.includes(name));
  if (raw.list) {
    for (const line of renderList(named)) say(line);
    return exitCodes.pass;
  }
  // What a second line of defence makes up for is hunted only by whoever asks for it.
  const chosen = named.filter(({ masked }) => masked === undefined || raw.only.length > 0);
  const startMs = performance.now();
  await using ground = await HuntingGround.open(root);
  const sick = controlSeeds === 0 ? undefined : await ground.control(controlSeeds);
  say(
    `without a bug: ${sick === undefined ? `${controlSeeds} seeds pass` : describeFinding(sick)}`,
  );
  const hunts: Hunt[] = [];
  const options = { maxSeeds, shrinkTime: raw.shrink ? raw.shrinkTime : undefined };
  for (const mutant of chosen) {
    const hunt = await ground.hunt(mutant, options);
    hunts.push(hunt);
    const took = formatDuration(hunt.elapsedMs);
    say(
      `${hunts.length}/${chosen.length} ${mutant.name}: ${describeFinding(hunt.found)} (${took})`,
    );
  }
  const { lines, isGood } = judgeHunts(hunts, maxSeeds);
  for (const line of ["", ...renderHunts(hunts), "", ...lines]) say(line);
  say(`took ${formatDuration(performance.now() - startMs)}`);
  if (raw.out !== undefined) await Deno.writeTextFile(raw.out, JSON.stringify(hunts, null, 2));
  return isGood && sick === undefined ? exitCodes.pass : exitCodes.fail;
}

if (import.meta.main) {
  await new Command("dst_mutants")
    .description("Plant bugs in copies of the project, and see how soon the simulation finds each.")
    .option("--only <name>", "only this one; may be given again", collect, [])
    .option("--list", "show the bugs")
    .option("--max-seeds <number>", "give up on a bug after so many seeds", "1000")
    .option("--control-seeds <number>", "so many seeds must pass without a bug first", "50")
    .option("--shrink", "make each failing plan as small as it can be")
    .option("--shrink-time <duration>", "how long that may take for each", "60s")
    .option("--out <file>", "where everything goes as JSON, too")
    .action(async (raw: RawOptions) => {
      try {
        Deno.exitCode = await main(raw);
      } catch (error) {
        note(describeError(error));
        Deno.exitCode = exitCodes.unknown;
      }
    })
    .parseAsync(["deno", "dst_mutants", ...Deno.args]);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
