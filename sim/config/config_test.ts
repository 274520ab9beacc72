import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { describeConfig, loadConfig, type Override, parseConfig } from "./config.ts";
import { describeThreshold } from "./threshold.ts";

/** Overrides as `--set` gives them. */
function sets(...list: string[]): Override[] {
  return list.map((set) => ({ set, shown: `--set ${set}` }));
}

/** The message of the error a text is refused with. */
function refusal(text: string, overrides: readonly Override[] = []): string {
  try {
    parseConfig(text, "my.yaml", overrides);
  } catch (error) {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"), String(error));
    return error.message;
  }
  assert.fail(`accepted:\n${text}`);
}

Deno.test("the default is a minute of ten workers, with thresholds", async () => {
  const quick = await loadConfig(new URL("../../configs/quick.yaml", import.meta.url));
  assert.equal(quick.config.partitions.count, 100);
  assert.equal(quick.config.workers.count, 10);
  assert.equal(quick.config.producers.count, 2);
  assert.ok(quick.config.partitions.message_rate_per_partition * 100 >= 200);
  assert.deepEqual(quick.config.chaos.interval, { minMs: 5_000, maxMs: 8_000 });
  assert.deepEqual(quick.config.thresholds.map(describeThreshold), [
    "recoveryMs.p99 <= 1000ms",
    "handoffMs.p50 <= 150ms",
    "handoffMs.p99 <= 400ms",
    "unmovedLatencyMs.p99 <= 250ms",
    "startup.allStableMs <= 3000ms",
  ]);
});

Deno.test("an empty file is all defaults, and a section without content too", () => {
  assert.equal(parseConfig("", "my.yaml").config.partitions.count, 100);
  assert.equal(parseConfig("chaos:\n", "my.yaml").config.chaos.enabled, false);
});

Deno.test("an unknown key is refused with its place, a suggestion and what is allowed", () => {
  const message = refusal("partitions:\n  cuont: 5\n");
  assert.equal(
    message,
    "my.yaml:2:10: partitions.cuont: unknown key; did you mean count? allowed: count, " +
      "message_rate_per_partition, distribution, weights",
  );
  assert.match(refusal("workerz:\n  count: 5\n"), /^my\.yaml:\d+:\d+: workerz: unknown key; did/);
  assert.match(
    refusal("chaos: { timeline: [{ at: 1s, event: worker_crash, dawn: 1s }] }\n"),
    /^my\.yaml:1:\d+: chaos\.timeline\.0\.dawn: unknown key; did you mean down\? allowed: at, event/,
  );
});

Deno.test("a wrong value is told once with its place, the value and what is allowed", () => {
  assert.equal(
    refusal("partitions:\n  count: -5\n"),
    "my.yaml:2:10: partitions.count: expected a whole number from 1 to 100000, got -5",
  );
  assert.equal(
    refusal("partitions: { count: 1.5 }\n"),
    "my.yaml:1:22: partitions.count: expected a whole number from 1 to 100000, got 1.5",
  );
  assert.match(refusal("partitions:\n  count: many\n"), /expected a whole number .* got "many"$/);
});

Deno.test("an interval without a unit is refused", () => {
  assert.equal(
    refusal("chaos:\n  enabled: true\n  events: [scale_up]\n  interval: 10-30\n"),
    'my.yaml:4:13: chaos.interval: expected an interval with a unit such as "5s-8s", "10-30m" ' +
      'or "10m-30m", got "10-30"',
  );
});

Deno.test("a maximum below its minimum is refused", () => {
  const delay = "workers:\n  processing_delay:\n    min: 50ms\n    max: 10ms\n";
  assert.equal(
    refusal(delay),
    "my.yaml:4:10: workers.processing_delay.max: expected at least processing_delay.min (50ms), " +
      'got "10ms"',
  );
  assert.match(
    refusal("workers:\n  group:\n    workerIdMin: 5\n    workerIdMax: 2\n"),
    /^my\.yaml:4:18: workers\.group\.worker_id_max: expected at least worker_id_min, which is 5, got 2$/,
  );
  assert.match(
    refusal("workers:\n  count: 10\n  group:\n    worker_id_max: 4\n"),
    /worker_id_max: expected an ID for each of the 10 workers: at least 9, got 4$/,
  );
});

