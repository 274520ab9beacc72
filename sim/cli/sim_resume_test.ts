import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../lib/ports/nats/world.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { until } from "../../tasks/until.ts";
import { checkpointsIn, readNewest, writeCheckpoint } from "../checkpoint/checkpoint_file.ts";
import { parseConfig } from "../config/config.ts";
import type { RunCheckpoint } from "../coordinator/run_checkpoint.ts";
import type { SimReport } from "../report/report.ts";
import { defects, SMALL, startSim } from "./sim_rig_test.ts";

/** A small run with checkpoints, all of whose folders are in `dir`. */
function resumable(dir: string, ...more: string[]): string[] {
  const checkpoints = { enabled: true, interval: "500ms", path: `${dir}/checkpoints` };
  return [
    ...SMALL,
    ...Object.entries(checkpoints).flatMap((
      [key, value],
    ) => ["--set", `checkpointing.${key}=${value}`]),
    ...["--out", `${dir}/out`, ...more],
  ];
}

/** Starts `parti sim` at the head of a process group of its own. */
const start = (args: readonly string[]) => startSim(args, { leader: true });

/** Runs until a line is said and something else is so, and kills it with SIGKILL then: the coordinator, or everybody. */
async function killAfter(
  line: RegExp,
  whom: "coordinator" | "everybody",
  args: readonly string[],
  isReady: () => Promise<boolean> = () => Promise.resolve(true),
) {
  const { child, output, ended } = start(args);
  const isTime = async () => line.test(output.text) && await isReady();
  await until(`${line} is said`, isTime, 30_000)
    .catch((error) => assert.fail(`${error}\n${output.text}`));
  Deno.kill(whom === "everybody" ? -child.pid : child.pid, "SIGKILL");
  await ended;
}

async function toTheEnd(args: readonly string[], dir: string) {
  const { output, ended } = start(args);
  const { code } = await ended;
  const text = await Deno.readTextFile(`${dir}/out/report.json`).catch(() => undefined);
  return {
    code,
    text: output.text,
    report: text === undefined ? undefined : JSON.parse(text) as SimReport,
  };
}

Deno.test("a run that is killed with everybody in it, twice, goes on each time and passes as one run", async () => {
  using dir = new TempDir();
  const timeline = ["1s", "4s", "7s"].map((at) =>
    `{ at: ${at}, event: worker_crash, down: 500ms }`
  );
  const chaos = ["enabled=true", "events=[]", `timeline=[${timeline}]`]
    .flatMap((set) => ["--set", `chaos.${set}`]);
  const args = resumable(dir.path, ...chaos, "--duration", "9s", "--seed", "11");
  await killAfter(/Injecting event/, "everybody", args);
  const checkpoints = `${dir.path}/checkpoints`;
  const resume = ["--resume", checkpoints];
  // A life that has left no checkpoint is forgotten by the next one.
  await killAfter(/Injecting event/, "everybody", resume, async () => {
    const [run] = await Array.fromAsync(Deno.readDir(checkpoints));
    const { body } = await readNewest<RunCheckpoint>(`${checkpoints}/${run!.name}`);
    return body.facts.resumed === 1;
  });
  const { code, text, report } = await toTheEnd(resume, dir.path);
  assert.ok(report !== undefined, text);
  assert.equal(code, 0, text);
  assert.match(text, /Resuming from checkpoint: .*checkpoint_\d{8}_/);
  assert.deepEqual(defects(report), {});
  assert.equal(report.resumed, 2);
  assert.equal(report.seed, 11);
  assert.equal(report.messages.sent, report.messages.effective);
  const handled = report.workers.reduce((sum, worker) => sum + worker.handled, 0);
  assert.equal(handled, report.messages.effective, "of every life");
  assert.ok(report.messages.sent > 0.8 * 9 * 12 * 10, `the load of 9 s: ${report.messages.sent}`);
  assert.deepEqual(report.chaos.map(({ number }) => number), [1, 2, 3], "each once");
  assert.deepEqual(
    await Array.fromAsync(Deno.readDir(checkpoints)),
    [],
    "nothing is left to resume",
  );
});

