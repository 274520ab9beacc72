import assert from "node:assert/strict";
import fc from "fast-check";
import { isPartiError } from "../../errors.ts";
import { consistentHash } from "./consistent_hash.ts";
import { stickyBalanced } from "./sticky_balanced.ts";
import { STRATEGY_NAMES, strategyByName, type StrategyName } from "./strategies.ts";
import { anyInput, assign, partitions, workers } from "./strategy_testing.ts";
import { validateAssignment } from "../validate.ts";

for (const name of STRATEGY_NAMES) {
  Deno.test(`${name}: every answer is a valid assignment, for any input`, () => {
    const strategy = strategyByName(name);
    fc.assert(fc.property(anyInput, (input) => validateAssignment(input, strategy(input))));
  });

  Deno.test(`${name}: the order of workers and partitions does not matter, nor what was asked before`, () => {
    const strategy = strategyByName(name);
    fc.assert(fc.property(anyInput, fc.nat(), (input, seed) => {
      const shuffle = <T>(items: readonly T[]) =>
        items.map((item, i) => ({ item, key: Math.imul(i + 1, seed | 1) >>> 0 }))
          .sort((a, b) => a.key - b.key).map(({ item }) => item);
      const shuffled = {
        workers: shuffle(input.workers),
        partitions: shuffle(input.partitions),
        previous: new Map(shuffle([...input.previous])),
      };
      const sorted = (owners: ReadonlyMap<string, string>) => [...owners].sort();
      assert.deepEqual(sorted(strategyByName(name)(shuffled)), sorted(strategy(input)));
    }));
  });

  Deno.test(`${name}: refuses to assign to nobody, and changes nothing it was given`, () => {
    const strategy = strategyByName(name);
    assert.throws(
      () => assign(strategy, [], partitions(3)),
      (error) => isPartiError(error, "PARTI_INVALID_ASSIGNMENT"),
    );
    const input = {
      workers: workers(3).reverse(),
      partitions: partitions(9).reverse(),
      previous: new Map([["x", "y"]]),
    };
    const copy = structuredClone(input);
    strategy(input);
    assert.deepEqual(input, copy);
  });
}

Deno.test("strategies by name: options reach the strategy", () => {
  const parts = partitions(300);
  assert.deepEqual(
    assign(strategyByName("ConsistentHash", { virtual_nodes: 7, seed: 3 }), workers(9), parts),
    assign(consistentHash({ virtualNodes: 7, seed: 3 }), workers(9), parts),
  );
  const previous = new Map(parts.map(({ id }, i) => [id, `worker-${i % 100 < 52 ? 0 : 1}`]));
  assert.deepEqual(
    assign(strategyByName("StickyBalanced", { tolerance: 0 }), workers(2), parts, previous),
    assign(stickyBalanced({ tolerance: 0 }), workers(2), parts, previous),
  );
});

Deno.test("strategies by name: bad names, keys and values are refused, saying what is allowed", () => {
  const refused = (
    name: string,
    config: Record<string, unknown>,
    message: RegExp,
    hint: RegExp,
  ) => {
    assert.throws(() => strategyByName(name as StrategyName, config), (error) => {
      assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
      assert.match(error.message, message);
      assert.match(error.hint!, hint);
      return true;
    });
  };
  refused("Sticky", {}, /"Sticky"/, /RoundRobin, .*StickyBalanced/);
  refused("toString", {}, /"toString"/, /RoundRobin/);
  refused("RoundRobin", { virtual_nodes: 3 }, /virtual_nodes/, /none/);
  refused("ConsistentHash", { virtualNodes: 3 }, /"virtualNodes"/, /virtual_nodes, seed/);
  refused(
    "ConsistentHash",
    { virtual_nodes: 0 },
    /virtual_nodes is 0/,
    /from 1 to 10000; default 150/,
  );
  refused("ConsistentHash", { virtual_nodes: "150" }, /virtual_nodes is "150"/, /whole number/);
  refused(
    "WeightedConsistentHash",
    { overload_threshold: 1 },
    /overload_threshold is 1/,
    /from 1.15/,
  );
  refused("WeightedConsistentHash", { extreme_threshold: 1.4 }, /extreme_threshold/, /from 1.5/);
  refused("WeightedConsistentHash", { virtual_nodes: null }, /virtual_nodes is null/, /from 1/);
  refused("StickyBalanced", { tolerance: 2 }, /tolerance is 2/, /from 0 to 1/);
});
