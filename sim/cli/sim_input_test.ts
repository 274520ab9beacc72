import assert from "node:assert/strict";
import { findLeftovers } from "../../tasks/leftovers.ts";
import { fakeServer, TempDir } from "../../tasks/nats_fakes.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { until } from "../../tasks/until.ts";
import { processesOf, sim, simWith } from "./sim_rig_test.ts";

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
    [
      ["--set", "thresholds.recoveryMs.p98=< 3"],
      /error: --set thresholds\.recoveryMs\.p98=< 3: .*unknown figure; did you mean recoveryMs\.p99/,
    ],
    [["--duration", "-5s"], /error: --duration -5s: simulation\.duration: expected a duration/],
    [["--nats-url", "nats://127.0.0.1:1"], /error: cannot connect to nats:\/\/127\.0\.0\.1:1/],
    [["--config", "missing.yaml"], /error: cannot read the configuration missing\.yaml/],
    [["--config", ""], /error: --config: expected a file, such as configs\/quick\.yaml, got ""/],
    [["--out", ""], /error: --out: expected a folder, got ""/],
    [["--out", " "], /error: --out: expected a folder, got " "/],
    // Nobody may write there, root neither.
    [["--out", "/proc/self"], /error: cannot use the folder \/proc\/self: .*\nhint: name another/],
    [
      ["--set", "checkpointing.enabled=true", "--set", "checkpointing.path=/proc/self"],
      /error: cannot use the folder \/proc\/self\/sim-.*\nhint: .*checkpointing\.path/,
    ],
    [["--fault", "explode"], /error: --fault explode: expected one of lose, duplicate/],
    [
      ["--set", "workers.group.heartbeat_interval=5s"],
      /error: --set workers\.group\.heartbeat_interval=5s: workers\.group\.heartbeat_ttl: expected .* 10s/,
    ],
    [["--set", "page.host=a b"], /error: --set page\.host=a b: .*an address or a host name/],
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

Deno.test("the metrics' port is in use: one clear message, exit 3, nothing started", async () => {
  using busy = listener("");
  const prometheus = `metrics.prometheus={ enabled: true, port: ${busy.port} }`;
  await assertRefused(
    ["--set", prometheus],
    /error: metrics\.prometheus\.port: cannot serve metrics on 127\.0\.0\.1:\d+: the port is in use\nhint: /,
  );
});

Deno.test("the page's port is in use: one clear message, exit 3, nothing started", async () => {
  using busy = listener("");
  await assertRefused(
    ["--set", `page.port=${busy.port}`],
    /error: page\.port: cannot serve the live page on 127\.0\.0\.1:\d+: the port is in use\nhint: .*page\.port=/,
  );
});

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
