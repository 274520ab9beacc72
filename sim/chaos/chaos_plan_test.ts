import assert from "node:assert/strict";
import fc from "fast-check";
import { loadConfig, parseConfig } from "../config/config.ts";
import { resolveGroup } from "../config/group_check.ts";
import { chooseVictim, describePlan, longestOutageMs, planChaos } from "./chaos_plan.ts";
import { Hits } from "./hits.ts";

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
  assert.ok(cuts.every(({ network, downMs }) => (network === "cut") === (downMs === 0)));
  assert.ok(
    cuts.some(({ downMs }) => downMs > 0 && downMs < 2_000) &&
      cuts.some(({ downMs }) => downMs > 9_000),
  );
  for (const { type, network, downMs } of events) {
    if (type !== "nats_disconnect") assert.equal(network, undefined);
    if (/worker_pause|server_kill/.test(type)) assert.equal(downMs, 10_000);
    if (type === "leader_pause") assert.equal(downMs, 15_000);
  }
});

Deno.test("planted: pauses are longer than a group with long leases needs to notice them", () => {
  const text = `
workers: { group: { heartbeat_ttl: 15s, election_timeout: 8s } }
chaos:
  enabled: true
  interval: 5s-8s
  events: [worker_pause, leader_pause]
`;
  const { config } = parseConfig(text, "my.yaml");
  const hits = new Hits(resolveGroup(config));
  const { events } = planChaos(config, 3);
  for (const { type, downMs } of events) {
    const victim = { process: "a#1", status: undefined };
    const ofOne = new Hits(resolveGroup(config));
    ofOne.silenced(victim, 1_000_000, type === "leader_pause");
    assert.ok(ofOne.hadTime(1_000_000, 1_000_000 + downMs * 1_000), `${type} of ${downMs} ms`);
  }
  assert.equal(new Set(events.map(({ type }) => type)).size, 2);
  hits.silenced({ process: "a#1", status: undefined }, 1_000_000, false);
  assert.ok(!hits.hadTime(1_000_000, 11_000_000), "10 s would have shown nothing");
});

Deno.test("a timeline is done at its times, with what it says, beside what is dealt", () => {
  const lines = `
  timeline:
    - { at: 30s, event: nats_disconnect, network: half-open, down: 7s }
    - { at: 12s, event: scale_up, count: 5 }
    - { at: 12500ms, event: worker_crash }
`;
  const alone = planChaos(parseConfig(`chaos:\n  enabled: true${lines}`, "my.yaml").config, 3);
  assert.deepEqual(
    alone.events.map(({ number, atMs, type, count }) => [number, atMs, type, count]),
    [[1, 12_000, "scale_up", 5], [2, 12_500, "worker_crash", 1], [3, 30_000, "nats_disconnect", 1]],
  );
  assert.equal(alone.events[0]!.picks.length, 5, "one for each of the five");
  assert.deepEqual([alone.events[2]!.network, alone.events[2]!.downMs], ["half-open", 7_000]);
  const dealt = `chaos:\n  enabled: true\n  interval: 5s-8s\n  events: [scale_down]`;
  const both = planChaos(parseConfig(dealt + lines, "my.yaml").config, 3).events;
  const without = planChaos(parseConfig(dealt, "my.yaml").config, 3).events;
  const bare = (events: typeof both) => events.map(({ number: _, ...event }) => event);
  assert.deepEqual(bare(both.filter(({ type }) => type === "scale_down")), bare(without));
  assert.deepEqual(bare(both.filter(({ type }) => type !== "scale_down")), bare(alone.events));
  assert.deepEqual(both.map(({ number }) => number), both.map((_, index) => index + 1));
});

Deno.test("a cut in a timeline is instant, and what is asked for instead of a cut lasts", () => {
  for (let seed = 0; seed < 20; seed++) {
    const lines = `chaos:
  enabled: true
  timeline:
    - { at: 1s, event: nats_disconnect, network: cut }
    - { at: 2s, event: nats_disconnect, network: away }
    - { at: 3s, event: nats_disconnect, down: 5s }
`;
    const [cut, away, any] = planChaos(parseConfig(lines, "my.yaml").config, seed).events;
    assert.deepEqual([cut!.network, cut!.downMs], ["cut", 0]);
    assert.equal(away!.network, "away");
    assert.ok(away!.downMs >= 500, String(away!.downMs));
    assert.notEqual(any!.network, "cut");
    assert.equal(any!.downMs, 5_000);
  }
});

