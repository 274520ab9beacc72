import assert from "node:assert/strict";
import { rereadEveryMs } from "../../lib/assignment/assignment_follower.ts";
import { resolveConfig } from "../../lib/config/config.ts";
import { measureAtRest, type Resting, restWindowMs } from "./rest.ts";

Deno.test("rest: it is looked at for three whole periods at least in which every worker reads again", () => {
  for (const config of [{ group: "g" }, { group: "g", preset: "fast" } as const]) {
    const periods = restWindowMs(config) / rereadEveryMs(resolveConfig(config));
    assert.ok(periods >= 3 && Number.isInteger(periods), `${periods}`);
  }
  assert.notEqual(restWindowMs({ group: "g" }), restWindowMs({ group: "g", preset: "fast" }));
});

Deno.test("rest: planted: a group that falls apart, or has moved and is well again, was not at rest", async () => {
  const problemsOf = async (after: Partial<Resting>) => {
    const group: Resting = { trouble: undefined, generation: 7 };
    const { measured, problems } = await measureAtRest(group, () => {
      Object.assign(group, after);
      return Promise.resolve(5);
    });
    assert.equal(measured, 5);
    return problems;
  };
  assert.deepEqual(await problemsOf({}), []);
  const told = (what: string) => [`the group did not stay at rest: ${what}`];
  const trouble = "a worker is Degraded";
  assert.deepEqual(await problemsOf({ trouble }), told(trouble));
  assert.deepEqual(await problemsOf({ generation: 8 }), told("generation 7 became 8"));
});
