import assert from "node:assert/strict";
import type { ChaosRecord } from "../report/report.ts";
import { SimConsole } from "../console/status_line.ts";
import type { Fleet } from "../run/fleet.ts";
import { status, TestFleet } from "../run/fleet_rig_test.ts";
import { RunState } from "../run/run_state.ts";
import { exposition } from "./family.ts";
import { GONE_SHOWN_MS } from "./library_metrics.ts";
import { Observations } from "./observations.ts";
import { MAX_PARTITION_SERIES, type RunView, simulationMetrics } from "./simulation_metrics.ts";

const NOW_MS = 1_000_000;

function rig(partitions = 3) {
  const fleet = new TestFleet();
  const console = new SimConsole({
    ...{ write: () => {}, terminal: false, color: false },
    ...{ columns: () => 80, now: () => new Date(0) },
  });
  const state = new RunState(
    new Array(partitions).fill(1),
    () => fleet as unknown as Fleet,
    console,
  );
  const observations = new Observations();
  const look = async (changes: Partial<RunView> = {}) => {
    const view: RunView = {
      ...{ state, fleet, chaos: [], lost: 0, phase: "load", nowMs: NOW_MS },
      observer: { observations, phases: ["warm-up"], moving: 0, tickLateMs: 5 },
      info: { run_id: "r", seed: "1", strategy: "RoundRobin", nats_server: "2.15.1" },
      ...changes,
    };
    const text = await exposition([simulationMetrics(view)]);
    return new Map(
      text.split("\n").filter((line) => /^[a-z]/.test(line)).map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at).replace(/^simulation_/, ""), Number(line.slice(at + 1))];
      }),
    );
  };
  return { fleet, state, observations, look };
}

/** What is there of it, by the names given. */
function pick(all: ReadonlyMap<string, number>, ...names: string[]): (number | undefined)[] {
  return names.map((name) => all.get(name));
}

function effect(partition: number, sequence: number, process = "worker-0#1"): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({
    ...{ partition, sequence, publishedUs: 1_000, availableUs: 2_000, acquiredUs: 0, startUs: 3 },
    ...{ process, instance: "i", epoch: 1, generation: 1, streamSequence: 1, deliveryCount: 1 },
  }));
}

Deno.test("messages: by partition what was sent and received; the lag; what is wrong", async () => {
  const { state, look } = rig();
  state.ledger.sent(0, 1, 5);
  state.ledger.sent(2, 1, 2);
  state.takeEffect(effect(0, 1), 31_000, 1);
  state.takeEffect(effect(0, 1), 32_000, 2);
  state.ledger.begun("worker-0#1", "i", 0, 2, 40_000);
  const seen = await look({ lost: 4 });
  const sent = [0, 1, 2].map((partition) => `messages_sent_total{partition="${partition}"}`);
  assert.deepEqual(pick(seen, ...sent), [5, 0, 2]);
  assert.deepEqual(pick(seen, 'messages_received_total{partition="0"}'), [2]);
  const names = ["messages_effective_total", "messages_waiting", "message_gaps_total"];
  assert.deepEqual(pick(seen, ...names, "message_duplicates_total"), [1, 6, 4, 1]);
});

Deno.test("messages: one that went to the dead letters waits no more", async () => {
  const { state, look } = rig();
  state.ledger.sent(0, 1, 5);
  state.takeEffect(effect(0, 1), 31_000, 1);
  state.ledger.deadLettered({ partition: 0, sequence: 2, poisoned: true, storedUs: 32_000 });
  assert.deepEqual(pick(await look(), "messages_waiting"), [3]);
});

Deno.test("messages: with very many partitions they have no series of their own", async () => {
  const { state, look } = rig(MAX_PARTITION_SERIES + 1);
  state.ledger.sent(0, 1, 5);
  state.ledger.sent(MAX_PARTITION_SERIES, 1, 2);
  const seen = await look();
  assert.deepEqual(pick(seen, 'messages_sent_total{partition="all"}'), [7]);
  assert.ok(seen.size < 400, String(seen.size));
});

