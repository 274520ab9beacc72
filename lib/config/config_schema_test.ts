import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { InferInput } from "valibot";
import { resolveConfigFrom } from "./config.ts";
import type { GroupConfigInput } from "./config_input.ts";
import { configJsonSchema, type groupSchema } from "./config_schema.ts";
import { isPartiError } from "../errors.ts";

// The documented interface is written by hand; it must be what the schema takes, key by key.
type Plain<T> = { -readonly [K in keyof T]: Plain<Exclude<T[K], undefined>> };
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;
const sameTypes: Same<Plain<GroupConfigInput>, Plain<InferInput<typeof groupSchema>>> = true;

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Record<string, Node>;
  readonly additionalProperties?: unknown;
}

/** All keys of the JSON Schema with their paths. */
function keysOf(node: Node, prefix = ""): [string, Node][] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    [prefix + key, child] as [string, Node],
    ...keysOf(child, `${prefix}${key}.`),
  ]);
}

const KEYS = new Map(keysOf(configJsonSchema() as Node));

/** Sets one key of an otherwise right input. */
function inputWith(path: string, value: unknown): unknown {
  const [first, second, third] = path.split(".");
  const section = first === "consumer" ? { stream: "s" } : {};
  const inner = third === undefined ? value : { ...section, [third]: value };
  return second === undefined
    ? { group: "g", [first!]: value }
    : { group: "g", [first!]: { ...section, [second]: inner } };
}

Deno.test("the documented input type is the schema's", () => assert.ok(sameTypes));

Deno.test("every key refuses a value of another kind, and says which key, value and what is allowed", () => {
  assert.ok(KEYS.size >= 60, `${KEYS.size} keys`);
  for (const path of KEYS.keys()) {
    for (const value of [null, true, -1, NaN, "no such value!", [], { unknown: 1 }]) {
      // A flag is a flag, and the only list-like thing with free keys are the labels.
      if (path === "consumer.manualAck" && value === true) continue;
      assert.throws(
        () => resolveConfigFrom(inputWith(path, value)),
        (e) =>
          isPartiError(e, "PARTI_INVALID_CONFIG") && e.message.includes(path) &&
          e.message.includes("; allowed: ") && !e.message.includes("Invalid"),
        `${path} = ${JSON.stringify(value)}`,
      );
    }
  }
});

const BAD: [string, unknown][] = [
  ["group", ""],
  ["group", "a.b"],
  ["group", "x".repeat(65)],
  ["workerIdPrefix", "a b"],
  ["workerIdMax", 1.5],
  ["capacity", 0],
  ["restartDetectionRatio", 1.01],
  ["labels", { zone: 1 }],
  ["heartbeatInterval", 0],
  ["heartbeatInterval", "0s"],
  ["heartbeatTtl", "10-30"],
  ["heartbeatTtl", "10"],
  ["settle", "-1s"],
  ["operationTimeout", "600h"],
  ["kvBuckets.replicas", 0],
  ["kvBuckets.replicas", 6],
  ["kvBuckets.storage", "disk"],
  ["probe.interval", 0],
  ["probe.budgetPerSecond", 0],
  ["degradedBehavior.kvErrorThreshold", 0],
  ["degradedBehavior.preset", "calm"],
  ["consumer.stream", "a.b"],
  ["consumer.stream", ""],
  ["consumer.subjectTemplate", "orders"],
  ["consumer.subjectTemplate", "orders.*.{{.PartitionID}}"],
  ["consumer.shards", 0],
  ["consumer.shards", 1_025],
  ["consumer.from.stream", "a.b"],
  ["consumer.from.subjectTemplate", "events.>"],
  ["consumer.from.subjectTemplate", "events.{{.Shard}}.{{.PartitionID}}"],
  ["consumer.from.begin", "old"],
  ["consumer.deadLetterSubject", "dead.{{.Shard}}.{{.PartitionID}}"],
  ["consumer.maxDeliver", 0],
  ["consumer.retryMultiplier", 0.9],
  ["consumer.onPoison", "drop"],
  ["consumer.deadLetterSubject", "dead.>"],
  ["consumer.maxLanes", 0],
];

for (const [path, value] of BAD) {
  Deno.test(`${path}: ${JSON.stringify(value)} is refused`, () => {
    assert.throws(
      () => resolveConfigFrom(inputWith(path, value)),
      (e) =>
        isPartiError(e, "PARTI_INVALID_CONFIG") &&
        e.message.startsWith(`invalid configuration: ${path}`) &&
        e.message.includes(" is not allowed; allowed: "),
    );
  });
}

Deno.test("the JSON Schema describes every key and refuses unknown ones", () => {
  const schema = configJsonSchema() as Node & { readonly required?: string[] };
  assert.deepEqual(schema.required, ["group"]);
  assert.equal(schema.additionalProperties, false);
  for (const [path, node] of KEYS) {
    assert.ok(node.description, `${path} has a description`);
    if (node.properties !== undefined) assert.equal(node.additionalProperties, false, path);
  }
});

Deno.test("every default in the documentation is the one in force", () => {
  const source = readFileSync(new URL("config_input.ts", import.meta.url), "utf8");
  // Which section of the configuration each interface of the file documents.
  const prefixes: Record<string, string> = {
    AssignmentInput: "assignment.",
    KvBucketsInput: "kvBuckets.",
    ProbeInput: "probe.",
    DegradedAlertInput: "degradedAlert.",
    DegradedBehaviorInput: "degradedBehavior.",
    ConsumerFromInput: "consumer.from.",
    ConsumerInput: "consumer.",
    GroupConfigInput: "",
  };
  const fromNames: Record<string, string> = {
    "consumer.subjectTemplate":
      '"<stream>.{{.PartitionID}}", sharded "<stream>.{{.Shard}}.{{.PartitionID}}"',
    "consumer.deadLetterSubject": '"parti.<group>.dead.{{.PartitionID}}"',
    "consumer.shards": "none",
    "consumer.from": "none",
    "consumer.from.subjectTemplate": '"<from.stream>.{{.PartitionID}}"',
    "consumer.from.begin": "none",
    preferredId: "none",
  };
  let checked = 0;
  for (const [, name, body] of source.matchAll(/^export interface (\w+) \{\n(.*?)^\}/gms)) {
    for (const [, comment, key] of body!.matchAll(/ {2}\/\*\*(.*?)\*\/\s+readonly (\w+)\??:/gs)) {
      const path = prefixes[name!]! + key;
      const node = KEYS.get(path);
      assert.ok(node, `${path} is in the schema`);
      const documented = /@default (.*)/.exec(comment!)?.[1];
      const actual = node.default === undefined ? undefined : JSON.stringify(node.default);
      assert.equal(documented, fromNames[path] ?? actual, path);
      checked++;
    }
  }
  assert.equal(checked, KEYS.size);
});
