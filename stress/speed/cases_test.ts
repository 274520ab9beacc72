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

Deno.test("what is accepted about a group at rest is a median of as many processes as rounds elsewhere", () => {
  const atRest = CATALOG.cases.filter(({ group, name }) =>
    ["speed/idle", "scale/100w-500p"].includes(`${group}/${name}`)
  );
  assert.deepEqual(atRest.map(({ repetitions }) => repetitions), [ROUNDS, ROUNDS]);
});
