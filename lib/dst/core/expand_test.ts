/** Plans make sense, and there is everything in them. */
import assert from "node:assert/strict";
import { resolveConfig } from "../../config/config.ts";
import { LATENCY_SHAPES } from "../latency.ts";
import { drawSwarm } from "../plan/swarm.ts";
import { drawsOf, expandPlan } from "../workload.ts";
import type { StrikingFaults } from "../nats/faults.ts";
import { BUGGIFY_SITES } from "./catalog.ts";
import { expandCore, FAMILIES } from "./expand.ts";
import { cadenceRules, groupConfig } from "./group_config.ts";
import { type CoreParameters, readParameters } from "./parameters.ts";
import { simplifyCore } from "./simplify.ts";
import { coreWorkload } from "./workload.ts";

const SEEDS = Array.from({ length: 1_500 }, (_, seed) => seed);

Deno.test("every plan is one that can be run, with a configuration that parti takes", () => {
  for (const seed of SEEDS) {
    const plan = expandPlan(coreWorkload, seed);
    const parameters = readParameters(plan.parameters);
    assert.deepEqual(readParameters(JSON.parse(JSON.stringify(parameters))), parameters);
    for (const id of [0, parameters.ids - 1]) {
      resolveConfig({ ...groupConfig(parameters), preferredId: id });
    }
    assert.ok(cadenceRules(parameters).slackMs > 0);
    for (const { atMs } of [...plan.operations, ...plan.faults]) assert.ok(atMs >= 0);
  }
});

Deno.test("there is every kind of step, each family in half of the plans, and no family at all", () => {
  const kinds = new Set<string>();
  const on = new Map<string, number>();
  let bare = 0;
  for (const seed of SEEDS) {
    const { operations, faults, swarm } = expandCore(seed, drawsOf(seed));
    for (const { kind } of [...operations, ...faults]) kinds.add(kind);
    assert.deepEqual(swarm, drawSwarm(drawsOf(seed), FAMILIES));
    const families = FAMILIES.filter((family) => swarm[family]);
    for (const family of families) on.set(family, (on.get(family) ?? 0) + 1);
    if (families.length === 0) bare++;
  }
  assert.deepEqual([...kinds].sort(), [
    ...[
      "add",
      "ambush",
      "block",
      "clock",
      "crash",
      "cut",
      "deaf",
      "doubt",
      "fill",
      "heir",
      "mute",
      "nats-faults",
      "pause",
    ],
    ...["refresh", "remove", "server-crash", "server-pause", "source", "split", "start", "stop"],
    ...["stop-when", "weigh"],
  ]);
  assert.ok(bare > 0);
  for (const family of FAMILIES) {
    const share = (on.get(family) ?? 0) / SEEDS.length;
    assert.ok(share > 0.4 && share < 0.6, `${family}: ${share}`);
  }
});

Deno.test("a plan names what will happen: the sites that misbehave, the faults of the server, who is cut off", () => {
  let cutOff = 0;
  for (const seed of SEEDS) {
    const { buggify, swarm, faults } = expandPlan(coreWorkload, seed);
    assert.deepEqual(Object.keys(buggify), swarm["buggify"] ? [...BUGGIFY_SITES] : []);
    for (const { kind, args } of faults) {
      if (kind === "nats-faults") {
        const { forMs, faults } = args as { forMs: number; faults: StrikingFaults };
        assert.ok(forMs > 0 && Object.keys(faults).length > 0);
      }
      if (kind === "split") cutOff += (args["nodes"] as number[]).length;
    }
  }
  assert.ok(cutOff > 0);
});

Deno.test("most groups are small, and some are as large as is promised", () => {
  const all = SEEDS.map((seed) => readParameters(expandPlan(coreWorkload, seed).parameters));
  assert.ok(all.filter(({ workers }) => workers <= 7).length > 0.8 * all.length);
  assert.equal(Math.max(...all.map(({ maxWorkers }) => maxWorkers)), 20);
  assert.ok(Math.max(...all.map(({ partitions }) => partitions)) > 180);
  assert.ok(all.some(({ ids, maxWorkers }) => ids < maxWorkers), "more workers than IDs");
  assert.ok(all.some(({ partitions, workers }) => partitions < workers));
});

Deno.test("one producer or several, every shape of the network, one strategy or several", () => {
  const all = SEEDS.map((seed) => readParameters(expandPlan(coreWorkload, seed).parameters));
  const share = (is: (one: CoreParameters) => boolean) => all.filter(is).length / all.length;
  for (const count of [1, 2, 3]) assert.ok(share(({ producers }) => producers === count) > 0.25);
  for (const shape of LATENCY_SHAPES) {
    assert.ok(share(({ latencyShape }) => latencyShape === shape) > 0.2, shape);
  }
  assert.ok(all.every(({ producers, partitions }) => producers <= partitions));
  const repeating = share(({ repeats }) => repeats > 0);
  assert.ok(repeating > 0.4 && repeating < 0.6);
  const mixed = share(({ mixedStrategies }) => mixedStrategies);
  assert.ok(mixed > 0.1 && mixed < 0.3);
});

Deno.test("simplifying comes to an end, and to something simple", () => {
  for (const seed of SEEDS.slice(0, 100)) {
    let plan = expandPlan(coreWorkload, seed);
    for (let steps = 0;; steps++) {
      assert.ok(steps < 100, "for ever");
      const [first] = simplifyCore(plan);
      if (first === undefined) break;
      plan = first.plan;
    }
    const parameters = readParameters(plan.parameters);
    assert.deepEqual(parameters.config, {});
    assert.ok(parameters.partitions <= 2 && parameters.drift === 0);
    const { producers, repeats, latencyShape, mixedStrategies } = parameters;
    assert.deepEqual([producers, repeats, latencyShape, mixedStrategies], [1, 0, "uniform", false]);
  }
});
