import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../lib/ports/nats/world.ts";
import { findLeftovers } from "../../tasks/leftovers.ts";
import { fakeServer, TempDir } from "../../tasks/nats_fakes.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { runOrThrow } from "../../tasks/run_command.ts";
import { selfArguments } from "../../tasks/spawn.ts";
import { until } from "../../tasks/until.ts";
import { isOverloaded } from "../measure/machine_load.ts";
import type { SimReport } from "../report/report.ts";

/** A run small enough for a test: a few processes, a few seconds. */
const SMALL = [
  "partitions.count=12",
  "partitions.message_rate_per_partition=10",
  "workers.count=3",
  "producers.count=2",
  "workers.processing_delay.min=1ms",
  "workers.processing_delay.max=4ms",
  "simulation.duration=3s",
  "chaos.enabled=false",
  // Tests run where others do, too: what they find out is not how fast it is.
  "thresholds={}",
].flatMap((set) => ["--set", set]);

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly report: SimReport | undefined;
}

/** Runs `parti sim` as a process of its own, to its end. */
function sim(...args: string[]): Promise<Ended> {
  return simWith({}, ...args);
}

/** The same with more environment variables. */
async function simWith(env: Record<string, string>, ...args: string[]): Promise<Ended> {
  const out = await Deno.makeTempDir({ prefix: "parti-sim-test-" });
  try {
    const command = new Deno.Command(Deno.execPath(), {
      args: selfArguments(["sim", "--out", out, ...args], ["--allow-all"]),
      env: { NO_COLOR: "1", ...env },
    });
    const { code, stdout, stderr } = await command.output();
    const text = await Deno.readTextFile(`${out}/report.json`).catch(() => undefined);
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
      report: text === undefined ? undefined : JSON.parse(text),
    };
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

/** What is wrong in a report, by name; empty for a clean one. */
function defects({ messages, ownership }: SimReport): Record<string, number> {
  const { lost, duplicateEffects, outOfOrder, unexpected, undelivered } = messages;
  const { interleavings } = ownership;
  const all = { lost, duplicateEffects, outOfOrder, unexpected, undelivered, interleavings };
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0));
}

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