Deno.test("list entries are placed", () => {
  const message = refusal("chaos:\n  events:\n    - worker_crash\n    - partition_change\n");
  assert.match(message, /^my\.yaml:4:7: chaos\.events\.1: expected one of worker_crash, /);
  assert.match(message, /got "partition_change"/);
  assert.match(refusal("chaos:\n  enabled: true\n"), /chaos\.events: expected at least one event/);
});

Deno.test("networks of processes that were started by hand are not asked to fail", () => {
  const mode = "simulation: { mode: coordinator }\n";
  assert.match(
    refusal(`${mode}chaos:\n  enabled: true\n  events: [nats_disconnect, worker_crash]\n`),
    /^my\.yaml:4:11: chaos\.events: expected no nats_disconnect with simulation\.mode coordinator/,
  );
  const timeline = "timeline: [{ at: 1s, event: nats_disconnect }]\n";
  assert.match(refusal(`${mode}chaos:\n  enabled: true\n  ${timeline}`), /no nats_disconnect with/);
});

Deno.test("servers are not asked to be away for longer than hosts may be silent", () => {
  const kill = (down: string) =>
    `chaos: { enabled: true, timeline: [{ at: 1s, event: nats_server_kill, down: ${down} }] }\n`;
  const byHand = "simulation: { mode: coordinator }\n";
  assert.match(
    refusal(byHand + kill("21s")),
    /^my\.yaml:2:\d+: chaos\.timeline\.0\.down: expected at most 20s with simulation\.mode coord/,
  );
  for (const text of [kill("60s"), byHand + kill("20s")]) {
    assert.doesNotThrow(() => parseConfig(text, "my.yaml"));
  }
});

Deno.test("the loss of a node is not asked of a single server, which nobody could do without", () => {
  const events = "chaos:\n  enabled: true\n  events: [nats_node_kill, worker_crash]\n";
  assert.match(
    refusal(events),
    /^my\.yaml:3:11: chaos\.events: expected no nats_node_kill without/,
  );
  const lines = "chaos:\n  enabled: true\n  timeline: [{ at: 1s, event: nats_node_kill }]\n";
  assert.match(refusal(lines), /^my\.yaml:3:13: chaos\.timeline: expected no nats_node_kill/);
  assert.doesNotThrow(() => parseConfig(`${events}nats: { cluster: 3 }\n`, "my.yaml"));
});

Deno.test("sizes of servers that are not ours are not asked for", () => {
  assert.match(
    refusal("nats:\n  mode: external\n  jetstream: { max_memory: 1GB }\n"),
    /^my\.yaml:3:28: nats\.jetstream\.max_memory: expected nothing with nats\.mode external/,
  );
});

Deno.test("every mistake has one line", () => {
  const lines = refusal("partitions:\n  count: -5\n  wrong: 1\nnats:\n  mode: magic\n").split("\n");
  assert.equal(lines.length, 3);
});

Deno.test("both spellings of checkpointing and of the group's keys are accepted, but not at once", () => {
  const old = parseConfig("checkpoint:\n  enabled: true\n  interval: 1m\n", "my.yaml");
  assert.equal(old.config.checkpointing.interval, 60_000);
  assert.equal(old.config.checkpointing.enabled, true);
  const camel = parseConfig("workers:\n  group:\n    heartbeatTtl: 5s\n", "my.yaml");
  assert.equal(camel.config.workers.group.heartbeat_ttl, 5_000);
  assert.match(refusal("checkpoint: {}\ncheckpointing: {}\n"), /the same as checkpointing/);
  const twice = "workers:\n  group:\n    heartbeatTtl: 2s\n    heartbeat_ttl: 3s\n";
  assert.match(refusal(twice), /the same as heartbeat_ttl/);
});

Deno.test("--set wins over the file, builds sections and is named in errors", () => {
  const text = "workers:\n  count: 10\n";
  const { config } = parseConfig(
    text,
    "my.yaml",
    sets(
      "workers.count=4",
      "simulation.duration=5s",
      "chaos.events=[scale_up]",
      "workers.group.settle=250ms",
    ),
  );
  assert.equal(config.workers.count, 4);
  assert.equal(config.simulation.duration, 5_000);
  assert.deepEqual(config.chaos.events, ["scale_up"]);
  assert.equal(config.workers.group.settle, 250);
  assert.equal(
    refusal(text, sets("workers.count=-1")),
    "--set workers.count=-1: workers.count: expected a whole number from 1 to 1000, got -1",
  );
  assert.match(
    refusal(text, sets("workers.cout=1")),
    /^--set workers\.cout=1: workers\.cout: unknown/,
  );
  assert.match(refusal(text, sets("workers.count")), /expected key=value/);
});

