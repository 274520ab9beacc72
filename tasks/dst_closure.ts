/**
 * Checks that nothing of the model of nats-server is believed without having been seen on a real one: runs the model's contract and its
 * differential tests, and seeds of the workload `core`, and compares the branches they execute. `deno run -A tasks/dst_closure.ts --help`.
 *
 * @module
 */

import { Command, CommanderError } from "commander";
import { describeError, PartiError } from "../lib/errors.ts";
import { note, say } from "./console.ts";
import { type Coverage, judgeClosure, renderClosure, type Sources } from "./dst_closure_compare.ts";
import { excuses } from "./dst_closure_excuses.ts";
import { readExecuted } from "./dst_closure_profile.ts";
import { findEmitted, readSource, type Source } from "./dst_closure_source.ts";
import { exitCodeOf, exitCodes, withExitCode } from "./exit_codes.ts";
import { withProgress } from "./progress.ts";
import { runCommand, runOrThrow } from "./run_command.ts";
import { provideTestServers } from "./test_servers.ts";

const root = new URL("..", import.meta.url).pathname;
const MODEL = "lib/dst/nats/";
/** What is run on the model and on real servers. */
const TESTS = ["contract_feed", "contract_kv", "differential_feed", "differential_kv"]
  .map((name) => `${MODEL}${name}_test.ts`);
const SEEDS_MAX = 100_000;
const LIMIT_MS = 1_200_000;
/** How much of a failing test is shown. */
const LAST_LINES = 40;

interface RawOptions {
  readonly seeds: string;
}

async function main(raw: RawOptions): Promise<number> {
  const seeds = Number(raw.seeds);
  if (!Number.isInteger(seeds) || seeds < 1 || seeds > SEEDS_MAX) {
    throw new PartiError("PARTI_INVALID_CONFIG", `--seeds needs 1 to ${SEEDS_MAX}`, {
      value: raw.seeds,
    });
  }
  const env = await provideTestServers();
  const folder = await Deno.makeTempDir({ prefix: "parti-closure-" });
  try {
    const runs = await Promise.allSettled([
      withProgress(`${seeds} seeds of core`, note, () => simulate(`${folder}/seeds`, seeds)),
      withProgress("contract and differential tests", note, () => check(`${folder}/tests`, env)),
    ]);
    // Both have ended before the folder goes.
    const [simulated, checked] = runs.map((run) => {
      if (run.status === "rejected") throw run.reason;
      return run.value;
    });
    const closure = judgeClosure(
      simulated!,
      checked!,
      await readModel(simulated!, checked!),
      excuses,
    );
    for (const line of renderClosure(closure)) say(line);
    const isClosed = closure.open.length === 0 && closure.stale.length === 0;
    return isClosed ? exitCodes.pass : exitCodes.fail;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function simulate(folder: string, seeds: number): Promise<Coverage> {
  const flags = ["--quiet", "--no-check", "--allow-all", `--coverage=${folder}`];
  await deno(["run", ...flags, "tasks/dst_closure_runner.ts", String(seeds)]);
  return await readCoverage(folder);
}

async function check(folder: string, env: Record<string, string>): Promise<Coverage> {
  const flags = ["--no-check", "--allow-all", `--coverage=${folder}`, "--coverage-raw-data-only"];
  const { code, stdout, stderr } = await runCommand(Deno.execPath(), ["test", ...flags, ...TESTS], {
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    timeoutMs: LIMIT_MS,
  });
  if (code !== 0) {
    const tail = (stdout + stderr).trimEnd().split("\n").slice(-LAST_LINES).join("\n");
    throw withExitCode(new Error(`contract or differential tests fail:\n${tail}`), exitCodes.fail);
  }
  return await readCoverage(folder);
}

async function readCoverage(folder: string): Promise<Coverage> {
  const executed = await readExecuted(folder, new URL(`../${MODEL}`, import.meta.url).href);
  if (executed.size === 0) {
    throw new PartiError(
      "PARTI_INVARIANT",
      `nothing of ${MODEL} was executed, or it was not counted`,
    );
  }
  return new Map([...executed].map(([name, of]) => [`${MODEL}${name}`, of]));
}

/** The files that were executed; all others hold nothing but types, or nobody needs them. */
async function readModel(...coverages: readonly Coverage[]): Promise<Sources> {
  const emitted = await findEmitted();
  const sources = new Map<string, Source>();
  const files = new Set(coverages.flatMap((coverage) => [...coverage.keys()]));
  for (const file of [...files].sort()) {
    if (file.endsWith("_test.ts")) continue;
    const source = await readSource(emitted, `${root}${file}`);
    const lengths = coverages.flatMap((coverage) => coverage.get(file)?.length ?? []);
    if (lengths.some((length) => length !== source.script.length)) {
      throw new PartiError("PARTI_INVARIANT", `${file} is not what was run`);
    }
    sources.set(file, source);
  }
  return sources;
}

async function deno(args: readonly string[]): Promise<string> {
  const options = { cwd: root, env: { NO_COLOR: "1" }, timeoutMs: LIMIT_MS };
  try {
    return await runOrThrow(Deno.execPath(), args, options);
  } catch (error) {
    throw withExitCode(error, exitCodes.unknown);
  }
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has already said what is wrong, or shown the help that was asked for.
    return error.exitCode === 0 ? exitCodes.pass : exitCodes.badInput;
  }
  note(describeError(error));
  return exitCodeOf(error);
}

if (import.meta.main) {
  const program = new Command("dst_closure")
    .description(
      "Show what simulations execute of the model of nats-server and its contract does not.",
    )
    .option("--seeds <number>", "how many seeds of the workload core", "200")
    .exitOverride()
    .addHelpText(
      "after",
      `
It takes a minute or two. What is found needs a case in lib/ports/contract that passes on real servers, or an
excuse in tasks/dst_closure_excuses.ts.

Exit codes: 0 nothing found, 1 something was, or a test failed, 2 could not verify, 3 bad input.
`,
    )
    .action(async (raw: RawOptions) => {
      Deno.exitCode = await main(raw);
    });
  try {
    await program.parseAsync(["deno", "dst_closure", ...Deno.args]);
  } catch (error) {
    Deno.exitCode = explain(error);
  }
}
