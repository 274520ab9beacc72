import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { selfArguments } from "../../tasks/spawn.ts";
import type { SimReport } from "../report/report.ts";
import { defects, sim, SMALL } from "./sim_rig_test.ts";

function runs(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

const FAULTS = {
  lose: { lost: 1 },
  duplicate: { duplicateEffects: 1 },
  reorder: { outOfOrder: 1 },
  "reorder-starts": { outOfOrder: 1 },
  overlap: { interleavings: 1 },
  "overlap-fenced": { interleavings: 1 },
  "overlap-within": { interleavings: 1 },
};

for (const [fault, expected] of Object.entries(FAULTS)) {
  Deno.test(`a run with --fault ${fault} fails and reports exactly that`, async () => {
    const { code, stdout, stderr, report } = await sim(...SMALL, "--seed", "5", "--fault", fault);
    assert.ok(report !== undefined, stderr);
    assert.deepEqual(defects(report), expected, stdout);
    assert.equal(code, 1);
    assert.equal(report.verdict, "fail");
    assert.equal(report.reasons.length, 1, report.reasons.join());
    assert.equal(report.fault, fault);
    assert.match(stdout, /^Seed: 5$/m);
    assert.match(stdout, /❌ FAILURE\n {2}- 1 \w+/);
    assert.match(stdout, /Run it again with --seed 5/);
  });
}

for (
  const [fault, reason] of [
    ["wrong-delta", /^worker-0#1: told partition \d+ there without having been added$/],
    ["invariant", /^worker-0#1: PARTI_INVARIANT: planted$/],
  ] as const
) {
  Deno.test(`a run with --fault ${fault} fails, though no message suffers`, async () => {
    const { code, stdout, stderr, report } = await sim(...SMALL, "--fault", fault);
    assert.ok(report !== undefined, stderr);
    assert.equal(code, 1, stdout);
    assert.deepEqual(defects(report), {});
    for (const told of report.reasons) assert.match(told, reason);
    assert.deepEqual(report.incidents, report.reasons);
  });
}

Deno.test("a run with --fault uneven fails, and the report says who has too much", async () => {
  const window = ["--set", "coordinator.validation_window=2s"];
  const { code, stdout, stderr, report } = await sim(...SMALL, ...window, "--fault", "uneven");
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 1, stdout);
  assert.deepEqual(defects(report), {});
  assert.equal(report.reasons.length, 1, report.reasons.join());
  assert.match(
    report.reasons[0]!,
    /the load is uneven: worker-0#1 has 2\.00 times the mean, worker-1/,
  );
  assert.equal(report.balance.maxOverMean, 2);
  assert.deepEqual(report.workers.map(({ partitions }) => partitions), [8, 0, 4]);
  const handled = report.workers.reduce((sum, worker) => sum + worker.handled, 0);
  assert.equal(handled, report.messages.effective);
});

Deno.test("a run with --fault restless fails, and the report says how many moves there were for nothing", async () => {
  const chaos = ["chaos.enabled=true", "chaos.interval=4s-5s", "chaos.events=[worker_restart]"];
  const { code, stdout, stderr, report } = await sim(
    ...SMALL,
    ...["--duration", "6s", "--seed", "5", "--fault", "restless"],
    ...chaos.flatMap((set) => ["--set", set]),
  );
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 1, stdout);
  assert.deepEqual(defects(report), {});
  assert.equal(report.reasons.length, 1, report.reasons.join());
  assert.match(
    report.reasons[0]!,
    /^needless moves: \d+ partitions changed their owner, \d+ had to$/,
  );
  assert.equal(report.chaos[0]!.moves.total, report.moves.total);
  assert.ok(report.moves.total > 2 * report.moves.needed, stdout);
});

Deno.test("a run in which everything is killed, producers too, passes and leaves nothing behind", async () => {
  const { code, stdout, stderr, report } = await sim(
    ...SMALL,
    ...["--duration", "14s", "--set", "workers.count=4", "--set", "chaos.enabled=true"],
    ...["--set", "chaos.interval=1s-2s", "--seed", "1", "--set"],
    "chaos.events=[worker_crash, worker_restart, leader_failure, scale_up, producer_crash]",
  );
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 0, stdout);
  assert.equal(report.verdict, "pass");
  assert.deepEqual(defects(report), {});
  assert.equal(report.messages.unknownOutcome, 0);
  assert.equal(report.messages.sent, report.messages.effective);
  assert.ok(report.messages.sent > 12 * 10 * 10, `only ${report.messages.sent} sent`);
  const done = report.chaos.filter(({ skipped }) => skipped === undefined);
  const kinds = new Set(done.map(({ type }) => type));
  assert.ok(done.length >= 6 && kinds.has("producer_crash") && kinds.has("leader_failure"), stdout);
  assert.ok(report.recoveryMs.count > 0 && report.recoveryMs.max! < 10_000, stdout);
  assert.ok(report.latencyMs.count === report.messages.sent);
  for (const { pid, process } of report.workers) assert.ok(!runs(pid), `${process} still runs`);
  assert.match(stdout, /\[CHAOS\] Injecting event: worker_crash \(worker-\d\)/);
});

Deno.test("Ctrl-C ends a run in order: nothing runs any more, and the verdict is unknown", async () => {
  const out = await Deno.makeTempDir({ prefix: "parti-sim-test-" });
  const args = [...SMALL, "--duration", "60s", "--out", out];
  const child = new Deno.Command(Deno.execPath(), {
    args: selfArguments(["sim", ...args], ["--allow-all"]),
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (/] load /.test(text + part) && !/] load /.test(text)) child.kill("SIGINT");
    text += part;
  }
  assert.equal((await child.status).code, 2, text);
  assert.match(text, /UNKNOWN: could not verify\n {2}- the run was interrupted/);
  const report: SimReport = JSON.parse(await Deno.readTextFile(`${out}/report.json`));
  await Deno.remove(out, { recursive: true });
  assert.equal(report.workers.length, 3);
  for (const { pid, process } of report.workers) assert.ok(!runs(pid), `${process} still runs`);
});

Deno.test("a run goes on when nobody reads its output any more, and keeps its exit code", async () => {
  for (const [fault, code] of [[[], 0], [["--fault", "lose"], 1]] as const) {
    const out = await Deno.makeTempDir({ prefix: "parti-sim-test-" });
    const child = new Deno.Command(Deno.execPath(), {
      args: selfArguments(["sim", ...SMALL, ...fault, "--out", out], ["--allow-all"]),
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const [status, complaint] = await Promise.all([
      child.status,
      new Response(child.stderr).text(),
    ]);
    const report: SimReport = JSON.parse(await Deno.readTextFile(`${out}/report.json`));
    await Deno.remove(out, { recursive: true });
    assert.equal(complaint, "");
    assert.equal(status.code, code);
    assert.equal(report.verdict, code === 0 ? "pass" : "fail");
  }
});

Deno.test("a run on somebody else's server passes and leaves nothing on it", async () => {
  await using server = await launchNats();
  const change = "{ at: 1s, event: partition_changes, add: 1, remove: 1 }";
  const { code, stdout, stderr, report } = await sim(
    ...SMALL,
    ...["--nats-url", server.url, "--set", "chaos.enabled=true", "--set", "chaos.events=[]"],
    ...["--set", `chaos.timeline=[${change}]`],
  );
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  assert.deepEqual(report.partitionChanges, { added: 1, removed: 1 });
  const nc = await connectNats({ servers: server.url });
  const manager = await jetstreamManager(nc);
  const streams = await manager.streams.names().next();
  await nc.close();
  assert.deepEqual(streams, []);
});
