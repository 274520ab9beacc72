import assert from "node:assert/strict";
import { CATALOG } from "../registry.ts";
import { ROUNDS } from "./turns.ts";

const SPEED = CATALOG.cases.filter(({ group }) => group === "speed");

Deno.test("speed: whatever is judged beside a limit has a bound that it can miss", () => {
  const without = SPEED.flatMap(({ name, metrics }) =>
    metrics.filter(({ limit, kind, target }) =>
      limit !== undefined && kind !== "count" && target === undefined
    ).map((metric) => `${name} ${metric.name}`)
  );
  assert.deepEqual(without, []);
});

Deno.test("speed: round trips are accepted beside the client's own request, and told beside what a careful program does, that request too", () => {
  const { metrics } = SPEED.find(({ name }) => name === "round-trip")!;
  for (const atOnce of [1, 100]) {
    const named = (name: string) => metrics.find((one) => one.name === name)!;
    for (const way of ["request", "actor"]) {
      const accepted = named(`${way}_${atOnce}`);
      assert.match(accepted.limit!, /the client's own `request`/);
      assert.deepEqual(accepted.target, { atLeast: 0.7, full: true });
    }
    for (const way of ["request", "actor", "client"]) {
      assert.match(named(`${way}_${atOnce}_inbox`).limit!, /one inbox with a table/);
    }
  }
});

Deno.test("what is accepted about a group at rest is a median of as many processes as rounds elsewhere", () => {
  const atRest = CATALOG.cases.filter(({ group, name }) =>
    ["speed/idle", "scale/100w-500p"].includes(`${group}/${name}`)
  );
  assert.deepEqual(atRest.map(({ repetitions }) => repetitions), [ROUNDS, ROUNDS]);
});