Deno.test("a run that goes on knows which partitions came and went, also where it was killed in the middle of a change", async () => {
  using dir = new TempDir();
  const timeline = [
    "{ at: 500ms, event: partition_changes, add: 3, remove: 2 }",
    "{ at: 1s, event: poison_message }",
    // So late that it is killed before, also on a busy machine.
    "{ at: 8s, event: partition_changes, add: 2, remove: 1 }",
    "{ at: 10s, event: poison_message }",
  ];
  const chaos = ["enabled=true", "events=[]", `timeline=[${timeline}]`]
    .flatMap((set) => ["--set", `chaos.${set}`]);
  const args = resumable(dir.path, ...chaos, "--duration", "12s", "--seed", "12");
  await killAfter(/Validation: #2 poison_message/, "everybody", args);
  const resume = ["--resume", `${dir.path}/checkpoints`];
  await killAfter(/Injecting event: partition_changes/, "coordinator", resume);
  const { code, text, report } = await toTheEnd(resume, dir.path);
  assert.ok(report !== undefined, text);
  assert.equal(code, 0, text);
  assert.deepEqual(defects(report), {});
  const { sent, effective, deadLetters } = report.messages;
  assert.deepEqual([sent - effective, deadLetters], [2, 2]);
  // What was to go when the coordinator was killed goes now if the change had not begun, and is only drained if it had.
  const { added, removed } = report.partitionChanges;
  assert.equal(added, 5);
  assert.ok(removed === 2 || removed === 3, text);
  const last = report.workers.reduce((sum, { partitions }) => sum + partitions, 0);
  assert.equal(last, 12 + added - removed);
});

/** The streams on a server that are no buckets. */
async function streamsOf(url: string): Promise<string[]> {
  const nc = await connectNats({ servers: url });
  try {
    const { streams } = await jetstreamManager(nc);
    const names = await Array.fromAsync(streams.names());
    return names.filter((name) => !name.startsWith("KV_")).sort();
  } finally {
    await nc.close();
  }
}

Deno.test("a run on somebody else's server that is interrupted, and then killed, goes on with the streams it has left there, and with no others; a torn checkpoint is passed over", async () => {
  using dir = new TempDir();
  await using server = await launchNats();
  const more = ["--nats-url", server.url, "--duration", "60s"];
  const { child, output, ended } = start(resumable(dir.path, ...more));
  const folder = async () => {
    const [run] = await Array.fromAsync(Deno.readDir(`${dir.path}/checkpoints`));
    return `${dir.path}/checkpoints/${run!.name}`;
  };
  const newest = async () => (await readNewest<RunCheckpoint>(await folder())).body;
  await until("two checkpoints", async () => {
    return /] load /.test(output.text) && (await checkpointsIn(await folder())).length > 1;
  });
  const busy = await toTheEnd(["--resume", await folder()], dir.path);
  assert.equal(busy.code, 3, busy.text);
  assert.match(busy.text, /^error: the run in .* is still going on\nhint: /m);
  child.kill("SIGINT");
  assert.equal((await ended).code, 2);
  assert.match(output.text, /It can go on where it was: parti sim --resume .*\nUntil it has, its/);
  const [feed, effects] = await streamsOf(server.url);
  assert.deepEqual(await streamsOf(server.url), [feed, `${feed}_EFFECTS`]);

  const body = await newest();
  // As if it were another server: what was read is not there.
  const foreign = { ...body, effects: { ...body.effects, last: body.effects.last + 1_000_000 } };
  await writeCheckpoint(await folder(), foreign, new Date(), 9);
  const refused = await toTheEnd(["--resume", await folder()], dir.path);
  assert.equal(refused.code, 3, refused.text);
  assert.match(refused.text, /^error: the run cannot go on: the stream \S+_EFFECTS ends at \d+,/m);
  assert.deepEqual(await streamsOf(server.url), [feed, effects], "who is refused removes nothing");

  // Only what is left of the load: so that the test is short.
  const { config } = body.asked;
  const simulation = { ...config.simulation, duration: body.facts.loadMs + 2_000 };
  const asked = { ...body.asked, config: { ...config, simulation } };
  await writeCheckpoint(await folder(), { ...body, asked }, new Date(), 1);
  await Deno.truncate(await writeCheckpoint(await folder(), body, new Date(), 2), 500);
  const torn = /\[WARN] .* is torn: .*; the one before it is used/;
  const resume = ["--resume", await folder()];
  await killAfter(torn, "everybody", resume, async () => (await newest()).facts.resumed === 1);
  const { code, text, report } = await toTheEnd(resume, dir.path);
  assert.equal(code, 0, text);
  assert.equal(report?.resumed, 2);
  assert.deepEqual(defects(report), {});
  assert.equal(report.messages.sent, report.messages.effective);
  assert.deepEqual(await streamsOf(server.url), [], "nothing is left there in the end");
});

