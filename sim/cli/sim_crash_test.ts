import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { runOrThrow } from "../../tasks/run_command.ts";
import { until } from "../../tasks/until.ts";
import { checkpointsIn } from "../checkpoint/checkpoint_file.ts";
import type { ChaosRecord, SimReport } from "../report/report.ts";
import { defects, SMALL, startSim } from "./sim_rig_test.ts";

/** How long a step of a run may take on a busy machine. */
const PATIENCE_MS = 60_000;

/** A run with these events that is looked at while it goes on. */
function crashing(dir: string, timeline: readonly string[], ...more: string[]) {
  const name = `crash-${crypto.randomUUID().slice(0, 8)}`;
  const quick = Deno.readTextFileSync(new URL("../../configs/quick.yaml", import.meta.url));
  const lines = timeline.map((line) => `    - ${line}\n`).join("");
  const file = `${dir}/run.yaml`;
  Deno.writeTextFileSync(file, quick.replace(/^chaos:\n/m, `$&  timeline:\n${lines}`));
  const sets = [
    ...["chaos.enabled=true", "chaos.events=[]"],
    ...["checkpointing.enabled=true", `checkpointing.path=${dir}/checkpoints`],
    `simulation.name=${name}`,
  ];
  const set = sets.flatMap((set) => ["--set", set]);
  const args = ["--config", file, ...SMALL, ...set, "--out", `${dir}/out`, ...more];
  return { name, ...watched(dir, startSim(args, { leader: true })) };
}

function watched(dir: string, { child, output, ended }: ReturnType<typeof startSim>) {
  /** Waits until it has said something so many times. */
  const said = async (line: RegExp, times = 1) => {
    const all = new RegExp(line, "gm");
    const isSaid = () => (output.text.match(all) ?? []).length >= times;
    await until(`${line} is said`, isSaid, PATIENCE_MS)
      .catch((error) => assert.fail(`${error}\n${output.text}`));
  };
  const end = async () => {
    const { code } = await ended;
    const text = await Deno.readTextFile(`${dir}/out/report.json`).catch(() => undefined);
    assert.ok(text !== undefined, output.text);
    return { code, text: output.text, report: JSON.parse(text) as SimReport };
  };
  return { child, output, ended, said, end };
}

const DEAD = /is dead; its processes go on/;
const BACK = /Going on from checkpoint/;

/** Who is at work in the run of a name: their process IDs by role. */
async function atWork(name: string) {
  const listing = await runOrThrow("ps", ["-eo", "pid=,args="]);
  const lines = listing.split("\n").filter((line) => line.includes(name));
  const pids = (role: string) =>
    lines.filter((line) => line.includes(` sim-${role} `)).map((line) => parseInt(line)).sort();
  return {
    coordinators: pids("coordinator"),
    others: [...pids("worker"), ...pids("producer")],
  };
}

/** Whether a process is stopped, as `ps` has it. */
async function isStopped(pid: number): Promise<boolean> {
  return (await runOrThrow("ps", ["-o", "stat=", "-p", String(pid)])).startsWith("T");
}

function assertRecovered(record: ChaosRecord | undefined, text: string): void {
  assert.ok(record !== undefined, text);
  const { recoveredMs, wholeMs, failed, skipped } = record;
  assert.deepEqual([failed, skipped], [undefined, undefined], text);
  assert.ok(recoveredMs !== null && recoveredMs > 0, text);
  assert.ok(wholeMs !== null && wholeMs >= 0, text);
}

function assertWhole({ report, text, code }: { report: SimReport; text: string; code: number }) {
  assert.equal(code, 0, text);
  assert.deepEqual(defects(report), {}, text);
  assert.deepEqual(report.incidents, []);
  const { sent, effective, received } = report.messages;
  assert.deepEqual([effective, received], [sent, sent]);
  const handled = report.workers.reduce((sum, worker) => sum + worker.handled, 0);
  assert.equal(handled, sent, "of every coordinator's time");
}

