import assert from "node:assert/strict";
import fc from "fast-check";
import { loadConfig, parseConfig } from "../config/config.ts";
import { chooseVictim, describePlan, planChaos } from "./chaos_plan.ts";

const quick = (await loadConfig(new URL("../../configs/quick.yaml", import.meta.url))).config;

Deno.test("the same seed gives the same plan, another seed another", () => {
  assert.deepEqual(planChaos(quick, 7), planChaos(quick, 7));
  assert.notDeepEqual(planChaos(quick, 7).events, planChaos(quick, 8).events);
  assert.deepEqual(JSON.parse(JSON.stringify(planChaos(quick, 7))), planChaos(quick, 7));
});

Deno.test("the default run has at least eight events of every kind, spaced as configured, for any seed", () => {
  fc.assert(fc.property(fc.nat(999_999), (seed) => {
    const { events } = planChaos(quick, seed);
    assert.ok(events.length >= 8, `${events.length} events`);
    assert.equal(new Set(events.map(({ type }) => type)).size, 5);
    let before = 0;
    for (const [index, { atMs, number, count, downMs }] of events.entries()) {
      assert.equal(number, index + 1);
      assert.ok(atMs <= 60_000);
      if (index > 0) assert.ok(atMs - before >= 4_999 && atMs - before <= 8_001);
      assert.ok(count >= 1 && count <= 3);
      assert.ok(downMs >= 1_000 && downMs <= 2_500);
      before = atMs;
    }
  }));
});

Deno.test("a network fails in every way, for longer or shorter than a lease; pauses and servers for longer", () => {
  const text = `
simulation: { duration: 1h }
chaos:
  enabled: true
  interval: 5s-8s
  events: [nats_disconnect, worker_pause, leader_pause, nats_server_kill, worker_crash]
`;
  const { events } = planChaos(parseConfig(text, "my.yaml").config, 3);
  const cuts = events.filter(({ type }) => type === "nats_disconnect");
  assert.deepEqual([...new Set(cuts.map(({ network }) => network))].sort(), [
    ...["away", "cut", "deaf", "half-open", "mute", "slow"],
  ]);
  assert.ok(cuts.some(({ downMs }) => downMs < 2_000) && cuts.some(({ downMs }) => downMs > 9_000));
  for (const { type, network, downMs } of events) {
    if (type !== "nats_disconnect") assert.equal(network, undefined);
    if (/_pause|server_kill/.test(type)) assert.equal(downMs, 10_000);
  }
});

Deno.test("no chaos, no events", () => {
  assert.deepEqual(planChaos(parseConfig("", "my.yaml").config, 1).events, []);
});

Deno.test("victims depend on who is alive and on the pick, not on the order of the list", () => {
  assert.equal(chooseVictim(["worker-10", "worker-2", "worker-1"], 0.99), "worker-10");
  assert.equal(chooseVictim(["worker-2", "worker-1", "worker-10"], 0.99), "worker-10");
  assert.equal(chooseVictim(["worker-2", "worker-1"], 0), "worker-1");
  assert.equal(chooseVictim([], 0.5), undefined);
});

Deno.test("the plan can be read", () => {
  const plan = {
    seed: 1,
    events: [{
      number: 1,
      atMs: 5_250,
      type: "scale_up" as const,
      picks: [0],
      count: 2,
      downMs: 1_000,
    }, {
      number: 2,
      atMs: 9_000,
      type: "nats_disconnect" as const,
      picks: [0],
      count: 1,
      downMs: 4_200,
      network: "half-open" as const,
    }],
  };
  assert.deepEqual(describePlan(plan), [
    "#1 at 5.3s: scale_up of 2",
    "#2 at 9s: nats_disconnect (half-open, 4.2s)",
  ]);
});
