import assert from "node:assert/strict";
import { parse } from "valibot";
import { parseConfig } from "./config.ts";
import { type SimulationConfig, simulationSchema } from "./config_schema.ts";
import { checkGroup, resolveGroup } from "./group_check.ts";

function config(workers: unknown): SimulationConfig {
  return parse(simulationSchema, { workers });
}

Deno.test("group: what the YAML leaves out is the library's default", () => {
  const { group, workerIdMax, heartbeatTtlMs, settleMs } = resolveGroup(
    config({ group: { settle: "250ms" } }),
  );
  assert.deepEqual([group, workerIdMax, heartbeatTtlMs, settleMs], [
    "simulation-00000000",
    99,
    6_000,
    250,
  ]);
  assert.equal(
    resolveGroup(config({ group: { min_rebalance_interval: "3s" } })).assignment
      .minRebalanceIntervalMs,
    3_000,
  );
  const crowded = resolveGroup(config({ group: { election_timeout: "8s", probe_timeout: "1s" } }));
  assert.deepEqual([crowded.electionTimeoutMs, crowded.probe.timeoutMs], [8_000, 1_000]);
  assert.equal(crowded.probe.graceMs, resolveGroup(config({})).probe.graceMs);
  assert.deepEqual(checkGroup(config({})), []);
});

Deno.test("group: planted: each rule of the library that the YAML's keys can break is told with those keys", () => {
  const cases: [Record<string, unknown>, string, string, string?, string?][] = [
    [
      { heartbeat_interval: "5s" },
      "heartbeat_ttl",
      "at least 2 × heartbeat_interval, which is 10s",
      "the default 6s",
      "heartbeat_interval",
    ],
    [
      { heartbeat_interval: "5s", heartbeat_ttl: "9s" },
      "heartbeat_ttl",
      "at least 2 × heartbeat_interval, which is 10s",
    ],
    [
      { planned_scale_window: "1m" },
      "cold_start_window",
      "at least planned_scale_window, which is 1m",
      "the default 30s",
      "planned_scale_window",
    ],
    [
      { worker_id_min: 200 },
      "worker_id_max",
      "at least worker_id_min, which is 200",
      "the default 99",
      "worker_id_min",
    ],
    [
      { worker_id_prefix: "a b" },
      "worker_id_prefix",
      "1 to 64 characters of A-Z, a-z, 0-9, _ and -",
    ],
    [
      { worker_id_ttl: "5500ms", heartbeat_ttl: "5s" },
      "worker_id_ttl",
      "at least 3 × heartbeat_interval, which is 6s",
    ],
  ];
  for (const [group, key, allowed, got, at] of cases) {
    const found = checkGroup(config({ group })).map(({ causes: _causes, ...rest }) => rest);
    assert.deepEqual(found, [{
      path: ["workers", "group", key],
      allowed,
      ...(got === undefined ? {} : { got }),
      ...(at === undefined ? {} : { at: ["workers", "group", at] }),
    }]);
  }
});

Deno.test("group: more workers than the library's default pool has IDs for", () => {
  const [issue] = checkGroup(config({ count: 150 }));
  assert.deepEqual(issue, {
    path: ["workers", "group", "worker_id_max"],
    allowed: "an ID for each of the 150 workers: at least 149",
    at: ["workers", "count"],
    got: "the default 99",
    causes: [["workers", "count"], ["workers", "group", "worker_id_min"]],
  });
  assert.deepEqual(checkGroup(config({ count: 150, group: { worker_id_max: 149 } })), []);
});

Deno.test("group: the message has the place of what was written", () => {
  assert.throws(() => parseConfig("workers:\n  group:\n    heartbeatInterval: 5s\n", "my.yaml"), {
    message: "my.yaml:3:24: workers.group.heartbeat_ttl: expected at least 2 × " +
      "heartbeat_interval, which is 10s, got the default 6s",
  });
});
