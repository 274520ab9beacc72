import assert from "node:assert/strict";
import { pickFreePort } from "../../tasks/free_port.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { until } from "../../tasks/until.ts";
import type { SimReport } from "../report/report.ts";
import { defects, SMALL, startSim } from "./sim_rig_test.ts";

/** Starts `parti sim` as a person would in a terminal. */
function terminal(args: readonly string[], env: Record<string, string> = {}) {
  const { child, output, ended: ending } = startSim(args, { env });
  const ended = ending.then(({ code }) => code);
  return {
    child,
    output,
    ended,
    says: (what: RegExp, timeoutMs = 30_000) =>
      until(`${what}`, () => what.test(output.text), timeoutMs)
        .catch((error) => assert.fail(`${error}\n${output.text}`)),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await ended;
    },
  };
}

/** A run of a few seconds in which workers, a producer and the leader are killed, with a server of the coordinator's. */
function rig() {
  const dir = new TempDir();
  const timeline = [
    "{ at: 1s, event: worker_crash, down: 500ms }",
    "{ at: 2500ms, event: producer_crash, down: 500ms }",
    "{ at: 4s, event: scale_up, count: 1 }",
    "{ at: 6s, event: leader_failure, down: 500ms }",
  ];
  const args = [
    ...SMALL,
    ...["--duration", "8s", "--set", `nats.url=nats://localhost:${pickFreePort()}`],
    ...["enabled=true", "events=[]", `timeline=[${timeline}]`].flatMap((
      set,
    ) => ["--set", `chaos.${set}`]),
    ...["enabled=true", "interval=500ms", `path=${dir.path}/checkpoints`]
      .flatMap((set) => ["--set", `checkpointing.${set}`]),
  ];
  const out = `${dir.path}/out`;
  return {
    dir,
    coordinator: (...more: string[]) =>
      terminal([...args, "--mode", "coordinator", "--out", out, ...more]),
    host: (variable: string, value: string) => terminal(args, { [variable]: value }),
    report: async (): Promise<SimReport> =>
      JSON.parse(await Deno.readTextFile(`${out}/report.json`)),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

Deno.test("processes that are started by hand in any order make one run, with its chaos and its verdict", async () => {
  using run = rig();
  await using first = run.host("WORKER_ID", "worker-0,worker-1");
  await first.says(/Looking for a coordinator/);
  await using coordinator = run.coordinator();
  await using producers = run.host("PRODUCER_ID", "0-1");
  await coordinator.says(/Waiting for hosts of \d processes: .*WORKER_ID|PRODUCER_ID/);
  await coordinator.says(/A host has come for producer-0, producer-1/);
  await using second = run.host("WORKER_ID", "2-3");
  assert.equal(await coordinator.ended, 0, coordinator.output.text);
  for (const host of [first, second, producers]) {
    assert.equal(await host.ended, 0, host.output.text);
    assert.match(host.output.text, /joined run [\s\S]*The run is over/);
  }
  assert.match(producers.output.text, /producer-\d#1 ended by SIGKILL[\s\S]*started producer-\d#2/);
  const report = await run.report();
  assert.deepEqual(defects(report), {});
  assert.equal(report.messages.sent, report.messages.effective);
  assert.ok(report.workers.every(({ pid }) => pid > 0));
  assert.deepEqual(report.chaos.map(({ type, skipped }) => skipped ?? type), [
    ...["worker_crash", "producer_crash", "scale_up", "leader_failure"],
  ]);
});

Deno.test("a coordinator that is killed comes back with --resume, to hosts that have waited for it", async () => {
  using run = rig();
  await using workers = run.host("WORKER_ID", "0-3");
  await using producers = run.host("PRODUCER_ID", "0-1");
  {
    await using coordinator = run.coordinator();
    await coordinator.says(/Injecting event: producer_crash/);
  }
  await using resumed = terminal(["--resume", `${run.dir.path}/checkpoints`]);
  assert.equal(await resumed.ended, 0, resumed.output.text);
  for (const host of [workers, producers]) assert.equal(await host.ended, 0, host.output.text);
  const report = await run.report();
  assert.equal(report.resumed, 1);
  assert.deepEqual(defects(report), {});
  assert.equal(report.messages.sent, report.messages.effective);
  assert.equal(report.chaos.length, 4);
});

Deno.test("a host that nobody wants, one that says nothing sensible, and a second coordinator end with one clear message", async () => {
  using run = rig();
  for (const value of ["producer-1", "", "x"]) {
    const host = value === "" ? terminal(["--mode", "worker"]) : run.host("WORKER_ID", value);
    await using _host = host;
    assert.equal(await host.ended, 3);
    assert.match(
      host.output.text,
      /^error: WORKER_ID: expected worker-<number>, .*\nhint: set it/m,
    );
  }
  await using coordinator = run.coordinator();
  await coordinator.says(/Waiting for hosts/);
  await using high = run.host("WORKER_ID", "worker-99");
  assert.equal(await high.ended, 3, high.output.text);
  assert.match(
    high.output.text,
    /error: the coordinator refuses this host: the highest worker of this run is 5/,
  );
  await using second = run.coordinator("--set", "nats.mode=external");
  await second.says(/^error: .*another coordinator of "simulation" is at work .*\nhint: give/m);
  assert.equal(await second.ended, 3, second.output.text);
  coordinator.child.kill("SIGINT");
  assert.equal(await coordinator.ended, 2, coordinator.output.text);
});