Deno.test("a timeline that makes no sense is refused by its line", () => {
  const refused = (line: string): string => {
    try {
      parseConfig(`chaos:\n  enabled: true\n  timeline:\n    - ${line}\n`, "my.yaml");
    } catch (error) {
      return String(error);
    }
    return "";
  };
  assert.match(refused("{ at: 2h, event: worker_crash }"), /my\.yaml:4:13: chaos\.timeline\.0\.at/);
  assert.match(refused("{ at: 2s, event: worker_crush }"), /my\.yaml:4:24: .*worker_crush/);
  assert.match(refused("{ at: 2s, event: worker_crash, count: 2 }"), /timeline\.0\.count/);
  assert.match(refused("{ at: 2s, event: scale_up, network: cut }"), /timeline\.0\.network/);
  assert.match(refused("{ at: 10, event: scale_up }"), /timeline\.0\.at/);
  assert.match(refused("{ at: 2s, event: scale_up, add: 2 }"), /timeline\.0\.add/);
  assert.match(refused("{ at: 2s, event: partition_changes, add: 0, remove: 0 }"), /0\.remove/);
  const instant = [
    ...["scale_up", "scale_down", "worker_restart", "partition_changes", "poison_message"],
    "nats_disconnect, network: cut",
  ];
  for (const event of instant) {
    assert.match(refused(`{ at: 2s, event: ${event}, down: 5s }`), /0\.down: expected nothing/);
    assert.equal(refused(`{ at: 2s, event: ${event} }`), "");
  }
});

Deno.test("partitions come and go by seeded numbers, or by what a line says, each with a number that chooses it", () => {
  const text = `
partitions: { count: 400 }
chaos:
  enabled: true
  events: [partition_changes]
  interval: 1s-2s
  timeline:
    - { at: 500ms, event: partition_changes, add: 0, remove: 30 }
`;
  const { events } = planChaos(parseConfig(text, "my.yaml").config, 3);
  assert.deepEqual(events[0]!.partitions, { add: 0, remove: 30 });
  for (const { partitions, picks, downMs } of events) {
    assert.ok(picks.length >= partitions!.remove && picks.every((pick) => pick >= 0 && pick < 1));
    assert.equal(downMs, 0);
  }
  const dealt = events.slice(1).map(({ partitions }) => partitions!);
  for (const { add, remove } of dealt) {
    assert.ok(add >= 1 && add <= 20 && remove >= 1 && remove <= 20);
  }
  assert.ok(new Set(dealt.map(({ add }) => add)).size > 5);
  assert.match(describePlan({ seed: 3, events })[0]!, /partition_changes \(0 more, 30 less\)$/);
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
    }, {
      number: 3,
      atMs: 10_000,
      type: "nats_disconnect" as const,
      picks: [0],
      count: 1,
      downMs: 0,
      network: "cut" as const,
    }],
  };
  assert.deepEqual(describePlan(plan), [
    "#1 at 5.3s: scale_up of 2",
    "#2 at 9s: nats_disconnect (half-open, 4.2s)",
    "#3 at 10s: nats_disconnect (cut)",
  ]);
});

Deno.test("a plan says how long servers are away by it at most", () => {
  const kill = (down: string) => `{ at: 1s, event: nats_server_kill, down: ${down} }`;
  const planOf = (...timeline: string[]) =>
    planChaos(
      parseConfig(`chaos: { enabled: true, timeline: [${timeline}] }`, "my.yaml").config,
      1,
    );
  assert.equal(longestOutageMs(planOf(kill("5s"), kill("60s"), kill("7s"))), 60_000);
  assert.equal(longestOutageMs(planOf("{ at: 1s, event: worker_pause, down: 60s }")), 0);
});
