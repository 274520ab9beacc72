import assert from "node:assert/strict";
import { type GroupConfigInput, resolveConfig } from "./config.ts";
import { isPartiError } from "../errors.ts";

type Rest = Omit<GroupConfigInput, "group">;

/** Each rule: the last input that keeps it, the first that breaks it, and the whole of what is said. */
const RULES: [keeps: Rest, breaks: Rest, said: string][] = [
  [
    { heartbeatTtl: "4s" },
    { heartbeatTtl: "3999ms" },
    'heartbeatTtl: "3999ms" is not allowed; allowed: at least 2 × heartbeatInterval, which is 4s',
  ],
  [
    { heartbeatInterval: "3s" },
    { heartbeatInterval: 3_001 },
    'heartbeatTtl: the default "6s" is not allowed here; allowed: at least 2 × heartbeatInterval, which is 6002ms',
  ],
  [
    { workerIdTtl: "9s", heartbeatInterval: "3s" },
    { workerIdTtl: "8s", heartbeatInterval: "3s" },
    'workerIdTtl: "8s" is not allowed; allowed: at least 3 × heartbeatInterval, which is 9s',
  ],
  [
    { workerIdTtl: "7s", heartbeatTtl: "7s" },
    { workerIdTtl: "7s", heartbeatTtl: "8s" },
    'workerIdTtl: "7s" is not allowed; allowed: at least heartbeatTtl, which is 8s',
  ],
  [
    { electionTimeout: "30s" },
    { electionTimeout: "31s" },
    'workerIdTtl: the default "30s" is not allowed here; allowed: at least electionTimeout, which is 31s',
  ],
  [
    { workerIdMin: 5, workerIdMax: 5 },
    { workerIdMin: 5, workerIdMax: 3 },
    "workerIdMax: 3 is not allowed; allowed: at least workerIdMin, which is 5",
  ],
  [
    { preferredId: 10, workerIdMin: 10 },
    { preferredId: 9, workerIdMin: 10 },
    "preferredId: 9 is not allowed; allowed: at least workerIdMin, which is 10",
  ],
  [
    { preferredId: 99 },
    { preferredId: 100 },
    "preferredId: 100 is not allowed; allowed: at most workerIdMax, which is 99",
  ],
  [
    { coldStartWindow: "10s" },
    { coldStartWindow: "9s" },
    'coldStartWindow: "9s" is not allowed; allowed: at least plannedScaleWindow, which is 10s',
  ],
  [
    { emergencyGracePeriod: "6s" },
    { emergencyGracePeriod: "7s" },
    'emergencyGracePeriod: "7s" is not allowed; allowed: at most heartbeatTtl, which is 6s',
  ],
  [
    { consumer: { stream: "s", shards: 4 } },
    { consumer: { stream: "s", shards: 4, subjectTemplate: "s.{{.PartitionID}}" } },
    'consumer.subjectTemplate: "s.{{.PartitionID}}" is not allowed; allowed: a subject with {{.Shard}} as a token and {{.PartitionID}} at its end, since the feed is sharded',
  ],
  [
    {
      consumer: { stream: "s", shards: 4, subjectTemplate: "t.{{.Shard}}.{{.PartitionID}}" },
    },
    { consumer: { stream: "s", subjectTemplate: "t.{{.Shard}}.{{.PartitionID}}" } },
    'consumer.subjectTemplate: "t.{{.Shard}}.{{.PartitionID}}" is not allowed; allowed: a subject without {{.Shard}}, unless consumer.shards says how many there are',
  ],
  [
    { consumer: { stream: "s", shards: 4, from: { stream: "t" } } },
    { consumer: { stream: "s", from: { stream: "t" } } },
    'consumer.from.stream: "t" is not allowed; allowed: nothing, unless consumer.shards says into how many shards it is copied',
  ],
  [
    { consumer: { stream: "s", shards: 4, onPoison: "dead-letter" } },
    { consumer: { stream: "s", shards: 4, onPoison: "stop" } },
    'consumer.onPoison: "stop" is not allowed; allowed: dead-letter: in a sharded feed a key that stops would stop its whole shard',
  ],
  [
    { drainTimeout: "10s" },
    { drainTimeout: "11s" },
    'drainTimeout: "11s" is not allowed; allowed: at most shutdownTimeout, which is 10s',
  ],
  [
    { degradedAlert: { infoThreshold: "2m" } },
    { degradedAlert: { infoThreshold: "3m" } },
    'degradedAlert.warnThreshold: the default "2m" is not allowed here; allowed: at least degradedAlert.infoThreshold, which is 3m',
  ],
  [
    { degradedAlert: { errorThreshold: "2m" } },
    { degradedAlert: { errorThreshold: "1m" } },
    'degradedAlert.errorThreshold: "1m" is not allowed; allowed: at least degradedAlert.warnThreshold, which is 2m',
  ],
  [
    { degradedAlert: { criticalThreshold: "5m" } },
    { degradedAlert: { criticalThreshold: "4m59s" } },
    'degradedAlert.criticalThreshold: "4m59s" is not allowed; allowed: at least degradedAlert.errorThreshold, which is 5m',
  ],
  [
    { consumer: { stream: "s", retryMax: "200ms" } },
    { consumer: { stream: "s", retryMax: "199ms" } },
    'consumer.retryMax: "199ms" is not allowed; allowed: at least consumer.retryBase, which is 200ms',
  ],
  [
    { consumer: { stream: "s", prefetch: 64 } },
    { consumer: { stream: "s", prefetch: 63 } },
    "consumer.prefetch: 63 is not allowed; allowed: at least consumer.concurrency, which is 64",
  ],
  [
    { consumer: { stream: "s", inactiveThreshold: "30s" } },
    { consumer: { stream: "s", inactiveThreshold: "29s" } },
    'consumer.inactiveThreshold: "29s" is not allowed; allowed: at least consumer.ackWait, which is 30s',
  ],
  [
    { consumer: { stream: "s", deadLetterSubject: "dead.{{.PartitionID}}" } },
    { consumer: { stream: "s", deadLetterSubject: "s.dead" } },
    'consumer.deadLetterSubject: "s.dead" is not allowed; allowed: a subject that no partition has: s.{{.PartitionID}} would take it back',
  ],
];

for (const [keeps, breaks, said] of RULES) {
  Deno.test(`rule: ${said}`, () => {
    resolveConfig({ group: "g", ...keeps });
    assert.throws(
      () => resolveConfig({ group: "g", ...breaks }),
      (e) =>
        isPartiError(e, "PARTI_INVALID_CONFIG") && e.message === `invalid configuration: ${said}`,
    );
  });
}

Deno.test("an interval between rebalances longer than the windows is allowed", () => {
  const config = resolveConfig({
    group: "g",
    coldStartWindow: 0,
    plannedScaleWindow: 0,
    assignment: { minRebalanceInterval: "1m" },
  });
  assert.equal(config.assignment.minRebalanceIntervalMs, 60_000);
});

Deno.test("all broken rules are told at once", () => {
  assert.throws(
    () => resolveConfig({ group: "g", workerIdMin: 100, heartbeatTtl: 1, drainTimeout: "1m" }),
    (e) =>
      isPartiError(e) && e.message.includes("3 problems") && e.message.includes("workerIdMax") &&
      e.message.includes("heartbeatTtl") && e.message.includes("drainTimeout"),
  );
});
