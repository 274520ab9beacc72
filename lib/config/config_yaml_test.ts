import assert from "node:assert/strict";
import { resolveConfig } from "./config.ts";
import { parseConfigYaml } from "./config_yaml.ts";
import { isPartiError } from "../errors.ts";

function messageOf(text: string): string {
  try {
    parseConfigYaml(text, "group.yaml");
  } catch (error) {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"), String(error));
    return error.message;
  }
  assert.fail("the text was accepted");
}

Deno.test("a YAML text is read like the same object in code, and so is JSON", () => {
  const input = {
    group: "orders",
    heartbeatInterval: "1s",
    heartbeatTtl: 2_500,
    labels: { zone: "a" },
    consumer: { stream: "orders", onPoison: "stop" as const },
  };
  const yaml = `# the orders group
group: orders
heartbeatInterval: 1s
heartbeatTtl: 2500 # milliseconds
labels: {zone: a}
consumer:
  stream: orders
  onPoison: stop
`;
  assert.deepEqual(parseConfigYaml(yaml, "a.yaml"), resolveConfig(input));
  assert.deepEqual(parseConfigYaml(JSON.stringify(input), "a.json"), resolveConfig(input));
});

Deno.test("every problem has file, line, column, key, value and what is allowed, in the file's order", () => {
  const message = messageOf(`group: orders
workerIdMax: -1
probe:
  interval: 10-30
  intervall: 5
consumer:
  ackWait: 5s
labels: {a: 1}
`);
  const lines = message.split("\n");
  assert.equal(lines.length, 6, message);
  assert.equal(lines[0], "invalid configuration in group.yaml, 5 problems:");
  const starts = [
    "  group.yaml:2:1: workerIdMax: -1 is not allowed; allowed: a whole number, at least 0",
    '  group.yaml:4:3: probe.interval: "10-30" is not allowed; allowed: a duration with units',
    "  group.yaml:5:3: probe.intervall: unknown key (its value is 5), did you mean interval?; allowed: a mapping with the keys interval, timeout, grace, budgetPerSecond",
    "  group.yaml:6:1: consumer.stream: is missing; allowed: a stream's name",
    "  group.yaml:8:10: labels.a: 1 is not allowed; allowed: a text",
  ];
  starts.forEach((start, i) => assert.ok(lines[i + 1]!.startsWith(start), lines[i + 1]));
});

Deno.test("a default that does not go with a written key is shown at the written key", () => {
  assert.equal(
    messageOf("group: g\nheartbeatInterval: 5s\n"),
    'invalid configuration in group.yaml: group.yaml:2:1: heartbeatTtl: the default "6s" is not allowed here; ' +
      "allowed: at least 2 × heartbeatInterval, which is 10s",
  );
});

Deno.test("what is no YAML, or no mapping, is refused with its place", () => {
  assert.match(messageOf("group: g\ngroup: h\n"), /^invalid YAML: group\.yaml:2:1: .*unique/);
  assert.match(messageOf("group: [g"), /^invalid YAML: group\.yaml:1:\d+: /);
  assert.match(messageOf("group: !secret g"), /^invalid YAML: group\.yaml:1:8: .*!secret/);
  assert.match(messageOf("group: g\n\tsettle: 1s"), /group\.yaml:2:1: Tabs/);
  assert.match(messageOf(""), /group\.yaml:1:1: null is not allowed; allowed: a mapping/);
  assert.match(messageOf("- group: g"), /group\.yaml:1:1: .* is not allowed; allowed: a mapping/);
  assert.match(messageOf("group: g\n---\ngroup: h"), /^invalid YAML: group\.yaml:2:1: /);
  assert.match(messageOf("group:\n"), /group\.yaml:1:1: group: null is not allowed/);
});

Deno.test("texts made to exhaust the reader are refused", () => {
  const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 9; i++) {
    bomb.push(`a${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(", ")}]`);
  }
  assert.match(messageOf(bomb.join("\n")), /^invalid YAML: group\.yaml: .*alias/i);
  assert.match(messageOf("group: g\nlabels: &l {a: *l}"), /a value that contains itself|alias/i);
});

Deno.test("an alias may stand for a value, and its problems are found", () => {
  const text = "group: g\nheartbeatInterval: &t 1s\nheartbeatTtl: *t\n";
  assert.match(messageOf(text), /group\.yaml:3:1: heartbeatTtl: "1s" is not allowed/);
});