Deno.test("a section or a limit that came with --set is blamed on it, not on the file", () => {
  const text = "workers:\n  count: 10\n  processing_delay:\n    min: 1ms\n    max: 50ms\n" +
    "producers:\n  count: 4\n";
  const set = (...list: string[]) => refusal(text, sets(...list));
  assert.match(set("foo.bar=1"), /^--set foo\.bar=1: foo: unknown key; allowed: simulation, /);
  assert.match(
    set("workers.grup.settle=1s"),
    /^--set workers\.grup\.settle=1s: workers\.grup: unk/,
  );
  assert.equal(
    set("workers.processing_delay.min=10s"),
    "--set workers.processing_delay.min=10s: workers.processing_delay.max: expected at least " +
      'processing_delay.min (10000ms), got "50ms"',
  );
  assert.match(
    set("partitions.count=3"),
    /^--set partitions\.count=3: producers\.count: expected /,
  );
  assert.match(set("chaos.enabled=true"), /^--set chaos\.enabled=true: chaos\.events: expected /);
  assert.match(
    refusal(
      "workers:\n  group:\n    heartbeat_ttl: 5s\n",
      sets("workers.group.heartbeat_interval=4s"),
    ),
    /^--set workers\.group\.heartbeat_interval=4s: workers\.group\.heartbeat_ttl: expected /,
  );
  // What the file itself has wrong is the file's.
  assert.match(refusal("foo: {}\n", sets("foo.bar=1")), /^my\.yaml:1:6: foo: unknown key/);
  assert.match(
    refusal("workers:\n  count: 0\n", sets("workers.group.settle=1s")),
    /^my\.yaml:2:10/,
  );
});

Deno.test("thresholds can be set or taken away one by one, however the file writes them", () => {
  const text = "thresholds:\n  handoffMs.p99: < 150\n  startup: { allStableMs: 3000 }\n" +
    "  messages: { lost: == 0, sent: '> 5' }\n";
  const set = (...list: string[]) =>
    parseConfig(text, "my.yaml", sets(...list)).config.thresholds.map(describeThreshold);
  assert.deepEqual(set("thresholds.handoffMs.p99=> 2", "thresholds.messages.lost=!= 1"), [
    "startup.allStableMs <= 3000ms",
    "messages.sent > 5",
    "messages.lost != 1",
    "handoffMs.p99 > 2ms",
  ]);
  assert.deepEqual(set("thresholds.startup={}", "thresholds.messages={}"), [
    "handoffMs.p99 < 150ms",
  ]);
  assert.deepEqual(set("thresholds={}"), []);
  assert.deepEqual(parseConfig("thresholds:\n", "my.yaml").config.thresholds, []);
  assert.match(
    refusal(text, sets("thresholds.handoffMs.p98=3")),
    /^--set thresholds\.handoffMs\.p98=3: thresholds\.handoffMs\.p98: unknown figure; did you mean/,
  );
});

Deno.test("a coordinator is killed only where another one can come after it", () => {
  const text = "chaos:\n  enabled: true\n  events: [coordinator_crash]\n";
  assert.match(
    refusal(text),
    /^my\.yaml:.*checkpointing\.enabled: expected true with coordinator_crash, because .*, got false$/,
  );
  assert.match(
    refusal(text, sets("checkpointing.enabled=true", "simulation.mode=coordinator")),
    /^--set simulation\.mode=coordinator: chaos\.events: expected no coordinator_crash with /,
  );
  parseConfig(text, "my.yaml", sets("checkpointing.enabled=true"));
  parseConfig(text, "my.yaml", sets("chaos.enabled=false"));
});

