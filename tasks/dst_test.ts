import assert from "node:assert/strict";
import { SAME_MS } from "./interruptible.ts";
import { TempDir } from "./nats_fakes.ts";
import { spawnSelf } from "./spawn.ts";
import { until } from "./until.ts";

const REGISTRY = "tasks/dst_toys_test.ts";
const cwd = new URL("..", import.meta.url).pathname;

function start(args: readonly string[]): Deno.ChildProcess {
  return spawnSelf(["dst", "--registry", REGISTRY, ...args], {
    permissions: ["--allow-all"],
    env: { NO_COLOR: "1" },
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function dst(...args: string[]) {
  const { code, stdout, stderr } = await start(args).output();
  const decoder = new TextDecoder();
  const result = { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  assert.ok(!(result.stdout + result.stderr).includes("\x1b"), "no colours");
  return result;
}

const toy = (bug: string) => ["--workload", `toy-${bug}`];

Deno.test("what is well passes with exit code 0, on one process and on many alike", async () => {
  const many = await dst(...toy("none"), "--seeds", "60", "--jobs", "3", "--twice");
  assert.equal(many.code, 0, many.stdout + many.stderr);
  assert.match(many.stdout, /^toy-none: 60 seeds in .*\/s\) · .* simulated \(.*× real time\)$/m);
  assert.match(many.stdout, /client states +sometimesEach +pass .* 4 of 4 seen$/m);
  assert.match(many.stdout, /slow write +\d+ of 60 +\d+ +\d+$/m);
  assert.match(many.stdout, /^toy-none: pass$/m);
  const one = await dst(...toy("none"), "--seeds", "60", "--jobs", "1");
  // Everything but the first line, which has the real time, follows from the seeds.
  const figures = (text: string) => text.split("\n").slice(1);
  assert.deepEqual(figures(one.stdout), figures(many.stdout));
});

Deno.test("a defect is found, reported, shrunk, and shown again by each command that is printed", async () => {
  using temp = new TempDir();
  const { code, stdout } = await dst(
    ...[...toy("blind-retry"), "--seeds", "40", "--max-failures", "2", "--shrink"],
    ...["--out", temp.path],
  );
  assert.equal(code, 1);
  assert.match(stdout, /no double update +always +FAIL/);
  assert.match(stdout, /shrunk toy-blind-retry.* to 1 operation and 1 fault, \d+ runs in/);
  const commands = stdout.match(/(?<=^ *deno task dst --registry \S+ ).*/gm) ?? [];
  assert.equal(commands.length, 3, stdout);
  for (const command of [commands[0]!, commands.at(-1)!]) {
    const again = await dst(...command.split(" "));
    assert.equal(again.code, 1, command);
    assert.match(again.stdout, /fail: assertion "no double update" after/);
    assert.match(again.stdout, /^ +\d+\.\d{3} ms {2}client-\d#1 {2}timer$/m, "a trace");
  }
  const report = JSON.parse(await Deno.readTextFile(`${temp.path}/report.json`));
  assert.equal(report.verdict, "fail");
  const [{ failures, assertions }] = report.reports;
  assert.equal(failures.length, 2);
  assert.equal(failures[0].files.length, 2);
  for (const file of failures[0].files) await Deno.stat(file);
  assert.equal(assertions.length, 9);
});

/** What is planted, the options that show it, and what is said about it. */
const failing: [string, string[], RegExp][] = [
  ["blind-put", ["--seeds", "20"], /seed \d+: assertion "no lost update" after .*: 12 increments/],
  ["miss", ["--seeds", "40"], /^toy-miss: fail \(1 assertion not reached\)$/m],
  [
    "miss",
    ["--until-covered", "--max-seeds", "120"],
    /^toy-miss: fail \(1 assertion not reached, and the cap of 120 seeds is reached\)$/m,
  ],
  [
    "miss",
    ["--time", "300ms"],
    /^toy-miss: fail \(\d+ assertions? not reached, and the time is over\)$/m,
  ],
  ["entropy", ["--seeds", "5", "--twice"], /seed 1: divergence "two runs of one seed"/],
  ["salt", ["--seeds", "5", "--twice"], /seed 1: divergence "two processes of one seed" .*: hash/],
  ["deadlock", ["--seeds", "3"], /deadlock "deadlock" after .* these wait: godot/],
  ["livelock", ["--seeds", "3"], /livelock "livelock" after .*no time has passed/],
  ["escape", ["--seeds", "3"], /escape "Date\.now" after .*toy_register_test\.ts/],
  ["rejection", ["--seeds", "3"], /crash "unhandled rejection" after .*nobody handles this/],
  ["exit", ["--seeds", "12"], /seed 5: crash "process" after 0ms: .*exit code 7/],
  ["spin", ["--seeds", "12", "--seed-limit", "2s"], /seed 5: budget "real time" .*more than 2 s/],
];
for (const [bug, args, message] of failing) {
  Deno.test(`planted: ${bug} (${args.join(" ")}) ends with exit code 1 and its name`, async () => {
    const { code, stdout, stderr } = await dst(...toy(bug), ...args);
    assert.equal(code, 1, stdout + stderr);
    assert.match(stdout, message);
    assert.match(stdout, new RegExp(`^toy-${bug}: fail`, "m"));
  });
}

Deno.test("until covered: exit code 0 as soon as everything was reached", async () => {
  const args = ["--until-covered", "--min-seeds", "20", "--max-seeds", "2000"];
  const { code, stdout } = await dst(...toy("none"), ...args);
  assert.equal(code, 0, stdout);
  assert.ok(Number(/^toy-none: (\d+) seeds/.exec(stdout)?.[1]) < 2_000);
});

Deno.test("one miss is no failure if misses are allowed", async () => {
  assert.equal((await dst(...toy("miss"), "--seeds", "40", "--allow-misses")).code, 0);
});

Deno.test("one seed: its plan, its trace, its verdict", async () => {
  const good = await dst(...toy("none"), "--seed", "3", "--twice");
  assert.equal(good.code, 0);
  assert.match(good.stdout, /^plan for toy-none, seed 3: 12 operations, 3 faults$/m);
  assert.match(good.stdout, /hash [0-9a-f]{16}\ntoy-none, seed 3: pass$/m);
  const bad = await dst(...toy("exit"), "--seed", "5");
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /toy-exit, seed 5: fail: crash "process"/);
  const other = await dst(...toy("salt"), "--seed", "3", "--twice");
  assert.equal(other.code, 1);
  assert.match(other.stdout, /toy-salt, seed 3: fail: divergence "two processes of one seed"/);
});

const mistakes: [string[], RegExp][] = [
  [["--seeds", "many"], /^error: --seeds needs a whole number/],
  [
    ["--seed", "1"],
    /^error: --seed needs to know which workload\nhint: name one with --workload: /,
  ],
  [["--workload", "toy"], /^error: there is no workload "toy"\nhint: there are: toy-none, /],
  [["--seed", "1", "--seeds", "2"], /^error: option '--seed <number>' cannot be used with/],
  [
    ["--plan", "no/such.json"],
    /^error: cannot read the plan no\/such\.json: there is no such file/,
  ],
  [["--plan", "deno.json"], /^error: deno\.json is not a plan: version must be 1/],
  [["--registry", "mod.ts"], /^error: mod\.ts exports no list of workloads/],
  [
    ["--registry", "nowhere.ts"],
    /^error: cannot load nowhere\.ts: there is no such file\nhint: paths start from \//,
  ],
  [["--registry", "deno.lock"], /^error: cannot load deno\.lock: /],
  [["--until"], /^error: unknown option '--until'/],
];
for (const [args, message] of mistakes) {
  Deno.test(`a mistake is one clear message and exit code 3: dst ${args.join(" ")}`, async () => {
    const { code, stdout, stderr } = await dst(...args);
    assert.equal(code, 3, stdout + stderr);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.ok(stderr.split("\n").length <= 4, stderr);
    assert.doesNotMatch(stderr, /^ {4}at /m, "no stack trace");
  });
}

Deno.test("a torn plan is a mistake, and so is one of an unknown workload", async () => {
  using temp = new TempDir();
  assert.equal((await dst(...toy("blind-put"), "--seed", "1", "--out", temp.path)).code, 1);
  const file = `${temp.path}/toy-blind-put-1.json`;
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.slice(0, 200));
  const torn = await dst("--plan", file);
  assert.equal(torn.code, 3);
  assert.match(torn.stderr, /is not a plan: it ends in the middle\n/);
  await Deno.writeTextFile(file, text.replace("toy-blind-put", "gone"));
  const gone = await dst("--plan", file);
  assert.equal(gone.code, 3);
  assert.match(gone.stderr, /there is no workload "gone"/);
});

Deno.test("--list teaches", async () => {
  const { code, stdout } = await dst("--list", ...toy("none"));
  assert.equal(code, 0);
  assert.match(stdout, /^toy-none: clients increment a register/);
  assert.match(stdout, /^ {2}sometimes {2}conflict: a compare-and-set loses/m);
});

Deno.test("Ctrl-C ends it with what it knows and exit code 2", async () => {
  const child = start([...toy("none"), "--time", "10m"]);
  const errors = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  // After two seconds it says how far it is.
  const { value } = await errors.read();
  assert.match(value ?? "", /^toy-none: \d+ seeds in /);
  child.kill("SIGINT");
  const [{ code }, stdout] = await Promise.all([
    child.status,
    new Response(child.stdout).text(),
    (async () => {
      while (!(await errors.read()).done);
    })(),
  ]);
  assert.equal(code, 2);
  assert.match(stdout, /^toy-none: unknown \(interrupted\)$/m);
});

Deno.test("SIGTERM to the whole process group fails no seed", async () => {
  const child = start([...toy("none"), "--time", "10m", "--jobs", "1"]);
  const errors = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  await errors.read();
  const [runner] = await childrenOf(child.pid);
  Deno.kill(runner!, "SIGTERM");
  child.kill("SIGTERM");
  const [{ code }, stdout] = await Promise.all([
    child.status,
    new Response(child.stdout).text(),
    (async () => {
      while (!(await errors.read()).done);
    })(),
  ]);
  assert.equal(code, 2, stdout);
  assert.match(stdout, /^toy-none: unknown \(interrupted\)$/m);
});

Deno.test("a second Ctrl-C leaves nobody behind, not even a run that never lets go of its thread", async () => {
  const child = start([...toy("spin"), "--first-seed", "5", "--seeds", "1", "--jobs", "1"]);
  const errors = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  const silent = new Response(child.stdout).text();
  await errors.read();
  const [runner] = await childrenOf(child.pid);
  child.kill("SIGINT");
  // It says that it has heard. What comes at once is the same Ctrl-C.
  await errors.read();
  const heardMs = performance.now();
  await until("it is another one", () => performance.now() - heardMs > 2 * SAME_MS);
  child.kill("SIGINT");
  while (!(await errors.read()).done);
  assert.equal((await child.status).code, 2);
  await silent;
  await until("the run is no more", async () => !await isRunning(runner!));
});

/** The processes that a process has started. */
async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("pgrep", { args: ["-P", `${pid}`] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map(Number);
}

/** Whether a process runs; one that is dead and not yet buried does not. */
async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", `${pid}`] })
    .output();
  return /^[^ZX]/.test(new TextDecoder().decode(stdout).trim());
}
