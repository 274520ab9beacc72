import assert from "node:assert/strict";
import { simulate } from "./simulate.ts";

Deno.test("what came of a run is told, and the globals are as they were", async () => {
  const { setTimeout, Date: RealDate } = globalThis;
  const outcome = await simulate({ seed: 5 }, async (kernel) => {
    assert.notEqual(globalThis.setTimeout, setTimeout);
    assert.notEqual(globalThis.Date, RealDate);
    await kernel.sleep(10);
    return kernel.nowMs;
  });
  assert.equal(globalThis.setTimeout, setTimeout);
  assert.equal(globalThis.Date, RealDate);
  const { seed, value, failure, events, virtualMs, trace } = outcome;
  const told = { seed, value, failure, events, virtualMs, records: trace.count };
  const expected = { seed: 5, value: 10, failure: undefined, events: 1, virtualMs: 10, records: 1 };
  assert.deepEqual(told, expected);
});

Deno.test("after a failure they are too, and its kind is told", async () => {
  const { fetch, performance } = globalThis;
  const { now } = performance;
  const works = [
    () => Promise.reject(new Error("broken")),
    () => new Promise<void>(() => {}),
    () => Promise.resolve(void performance.now()),
  ];
  const kinds: (string | undefined)[] = [];
  for (const work of works) {
    const { failure, value } = await simulate({ seed: 5 }, work);
    kinds.push(failure?.kind);
    assert.equal(value, undefined);
    assert.deepEqual([globalThis.fetch, performance.now], [fetch, now]);
  }
  assert.deepEqual(kinds, ["crash", "deadlock", "escape"]);
});

Deno.test("runs beside each other, and one after the other, leave the globals as they were", async () => {
  const { fetch } = globalThis;
  const run = (seed: number) => simulate({ seed }, (kernel) => kernel.sleep(seed));
  const alone = [await run(3), await run(5)];
  const beside = await Promise.all([run(3), run(5)]);
  const hashes = [alone, beside].map((outcomes) => outcomes.map(({ trace }) => trace.hash));
  assert.deepEqual(hashes[0], hashes[1]);
  assert.equal(globalThis.fetch, fetch);
});

Deno.test("stubs can be left out for a workload that needs the globals", async () => {
  const off = await simulate({ seed: 1, stubs: false }, () => Promise.resolve(Date.now()));
  assert.ok(off.value! > 0);
  const allowed = await simulate(
    { seed: 1, stubs: { allow: ["Date"] } },
    () => Promise.resolve(Date.now() + Math.random()),
  );
  assert.equal(allowed.failure?.check, "Math.random");
});