Deno.test("a run that exceeds a threshold fails; on an overloaded machine it could not be verified", async () => {
  const limit = ["--set", "thresholds.startup.allStableMs=0.01"];
  const { code, stdout, stderr, report } = await sim(...SMALL, ...limit);
  assert.ok(report !== undefined, stderr);
  const overloaded = isOverloaded(report.machine);
  assert.equal(code, overloaded ? 2 : 1, stdout);
  assert.equal(report.verdict, overloaded ? "unknown" : "fail");
  assert.match(
    report.reasons[0]!,
    /^threshold exceeded: startup\.allStableMs is \d+ms, at most 0\.01/,
  );
  assert.match(stdout, /^Thresholds: {7}0 of 1 hold$/m);
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

Deno.test("a run in which the networks of workers fail and leaders stand still passes, and each fault is seen", async () => {
  const { code, stdout, stderr, report } = await sim(
    ...SMALL,
    ...["--duration", "14s", "--set", "workers.count=4", "--set", "chaos.enabled=true"],
    ...["--set", "chaos.interval=1s-2s", "--seed", "2", "--set", "thresholds={}"],
    ...["--set", "chaos.events=[nats_disconnect, nats_disconnect, leader_pause]"],
  );
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  assert.equal(report.messages.sent, report.messages.effective);
  const done = report.chaos.filter(({ skipped }) => skipped === undefined);
  const faults = done.filter(({ type }) => type === "nats_disconnect");
  assert.ok(new Set(faults.map(({ target }) => target.split(", ")[1])).size >= 2, stdout);
  assert.ok(done.some(({ type }) => type === "leader_pause"), stdout);
  // Some end within the run, and then somebody has said that all is well again.
  assert.ok(faults.some(({ recoveredMs }) => recoveredMs !== null), stdout);
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
  const { code, stdout, stderr, report } = await sim(...SMALL, "--nats-url", server.url);
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  const nc = await connectNats({ servers: server.url });
  const manager = await jetstreamManager(nc);
  const streams = await manager.streams.names().next();
  await nc.close();
  assert.deepEqual(streams, []);
});

/** The processes of a simulation with this name: it is in the argument of its workers and producers. */
async function processesOf(name: string): Promise<number[]> {
  const listing = await runOrThrow("ps", ["-eo", "pid=,args="]);
  return listing.split("\n").filter((line) => line.includes(name)).map((line) => parseInt(line));
}

/** It ends with 3 and one message, has made no report, and neither a process nor a file of it is left. */
async function assertRefused(
  args: readonly string[],
  message: RegExp,
  env: Record<string, string> = {},
): Promise<void> {
  using temp = new TempDir();
  const name = crypto.randomUUID().slice(0, 23);
  const named = ["--set", `simulation.name=${name}`, ...args];
  const { code, stdout, stderr, report } = await simWith({ ...env, TMPDIR: temp.path }, ...named);
  assert.equal(code, 3, stderr);
  assert.match(stderr, message);
  assert.equal(stderr.match(/^error:/gm)?.length, 1, stderr);
  assert.doesNotMatch(stderr, /^ {4}at /m, "no stack trace");
  // Nothing was run, so nothing is described: the message stands alone, after the seed.
  assert.match(stdout, /^(Seed: \d+\n)?$/);
  assert.equal(report, undefined);
  // A server of its own would be in that directory.
  assert.deepEqual(await findLeftovers(temp.path), []);
  assert.deepEqual(await processesOf(name), []);
}

Deno.test("bad input: one clear message, exit 3, nothing started", async () => {
  const cases: [string[], RegExp][] = [
    [
      ["--set", "workers.cout=1"],
      /error: --set workers\.cout=1: .*unknown key; did you mean count/,
    ],
    [["--duration", "-5s"], /error: --duration -5s: simulation\.duration: expected a duration/],
    [["--nats-url", "nats://127.0.0.1:1"], /error: cannot connect to nats:\/\/127\.0\.0\.1:1/],
    [["--config", "missing.yaml"], /error: cannot read the configuration missing\.yaml/],
    [["--config", ""], /error: --config: expected a file, such as configs\/quick\.yaml, got ""/],
    [["--out", ""], /error: --out: expected a folder, got ""/],
    [["--out", " "], /error: --out: expected a folder, got " "/],
    [["--fault", "explode"], /error: --fault explode: expected one of lose, duplicate/],
    [
      ["--set", "workers.group.heartbeat_interval=5s"],
      /error: --set workers\.group\.heartbeat_interval=5s: workers\.group\.heartbeat_ttl: expected .* 10s/,
    ],
    // The own server's port cannot be named, so it cannot be a busy one: it is picked, and another one if it is taken meanwhile.
    [
      ["--set", "nats.port=4222"],
      /error: --set nats\.port=4222: nats\.port: unknown key; allowed:/,
    ],
  ];
  for (const [args, message] of cases) await assertRefused(args, message);
});

Deno.test("a nats-server that is too old, or is none: one clear message, exit 3, nothing left", async () => {
  using temp = new TempDir();
  const old = temp.write("old", fakeServer("2.9.10"), 0o755);
  const other = temp.write("other", "#!/bin/sh\necho hello\n", 0o755);
  const cases: [string, RegExp][] = [
    [
      old,
      /error: .*old is nats-server 2\.9\.10, and parti needs 2\.10\.0 or newer\nhint: name a newer/,
    ],
    [other, /error: .*other is not a nats-server\nhint: set PARTI_NATS_SERVER to/],
    ["/no/such", /error: there is no program \/no\/such\nhint: set PARTI_NATS_SERVER to/],
  ];
  for (const [path, message] of cases) {
    await assertRefused([], message, { PARTI_NATS_SERVER: path, PARTI_NATS_VERSION: "" });
  }
});

Deno.test("a server that refuses us, or has no JetStream: one clear message, exit 3, nothing left", async () => {
  await using bare = await launchNats({ jetstream: false });
  await assertRefused(
    ["--nats-url", bare.url],
    /error: JetStream is not enabled at .*\nhint: start/,
  );
  const extraConfig = "authorization { user: somebody, password: secret }";
  await using locked = await launchNats({ extraConfig });
  await assertRefused(
    ["--nats-url", locked.url],
    /error: .* refuses this user: .*\nhint: check user/,
  );
});

/** Something else than a new nats-server listens; it says this to whoever connects. */
function listener(greeting: string): Disposable & { readonly port: number } {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of server) {
      open.push(connection);
      await connection.write(new TextEncoder().encode(greeting));
    }
  })();
  accepting.catch(() => {});
  return {
    port: server.addr.port,
    [Symbol.dispose]() {
      server.close();
      for (const connection of open) connection.close();
    },
  };
}

for (
  const [what, greeting, message] of [
    [
      "a port where somebody else listens and waits",
      "",
      /cannot connect to .*: timeout\nhint: is /,
    ],
    [
      "a port of another protocol",
      "220 hello\r\n",
      /cannot connect to .*: unexpected .*\nhint: is /,
    ],
    [
      "a running nats-server that is too old",
      'INFO {"server_id":"x","version":"2.9.10","max_payload":1048576}\r\nPONG\r\n',
      /nats-server 2\.9\.10 is too old\nhint: use nats-server 2\.10\.0 or newer/,
    ],
  ] as const
) {
  Deno.test(`${what}: one clear message, exit 3, nothing left`, async () => {
    using busy = listener(greeting);
    await assertRefused(["--nats-url", `nats://127.0.0.1:${busy.port}`], message);
  });
}

Deno.test("planted: a worker that is left behind is seen", async () => {
  const name = crypto.randomUUID().slice(0, 23);
  const child = new Deno.Command("sh", {
    args: ["-c", "read -r _", "sim-worker", JSON.stringify({ config: { simulation: { name } } })],
    stdin: "piped",
  }).spawn();
  await until("it is seen", async () => (await processesOf(name)).includes(child.pid));
  await child.stdin.close();
  await child.status;
  assert.deepEqual(await processesOf(name), []);
});

Deno.test("a dry run prints a configuration that gives the very same plan, and runs nothing", async () => {
  const first = await sim("--seed", "7", "--dry-run", "--set", "chaos.interval=10s-20s");
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^# chaos plan: [1-9]\d* events$/m);
  assert.equal(first.report, undefined);
  using folder = new TempDir();
  const file = `${folder.path}/again.yaml`;
  await Deno.writeTextFile(file, first.stdout);
  const again = await sim("--config", file, "--dry-run");
  assert.equal(again.stdout, first.stdout);
});