Deno.test("planted: a checkpoint that has forgotten something fails the run that goes on from it", async () => {
  using dir = new TempDir();
  await killAfter(
    /Injecting event/,
    "coordinator",
    resumable(
      dir.path,
      ...[
        "--set",
        "chaos.enabled=true",
        "--set",
        "chaos.timeline=[{ at: 2s, event: worker_crash }]",
      ],
    ),
  );
  const [run] = await Array.fromAsync(Deno.readDir(`${dir.path}/checkpoints`));
  const folder = `${dir.path}/checkpoints/${run!.name}`;
  const { body } = await readNewest<RunCheckpoint>(folder);
  // As if three effects had been read that never were.
  const effects = { ...body.effects, last: body.effects.last - 3 };
  await writeCheckpoint(folder, { ...body, effects }, new Date(), 9);
  const resume = ["--resume", folder, "--log-format", "json"];
  const { code, text, report } = await toTheEnd(resume, dir.path);
  assert.match(text, /^\{.*Resuming from checkpoint.*\}$/m);
  assert.equal(code, 1, text);
  assert.deepEqual(defects(report!), { duplicateEffects: 3 }, "they are read a second time");
});

Deno.test("--resume: no other option, no such folder, a foreign checkpoint, no room for a report: one clear message each", async () => {
  using dir = new TempDir();
  for (const [option, ...value] of [["--seed", "3"], ["--set", "workers.count=3"], ["--dry-run"]]) {
    const { code, text } = await toTheEnd(["--resume", dir.path, option!, ...value], dir.path);
    assert.equal(code, 3);
    assert.match(
      text,
      new RegExp(`^error: --resume cannot be used together with ${option}\nhint: `),
    );
  }
  const none = await toTheEnd(["--resume", `${dir.path}/none`], dir.path);
  assert.equal(none.code, 3);
  assert.match(none.text, /^error: no checkpoint in .*\/none, or in a folder of it\nhint: /);
  dir.write("checkpoint_20260102_030401_000.json", "{}\n");
  const foreign = await toTheEnd(["--resume", dir.path], dir.path);
  assert.equal(foreign.code, 3);
  assert.match(
    foreign.text,
    /^error: .* none is usable:\n.* it is no checkpoint of this program\nhint: /,
  );
  const asked = { config: parseConfig("", "x").config, seed: 1 };
  const out = `${dir.write("file", "")}/out`;
  await writeCheckpoint(dir.path, { asked, out, serverPids: [] }, new Date(), 1);
  const nowhere = await toTheEnd(["--resume", dir.path], dir.path);
  assert.equal(nowhere.code, 3);
  assert.match(nowhere.text, /^error: cannot use the folder .*\/file\/out: .*\nhint: /m);
});
