import assert from "node:assert/strict";
import { CHAOS_TYPES, NETWORK_FAULTS } from "../config/config_schema.ts";
import { assertRecovered, type Effect, EFFECTS, victimsOf } from "./chaos_effects_rig_test.ts";
import { defects, SMALL } from "./sim_rig_test.ts";
import { type DoneEvent, type WatchedRun, watchRun } from "./watched_run_rig_test.ts";

const network = (at: string, how: string, down = "1s") =>
  `{ at: ${at}, event: nats_disconnect, network: ${how}, down: ${down} }`;

/** What happens in each run: nothing that would keep another event of it from its effect, or from being over in time. */
const TIMELINES = {
  processes: [
    "{ at: 500ms, event: worker_crash, down: 1s }",
    "{ at: 2500ms, event: scale_up, count: 1 }",
    "{ at: 4500ms, event: worker_restart }",
    "{ at: 6500ms, event: producer_crash, down: 500ms }",
    "{ at: 7500ms, event: scale_down, count: 1 }",
    "{ at: 9500ms, event: leader_failure, down: 1s }",
    "{ at: 12s, event: nats_server_kill, down: 4s }",
  ],
  // That a leader stands still is noticed late, and then the others wait for a lease before they take over.
  pauses: [
    "{ at: 500ms, event: leader_pause, down: 15s }",
    "{ at: 700ms, event: worker_pause, down: 15s }",
    "{ at: 1s, event: slow_worker, down: 6s }",
  ],
  networks: [
    network("500ms", "away", "2s"),
    network("1s", "slow", "3s"),
    network("1500ms", "half-open", "8s"),
    network("4s", "mute", "3s"),
    network("6s", "deaf", "6s"),
    "{ at: 9s, event: nats_disconnect, network: cut }",
  ],
};

function chaotic(timeline: readonly string[], seconds: number, workers: number) {
  const sets = [
    `workers.count=${workers}`,
    ...["chaos.enabled=true", "chaos.events=[]", `chaos.timeline=[${timeline}]`],
  ];
  return watchRun([
    ...SMALL,
    ...["--duration", `${seconds}s`],
    ...sets.flatMap((set) => ["--set", set]),
  ]);
}

/** Each event did what it is for, to whom it hit and to nobody else, and had its recovery measured. */
function assertEffects(run: WatchedRun): void {
  for (const event of run.events) {
    const { record: { type, target } } = event;
    const effect = EFFECTS[type];
    assert.ok(typeof effect === "function");
    const victims = victimsOf(event);
    assert.ok(victims.length > 0, target);
    for (const victim of victims) {
      try {
        effect(run, event, victim);
      } catch (error) {
        assert.fail(`${type} (${target}): ${error}\n${run.text}`);
      }
    }
    assertRecovered(event, run.text);
    if (type !== "nats_server_kill") assertTold(run, event, effect);
  }
}

/** Planted: of nobody else can it be said that this has happened to him; otherwise what is looked at would show nothing. */
function assertTold(run: WatchedRun, event: DoneEvent, effect: Effect): void {
  const names = new Set([...run.processes.keys()].map((process) => process.split("#")[0]!));
  const hit = new Set(run.events.filter((other) => isBeside(other, event)).flatMap(victimsOf));
  const others = [...names].filter((name) => !hit.has(name));
  assert.ok(others.length > 0, "there is somebody else");
  for (const other of others) {
    const what = `${event.record.type} (${event.record.target}) as if it were ${other}`;
    assert.throws(() => effect(run, event, other), assert.AssertionError, what);
  }
}

/** So long before and after an event what it has done may be seen. */
const BESIDE_MS = 2_000;

function isBeside(one: DoneEvent, other: DoneEvent): boolean {
  return one.atMs < other.atMs + other.plan.downMs + BESIDE_MS &&
    other.atMs < one.atMs + one.plan.downMs + BESIDE_MS;
}

function assertPassed({ code, text, report }: WatchedRun): void {
  assert.equal(code, 0, text);
  assert.deepEqual(defects(report), {});
  assert.equal(report.messages.sent, report.messages.effective);
}

Deno.test("each kind of chaos event has a run in which its effect is seen and its recovery is measured", async () => {
  const all = Object.values(TIMELINES).flat().join();
  for (const type of CHAOS_TYPES) {
    const row = EFFECTS[type];
    if (typeof row === "function") assert.match(all, new RegExp(`event: ${type}\\b`));
    else {
      const text = await Deno.readTextFile(new URL(row.file, import.meta.url));
      assert.ok(text.includes(`Deno.test("${row.test}`), `${row.file}: ${row.test}`);
      assert.match(text, new RegExp(`event: ${type}\\b`));
    }
  }
});

Deno.test("a run in which processes of every kind are killed, asked to leave and joined passes, and each event has its effect", async () => {
  const run = await chaotic(TIMELINES.processes, 18, 6);
  assertPassed(run);
  assert.equal(run.events.length, TIMELINES.processes.length, run.text);
  assertEffects(run);
});

Deno.test("a run in which a leader stands still and a worker is slow passes, and each fault is seen", async () => {
  const run = await chaotic(TIMELINES.pauses, 17, 6);
  assertPassed(run);
  assert.equal(run.events.length, TIMELINES.pauses.length, run.text);
  assertEffects(run);
});

Deno.test("a run in which networks fail in every way passes, and each fault is seen", async () => {
  const run = await chaotic(TIMELINES.networks, 13, 6);
  assertPassed(run);
  const faults = run.events.map(({ plan }) => plan.network);
  assert.deepEqual(faults.toSorted(), NETWORK_FAULTS.toSorted(), run.text);
  assertEffects(run);
});