Deno.test("durations come out in seconds, in cumulative buckets", async () => {
  const { state, observations, look } = rig();
  state.takeEffect(effect(0, 1), 31_000, 1);
  const delivery = {
    ...{ partition: 0, sequence: 1, process: "worker-0#1", instance: "i", epoch: 1 },
    ...{ generation: 1, streamSequence: 1, deliveryCount: 1 },
  };
  const report = (endUs: number, outcome: "written" | "failed") =>
    observations.takeReport("worker-0#1", {
      kind: "delivered",
      delivery: { ...delivery, startUs: 1_000, endUs, outcome },
    });
  report(9_000, "written");
  report(21_000, "failed");
  observations.rebalanced(300, 12);
  const seen = await look();
  const handlers = "message_processing_duration_seconds";
  const buckets = ["0.005", "0.01", "0.025", "+Inf"].map((le) => `${handlers}_bucket{le="${le}"}`);
  assert.deepEqual(pick(seen, ...buckets, `${handlers}_count`), [0, 1, 2, 2, 2]);
  assert.deepEqual(pick(seen, `${handlers}_sum`, "message_processing_errors_total"), [0.028, 1]);
  const latency = ['message_latency_seconds_bucket{le="0.025"}', "message_latency_seconds_count"];
  assert.deepEqual(pick(seen, ...latency), [0, 1]);
  assert.deepEqual(pick(seen, 'message_latency_seconds_bucket{le="0.05"}'), [1]);
  assert.ok(Math.abs(seen.get("message_latency_seconds_sum")! - 0.03) < 0.000_1);
  const moves = ["rebalancing_duration_seconds_sum", "partition_moves_total"];
  assert.deepEqual(pick(seen, ...moves), [0.3, 12]);
});

Deno.test("workers: each has its series, and a killed one's disappear after a while", async () => {
  const { fleet, look } = rig();
  fleet.add("worker", 0, { status: status({ owned: [0, 1] }), rssBytes: 5_000, handled: 4 });
  fleet.add("producer", 0);
  const killed = fleet.add("worker", 1, { phase: "gone", endedUs: NOW_MS * 1_000, handled: 3 });
  const names = ["workers_active", "workers_stable", "producers_active"];
  const first = await look();
  assert.deepEqual(pick(first, ...names), [1, 1, 1]);
  const effects = ["worker-0", "worker-1"].map((name) => `worker_effects_total{worker="${name}"}`);
  assert.deepEqual(pick(first, ...effects), [4, 3]);
  const of0 = ["worker_partitions", "worker_memory_bytes"].map((name) =>
    `${name}{worker="worker-0"}`
  );
  assert.deepEqual(pick(first, ...of0, 'worker_memory_bytes{worker="worker-1"}'), [
    2,
    5_000,
    undefined,
  ]);
  assert.deepEqual(pick(await look({ nowMs: NOW_MS + GONE_SHOWN_MS }), ...effects), [4, undefined]);
  // Its next incarnation goes on counting.
  fleet.add("worker", 1, { process: "worker-1#2", handled: 1 });
  assert.equal(killed.phase, "gone");
  assert.deepEqual(pick(await look({ nowMs: NOW_MS + GONE_SHOWN_MS }), ...effects), [4, 4]);
});

Deno.test("the run: its phase, its labels, chaos by type, what went wrong", async () => {
  const { state, look } = rig();
  const event = (skipped?: string): ChaosRecord => ({
    ...{ number: 1, atMs: 1, type: "worker_crash", target: "worker-0", recoveredMs: null },
    wholeMs: null,
    ...{ moves: { total: 0, needed: 0 }, ...(skipped === undefined ? {} : { skipped }) },
  });
  state.doubts.push("x");
  const seen = await look({ chaos: [event(), event(), event("nobody leads")] });
  assert.deepEqual(pick(seen, 'chaos_events_total{type="worker_crash"}'), [2]);
  assert.deepEqual(pick(seen, 'chaos_events_total{type="scale_up"}'), [0]);
  const kinds = ["incident", "doubt"].map((kind) => `incidents_total{kind="${kind}"}`);
  assert.deepEqual(pick(seen, ...kinds), [0, 1]);
  assert.deepEqual(pick(seen, 'phase{phase="warm-up"}', 'phase{phase="load"}'), [0, 1]);
  const info = 'run_info{run_id="r",seed="1",strategy="RoundRobin",nats_server="2.15.1"}';
  assert.deepEqual(pick(seen, info), [1]);
  assert.ok(seen.get("process_resident_memory_bytes")! > 1_000_000);
  assert.ok(seen.get("process_cpu_seconds_total")! > 0);
});