Deno.test("mistakes in thresholds are told with their place", () => {
  const of = (line: string) => refusal(`thresholds:\n  ${line}\n`);
  assert.equal(
    of('recoveryMs.p98: "< 3"'),
    "my.yaml:2:19: thresholds.recoveryMs.p98: unknown figure; did you mean recoveryMs.p99? " +
      "the report has: recoveryMs.count, recoveryMs.p50, recoveryMs.p99, recoveryMs.max",
  );
  assert.equal(
    of("handoffMs: { p99: 150ms }"),
    "my.yaml:2:21: thresholds.handoffMs.p99: expected an operator (<, <=, ==, >=, >, !=) and a " +
      'number, such as "< 1000", got "150ms"',
  );
  assert.match(
    of("workers: < 3"),
    /^my\.yaml:2:12: thresholds\.workers: unknown figure; the report has: seed/,
  );
  assert.match(
    of("messages.lost: [ < 3, { threshold: = 3 } ]"),
    /^my\.yaml:2:\d+: thresholds\.messages\.lost\.1\.threshold: expected .*, got "= 3"$/,
  );
  assert.match(
    of("moves.total: { threshold: < 3, abortOnFail: true }"),
    /abortOnFail: expected false, because moves\.total is only known in the end, got true$/,
  );
  assert.match(
    refusal("thresholds: [ < 3 ]\n"),
    /^my\.yaml:1:13: thresholds: expected a section of/,
  );
  // Without quotes these are a block of text, and a tag, to YAML.
  for (const unquoted of ["> 0", ">= 0", "!= 0"]) {
    assert.match(
      of(`messages.sent: ${unquoted}`),
      /^my\.yaml:2:\d+: this is not YAML: .*put quotes/s,
    );
  }
});

Deno.test("broken YAML and a missing file are clear", async () => {
  assert.match(refusal("a: [1, 2\nb: 3\n"), /^my\.yaml:\d+:\d+: this is not YAML: /);
  assert.match(refusal("a: 1\na: 2\n"), /^my\.yaml:2:1: this is not YAML: .*unique/i);
  for (const text of ["*nix", "&a [*a]", "&a { b: *a }"]) {
    const circle = `chaos: { enabled: true }\nworkers: ${text}\n`;
    assert.match(refusal(circle), /^my\.yaml:2:\d+: this is not YAML to us: an alias means/);
  }
  assert.match(refusal("", sets("chaos.enabled=&a [*a]")), /^--set chaos.*the value is not YAML$/);
  await assert.rejects(loadConfig("no/such.yaml"), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
    assert.equal(
      error.message,
      "cannot read the configuration no/such.yaml: there is no such file",
    );
    return true;
  });
});

Deno.test("a file that is no mapping is refused with its place, whatever is set", () => {
  const expected =
    "my.yaml:1:1: expected a section with simulation, partitions, producers, workers, " +
    "coordinator, chaos, thresholds, nats, metrics, logs, checkpointing, page, got ";
  assert.equal(refusal("- 1\n"), `${expected}[1]`);
  assert.equal(refusal("hello\n", sets("simulation.seed=3")), `${expected}"hello"`);
  assert.equal(refusal("42\n", sets("simulation.seed=3")), `${expected}42`);
});

Deno.test("a configuration comes back as it was written", async () => {
  const all = sets(
    "simulation.seed=7",
    "simulation.duration=1h30m",
    "chaos.interval=10-30m",
    "workers.processing_delay.min=0ms",
    "workers.processing_delay.max=1.5ms",
    "workers.group.heartbeatTtl=6500ms",
    "nats.jetstream.max_memory=1536MB",
    "thresholds.recoveryMs.p99=> 1000",
    "thresholds.messages.lost={ threshold: == 0, abortOnFail: true, delayAbortEval: 1m30s }",
    "thresholds.latencyMs.p50=[ 5, '!= 0' ]",
  );
  const file = new URL("../../configs/quick.yaml", import.meta.url);
  const { config } = await loadConfig(file, all);
  const text = describeConfig(config);
  assert.deepEqual(parseConfig(text, "again.yaml").config, config);
  for (const line of ["duration: 1h30m", "interval: 10m-30m", "min: 0s", "max_memory: 1536MB"]) {
    assert.ok(text.includes(line), text);
  }
});

Deno.test("logs: sizes are bytes, and a file that could hold nothing is refused", () => {
  const { logs } = parseConfig("logs: { format: json, max_size: 64KB }", "my.yaml").config;
  assert.deepEqual(logs, { format: "json", level: "info", max_size: 65_536, max_files: 3 });
  assert.match(refusal("logs: { max_size: 10B }"), /max_size: expected a size .*, at least 1KB/);
  assert.match(refusal("logs: { format: xml }"), /format: expected one of text, json/);
});
