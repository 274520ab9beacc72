import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { sim, SMALL } from "./sim_rig_test.ts";

const CHAOS = [
  ...["--duration", "6s", "--set", "workers.count=4", "--set", "chaos.enabled=true"],
  ...["--set", "chaos.events=[]"],
  ...["--set", "chaos.timeline=[{ at: 1s, event: worker_crash, down: 1s }]"],
];

const read = (path: string) => Deno.readTextFileSync(path);

Deno.test("a run says when partitions move, and each process has its log", async () => {
  using temp = new TempDir();
  const { code, stdout, stderr } = await sim(...SMALL, ...CHAOS, "--out", temp.path);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /\[INFO\] Rebalancing detected: \d+ partitions moving/);
  assert.match(stdout, /\[INFO\] Rebalancing complete: 0 -> \d workers, \d+ partitions moved in /);
  assert.match(
    stdout,
    /\[INFO\] Simulation complete: \d+ messages sent, \d+ received, 0 gaps, 0 duplicates/,
  );
  const victim = /worker_crash \((worker-\d)\)/.exec(stdout)![1]!;
  const log = read(`${temp.path}/logs/${victim}.log`);
  assert.match(log, new RegExp(`\\] ${victim}#1 started as process \\d+\n`));
  assert.match(log, new RegExp(`\\] ${victim}#1 ended by SIGKILL\n`));
  assert.match(log, new RegExp(`\\] ${victim}#2 ended with code 0\n`));
  const logs = [...Deno.readDirSync(`${temp.path}/logs`)].map(({ name }) => name).sort();
  const others = ["coordinator", "nats-server", "producer-0", "producer-1"];
  assert.deepEqual(logs.slice(0, 4), others.map((name) => `${name}.log`));
  // What the library says is there, too.
  const all = logs.map((name) => read(`${temp.path}/logs/${name}`)).join("");
  assert.match(all, /\[INFO\] worker-\d#1 worker-\d leads, epoch \d+\n/);
  assert.match(
    read(`${temp.path}/logs/coordinator.log`),
    /\[CHAOS\] Injecting event: worker_crash/,
  );
});

Deno.test("as JSON every line is an object, on the screen and in the files, and these stay small", async () => {
  using temp = new TempDir();
  const sets = ["logs.level=debug", "logs.max_size=1KB", "logs.max_files=2"];
  const { code, stdout, stderr } = await sim(
    ...[...SMALL, ...CHAOS, "--log-format", "json", "--out", temp.path],
    ...sets.flatMap((set) => ["--set", set]),
  );
  assert.equal(code, 0, stdout + stderr);
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const { time, level, message } of lines) {
    assert.ok(!Number.isNaN(Date.parse(time)));
    assert.equal(typeof message, "string");
    assert.match(level, /^[A-Z]+$/);
  }
  assert.ok(lines.some(({ level, message }) => level === "CHAOS" && /^Injecting/.test(message)));
  const workers = [...Deno.readDirSync(`${temp.path}/logs`)].filter(({ name }) => {
    return name.startsWith("worker-");
  });
  assert.ok(workers.some(({ name }) => name.endsWith(".log.1")), "none was large enough");
  for (const { name } of workers) {
    const text = read(`${temp.path}/logs/${name}`);
    assert.ok(text.length <= 1_024, name);
    for (const line of text.trimEnd().split("\n")) JSON.parse(line);
  }
});
