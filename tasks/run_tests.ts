/**
 * `deno task test`: every check and every test, with a nats-server that is found or fetched once. Its last line is
 * `N passed, N failed`.
 *
 * With arguments it runs only the tests that they name: `deno task test lib/assignment --filter planner`.
 *
 * @module
 */

import { checkRepository } from "./check_texts.ts";
import { note, say } from "./console.ts";
import { describeError } from "../lib/errors.ts";
import { countTests, ignoredTest, lineSplitter } from "./test_output.ts";
import { findLeftovers } from "./leftovers.ts";
import { provideTestServers } from "./test_servers.ts";

/** How many passed and failed. */
export interface Tally {
  /** What went well. */
  readonly passed: number;
  /** What did not. */
  readonly failed: number;
  /** Tests that were left out, by name: what they need is not there. */
  readonly ignored?: readonly string[];
}

const root = new URL("..", import.meta.url).pathname;
const passed: Tally = { passed: 1, failed: 0 };
const failed: Tally = { passed: 0, failed: 1 };

/**
 * Planted bugs that few seeds find, most of them by another promise or detector. That the simulation passes means nothing if it no longer finds them.
 */
const HUNTED_BUGS = [
  ...["epoch-not-raised", "two-owners", "acked-at-start", "output-not-fenced"],
  ...["hash-by-history", "lease-not-given-back"],
  ...["pending-leaked-on-timeout", "registered-by-put", "two-turns-at-once"],
];
/** Some more seeds than the slowest of them needs, since each change of the library has other seeds find them. */
const HUNTED_SEEDS = 100;

/** One step: its name, and what it does. */
interface Step {
  readonly name: string;
  readonly run: () => Promise<Tally>;
}

/** Runs all steps, also after one has failed: the person who reads this wants to know everything at once. */
async function runSteps(steps: readonly Step[]): Promise<Required<Tally>> {
  let total: Required<Tally> = { passed: 0, failed: 0, ignored: [] };
  for (const [index, { name, run }] of steps.entries()) {
    say(`\n[${index + 1}/${steps.length}] ${name}`);
    const startMs = performance.now();
    let tally: Tally;
    try {
      tally = await run();
    } catch (error) {
      note(`error: ${describeError(error)}`);
      tally = failed;
    }
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    say(`${tally.failed === 0 ? "ok" : "FAILED"}: ${name} (${seconds} s)`);
    total = {
      passed: total.passed + tally.passed,
      failed: total.failed + tally.failed,
      ignored: [...total.ignored, ...tally.ignored ?? []],
    };
  }
  return total;
}

/** Runs Deno with everything it says shown. */
async function deno(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; output: string; ignored: string[] }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let output = "";
  const ignored: string[] = [];
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(lineSplitter());
  for await (const line of lines) {
    say(line);
    const left = ignoredTest(line);
    if (left !== undefined) ignored.push(left);
    output = (output + line + "\n").slice(-10_000);
  }
  return { code: (await child.status).code, output, ignored };
}

/** A step that is one call of Deno. */
function check(name: string, args: readonly string[]): Step {
  return { name, run: async () => (await deno(args)).code === 0 ? passed : failed };
}

async function provideServers(env: Record<string, string>): Promise<Tally> {
  Object.assign(env, await provideTestServers());
  return passed;
}

async function runTests(
  args: readonly string[],
  env: Record<string, string>,
): Promise<Tally> {
  const { code, output, ignored } = await deno(
    ["test", "--allow-all", "--sanitize-ops", "--sanitize-resources", "--parallel", ...args],
    env,
  );
  const counted = countTests(output);
  // No last line means that nothing was run: types that do not check, or a crash.
  if (code !== 0 && (counted === undefined || counted.failed === 0)) return failed;
  return { ...counted ?? failed, ignored };
}

async function checkTexts(): Promise<Tally> {
  const findings = await checkRepository(root);
  for (const { file, line, what } of findings) say(`${file}:${line}: ${what}`);
  return findings.length === 0 ? passed : failed;
}

async function checkLeftovers(dir: string): Promise<Tally> {
  const leftovers = await findLeftovers(dir);
  for (const leftover of leftovers) say(`left behind: ${leftover}`);
  return leftovers.length === 0 ? passed : failed;
}

async function entryPoints(): Promise<string[]> {
  const config = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  return Object.values(config.exports as Record<string, string>);
}

async function main(args: readonly string[]): Promise<number> {
  // All temporary files of the tests go here, so that it can be seen what they leave.
  const temp = await Deno.makeTempDir({ prefix: "parti-test-" });
  const env: Record<string, string> = { TMPDIR: temp };
  const servers: Step = { name: "a nats-server", run: () => provideServers(env) };
  const leftovers: Step = { name: "nothing left behind", run: () => checkLeftovers(temp) };
  const tests = (...which: string[]): Step => ({
    name: "tests",
    run: () => runTests(which, env),
  });
  const all: Step[] = [
    servers,
    check("format", ["fmt", "--check"]),
    check("lint, with the ports rule", ["lint"]),
    check("types", ["check", "."]),
    { name: "no addresses, no machine's paths", run: checkTexts },
    tests("--doc"),
    leftovers,
    check("200 seeds of the simulated group, each twice", [
      ...["run", "--quiet", "--allow-all", "tasks/parti.ts", "dst", "--workload", "core"],
      ...["--seeds", "200", "--twice", "--allow-misses"],
    ]),
    check("50 seeds of each phase of the simulated bus, each twice", [
      ...["run", "--quiet", "--allow-all", "tasks/parti.ts", "dst", "--suite", "bus"],
      ...["--seeds", "50", "--twice", "--allow-misses"],
    ]),
    check(`${HUNTED_BUGS.length} planted bugs, found by the simulation`, [
      ...["run", "--quiet", "--allow-all", "tasks/dst_mutants.ts", "--control-seeds", "0"],
      ...["--max-seeds", `${HUNTED_SEEDS}`, ...HUNTED_BUGS.flatMap((name) => ["--only", name])],
    ]),
    check("documentation", ["doc", "--lint", ...await entryPoints()]),
    check("package", ["publish", "--dry-run", "--allow-dirty"]),
  ];
  try {
    const total = await runSteps(args.length === 0 ? all : [servers, tests(...args), leftovers]);
    // Who reads only the end must not take what was left out for passed.
    for (const name of total.ignored) say(`left out: ${name}`);
    say(`\n${total.passed} passed, ${total.failed} failed`);
    return total.failed === 0 ? 0 : 1;
  } finally {
    await Deno.remove(temp, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