Deno.test("a coordinator that is killed twice: others come after it, everybody else is at work all the time, and it passes as one run", async () => {
  using dir = new TempDir();
  const run = crashing(
    dir.path,
    [
      "{ at: 1s, event: coordinator_crash, down: 2s }",
      "{ at: 9s, event: coordinator_crash, down: 1s }",
      "{ at: 15s, event: worker_crash, down: 500ms }",
    ],
    ...["--duration", "18s", "--seed", "21"],
  );
  await run.said(/Injecting event: coordinator_crash/);
  const before = await atWork(run.name);
  assert.equal(before.others.length, 5, run.output.text);
  await run.said(DEAD);
  const meanwhile = await atWork(run.name);
  assert.deepEqual(meanwhile, { coordinators: [], others: before.others });
  await run.said(BACK);
  const after = await atWork(run.name);
  assert.deepEqual(after.others, before.others);
  assert.equal(after.coordinators.length, 1);
  assert.notDeepEqual(after.coordinators, before.coordinators);
  await run.said(BACK, 2);
  const last = await atWork(run.name);
  assert.deepEqual(last.others, before.others);
  const ended = await run.end();
  assertWhole(ended);
  const { report, text } = ended;
  assert.deepEqual(report.chaos.map(({ number }) => number), [1, 2, 3], "each once");
  for (const record of report.chaos) assertRecovered(record, text);
  assert.match(
    report.chaos[0]!.target,
    new RegExp(`^coordinator, process ${before.coordinators[0]}$`),
  );
  assert.match(
    report.chaos[1]!.target,
    new RegExp(`^coordinator, process ${after.coordinators[0]}$`),
  );
  assert.ok(report.chaos[0]!.recoveredMs! > 2_000, "it was away for 2 s");
  assert.equal(report.resumed, 2);
  assert.ok(report.messages.sent > 0.8 * 18 * 12 * 10, `the load of 18 s: ${report.messages.sent}`);
  const { producers } = { producers: text.match(/Started \d+ producers/g) };
  assert.equal(producers?.length, 1, "they were started once");
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${dir.path}/checkpoints`)), []);
});

Deno.test("a coordinator that is killed while others stand still, are cut off, or away: all of it ends with it, and nobody is blamed", async () => {
  using dir = new TempDir();
  const run = crashing(
    dir.path,
    [
      "{ at: 500ms, event: worker_pause, down: 60s }",
      "{ at: 700ms, event: nats_disconnect, network: half-open, down: 60s }",
      "{ at: 900ms, event: coordinator_crash, down: 4s }",
      "{ at: 15s, event: worker_crash, down: 60s }",
      "{ at: 15100ms, event: producer_crash, down: 60s }",
      "{ at: 15200ms, event: nats_server_kill, down: 60s }",
      "{ at: 15300ms, event: coordinator_crash, down: 1s }",
    ],
    ...["--duration", "24s", "--seed", "22", "--set", "workers.count=4"],
  );
  await run.said(/Injecting event: worker_pause/);
  const { others } = await atWork(run.name);
  const stopped = async () => (await Promise.all(others.map(isStopped))).filter((is) => is).length;
  await until("a worker is stopped", async () => await stopped() === 1);
  await run.said(DEAD);
  assert.equal(await stopped(), 0);
  await run.said(BACK);
  assert.deepEqual((await atWork(run.name)).others, others);
  const ended = await run.end();
  assertWhole(ended);
  const { report, text } = ended;
  const { chaos } = report;
  assert.deepEqual(
    chaos.map(({ skipped, failed }) => skipped ?? failed),
    new Array(7).fill(undefined),
  );
  assertRecovered(chaos[2], text);
  assertRecovered(chaos[6], text);
  // The killed worker's partitions are taken over whoever looks.
  assert.ok(chaos[3]!.recoveredMs! > 0, text);
  assert.ok(report.recoveryMs.count > 0, text);
});

Deno.test("planted: a message that was lost before the coordinator was killed fails the run after it", async () => {
  using dir = new TempDir();
  const run = crashing(
    dir.path,
    ["{ at: 3s, event: coordinator_crash, down: 1s }"],
    ...["--duration", "8s", "--seed", "5", "--fault", "lose"],
  );
  const { code, report, text } = await run.end();
  assert.equal(code, 1, text);
  assert.deepEqual(defects(report), { lost: 1 });
  assertRecovered(report.chaos[0], text);
});

Deno.test("planted: what was reported between the last checkpoint and the kill, and is in no journal, fails the run", async () => {
  using dir = new TempDir();
  const run = crashing(
    dir.path,
    ["{ at: 1s, event: coordinator_crash, down: 5s }"],
    // Of this seed there is most of a second between the two.
    ...["--duration", "5s", "--seed", "9"],
  );
  await run.said(DEAD);
  const [folder] = [...Deno.readDirSync(`${dir.path}/checkpoints`)];
  const path = `${dir.path}/checkpoints/${folder!.name}`;
  const journals = [...Deno.readDirSync(path)].map(({ name }) => name)
    .filter((name) => name.startsWith("journal_")).sort();
  let sent = 0;
  for (const name of journals.slice(-1)) {
    const text = await Deno.readTextFile(`${path}/${name}`);
    sent += text.match(/"kind":"sent"/g)?.length ?? 0;
    await Deno.writeTextFile(
      `${path}/${name}`,
      text.replaceAll('"kind":"sent"', '"kind":"memory"'),
    );
  }
  const { code, report, text } = await run.end();
  assert.ok(sent > 0, "something was reported in that time");
  assert.equal(code, 1, text);
  const { unexpected = 0, ...others } = defects(report);
  assert.ok(unexpected > 0, text);
  assert.deepEqual(others, {});
});

Deno.test("a run whose coordinator was killed goes on when everybody was killed, too, and does not kill it again", async () => {
  using dir = new TempDir();
  const run = crashing(
    dir.path,
    ["{ at: 1s, event: coordinator_crash, down: 1s }"],
    ...["--duration", "10s", "--seed", "23"],
  );
  await run.said(/Validation: #1 coordinator_crash/);
  Deno.kill(-run.child.pid, "SIGKILL");
  await run.ended;
  const again = startSim(["--resume", `${dir.path}/checkpoints`], { leader: true });
  const ended = await watched(dir.path, again).end();
  assertWhole(ended);
  assert.equal(ended.report.resumed, 2);
  assert.deepEqual(ended.report.chaos.map(({ number }) => number), [1]);
  assert.doesNotMatch(ended.text, /Injecting event/);
});

Deno.test("a run without its coordinator is interrupted in order, by the next one, however long its timeline is", async () => {
  using dir = new TempDir();
  const later = new Array<string>(4_100).fill("{ at: 59s, event: worker_crash }");
  const run = crashing(
    dir.path,
    ["{ at: 500ms, event: coordinator_crash, down: 60s }", ...later],
    ...["--duration", "60s", "--seed", "24"],
  );
  await run.said(DEAD);
  run.child.kill("SIGINT");
  const { code, report, text } = await run.end();
  assert.equal(code, 2, text);
  assert.equal(report.verdict, "unknown");
  assert.match(text, /It can go on where it was: parti sim --resume /);
  assert.deepEqual(await atWork(run.name), { coordinators: [], others: [] });
});

Deno.test("a coordinator that dies otherwise ends the run, which can be gone on with, chaos on it included", async () => {
  using dir = new TempDir();
  const run = crashing(
    dir.path,
    ["{ at: 4s, event: coordinator_crash, down: 1s }"],
    ...["--duration", "9s", "--seed", "25"],
  );
  const checkpoints = `${dir.path}/checkpoints`;
  await until("a checkpoint", async () => {
    const [folder] = await Array.fromAsync(Deno.readDir(checkpoints)).catch(() => []);
    return folder !== undefined &&
      (await checkpointsIn(`${checkpoints}/${folder.name}`)).length > 0;
  }, PATIENCE_MS);
  const { coordinators: [pid] } = await atWork(run.name);
  Deno.kill(pid!, "SIGKILL");
  const { code } = await run.ended;
  const { text } = run.output;
  assert.equal(code, 2, text);
  assert.match(text, /\[FAIL] The coordinator ended by itself, with code 137\nIt can go on where/);
  assert.deepEqual(await atWork(run.name), { coordinators: [], others: [] });
  const again = startSim(["--resume", checkpoints], { leader: true });
  const ended = await watched(dir.path, again).end();
  assertWhole(ended);
  assertRecovered(ended.report.chaos[0], ended.text);
  assert.equal(ended.report.resumed, 2);
});
