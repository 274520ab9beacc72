import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { until } from "../../tasks/until.ts";
import { checkpointsIn, readNewest } from "../checkpoint/checkpoint_file.ts";
import type { RunCheckpoint } from "../coordinator/run_checkpoint.ts";
import type { SimReport } from "../report/report.ts";
import { defects, SMALL, startSim } from "./sim_rig_test.ts";

/** How long a step of a run may take on a busy machine. */
const PATIENCE_MS = 60_000;

/** A run whose workers are so slow that it has several seconds to drain. */
function slow(dir: string, interval: string, ...more: string[]) {
  const sets = [
    ...["min", "max"].map((end) => `workers.processing_delay.${end}=400ms`),
    ...["enabled=true", `interval=${interval}`, `path=${dir}/checkpoints`]
      .map((set) => `checkpointing.${set}`),
  ];
  return follow(dir, [...SMALL, ...sets.flatMap((set) => ["--set", set]), ...more], "--out");
}

function follow(dir: string, args: readonly string[], ...out: "--out"[]) {
  const at = out.flatMap((option) => [option, `${dir}/out`]);
  const { child, output, ended } = startSim([...args, ...at], { leader: true });
  /** Waits until something is so. */
  const wait = (what: string, isSo: () => boolean | Promise<boolean>) =>
    until(what, isSo, PATIENCE_MS).catch((error) => assert.fail(`${error}\n${output.text}`));
  const said = (line: RegExp) => wait(`${line} is said`, () => line.test(output.text));
  const folder = async () => {
    const [run] = await Array.fromAsync(Deno.readDir(`${dir}/checkpoints`));
    return `${dir}/checkpoints/${run!.name}`;
  };
  const newest = async () => (await readNewest<RunCheckpoint>(await folder())).body;
  const end = async () => {
    const { code } = await ended;
    const text = await Deno.readTextFile(`${dir}/out/report.json`).catch(() => undefined);
    assert.ok(text !== undefined, output.text);
    return { code, text: output.text, report: JSON.parse(text) as SimReport };
  };
  return { child, output, ended, wait, said, folder, newest, end };
}

function pidOf({ fleet }: RunCheckpoint, process: string): number {
  const pid = fleet.members.find((member) => member.process === process)?.pid;
  assert.ok(pid !== undefined);
  return pid;
}

Deno.test("planted: a server that answers no more while a run is drained: there is a report, it says what to do, and that works", async () => {
  using dir = new TempDir();
  // So long that the time without load is no load that was missing either, once the run goes on.
  const run = slow(dir.path, "500ms", "--set", "coordinator.validation_window=15s");
  await run.said(/\] drain /);
  const folder = await run.folder();
  const { serverPids: [server] } = await run.newest();
  Deno.kill(server!, "SIGSTOP");
  const { code, text, report } = await run.end();
  assert.equal(code, 2, text);
  assert.equal(report.verdict, "unknown");
  assert.equal(report.reasons.length, 1, text);
  assert.match(report.reasons[0]!, / could not be read, tried for 15s: PARTI_/);
  assert.ok(report.reasons[0]!.endsWith(
    `; parti sim --resume ${folder} goes on from the last checkpoint`,
  ));
  assert.match(text, /It can go on where it was: parti sim --resume /);
  const again = await follow(dir.path, ["--resume", folder]).end();
  assert.equal(again.code, 0, again.text);
  assert.deepEqual(defects(again.report), {});
  assert.equal(again.report.messages.effective, again.report.messages.sent);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${dir.path}/checkpoints`)), []);
});

Deno.test("planted: what goes wrong while a run is drained is in a checkpoint at once, and fails the run that goes on from it", async () => {
  using dir = new TempDir();
  // There is less to drain, because it is drained twice.
  const run = slow(dir.path, "1h", "--set", "partitions.message_rate_per_partition=5");
  await run.said(/\] drain /);
  const before = await run.newest();
  Deno.kill(pidOf(before, "worker-1#1"), "SIGKILL");
  await run.wait("a checkpoint that knows of it", async () => {
    const [incident = ""] = (await run.newest()).state.said.incidents;
    return /^worker-1#1 ended by itself/.test(incident);
  });
  assert.equal((await run.newest()).watch.phases.at(-1)?.phase, "drain");
  Deno.kill(-run.child.pid, "SIGKILL");
  await run.ended;
  const { code, text, report } = await follow(dir.path, ["--resume", await run.folder()]).end();
  assert.equal(code, 1, text);
  assert.deepEqual(defects(report), {});
  assert.equal(report.reasons.length, 1, text);
  assert.match(report.reasons[0]!, /^worker-1#1 ended by itself by SIGKILL/);
});

Deno.test("planted: a run that is interrupted while its workers leave has been drained, and is judged", async () => {
  using dir = new TempDir();
  const run = slow(dir.path, "1h", "--fault", "lose");
  await run.said(/\] drain /);
  // It hears nothing of its being asked to leave: until then there is time.
  const stopped = pidOf(await run.newest(), "worker-0#1");
  Deno.kill(stopped, "SIGSTOP");
  await run.said(/\] stop /);
  run.child.kill("SIGINT");
  await run.said(/Interrupted/);
  Deno.kill(stopped, "SIGCONT");
  const { code, text, report } = await run.end();
  assert.equal(code, 1, text);
  assert.deepEqual(defects(report), { lost: 1 });
  assert.deepEqual(report.incidents, []);
  assert.deepEqual((await checkpointsIn(await run.folder().catch(() => ""))).length, 0);
});
