import assert from "node:assert/strict";
import { Vacancies } from "./vacancies.ts";

type Step = readonly ["acquired" | "released" | "broken", string, number];

/** Reports of partition 0 in the given order, times in milliseconds. */
function vacancies(...steps: readonly Step[]): Vacancies {
  const result = new Vacancies();
  for (const [kind, process, atMs] of steps) {
    if (kind === "broken") result.broken(atMs * 1_000, [0]);
    else result.changed(kind, process, [0], atMs * 1_000);
  }
  result.finish();
  return result;
}

const move: readonly Step[] = [
  ["acquired", "a", 0],
  ["released", "a", 100],
  ["acquired", "b", 130],
];

Deno.test("vacancies: from release to acquisition, in whichever order the reports come", () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [0, 2, 1]]) {
    const { durations, slowest } = vacancies(...order.map((index) => move[index]!));
    assert.deepEqual(durations.percentiles(), { count: 1, p50: 30, p99: 30, max: 30 });
    assert.equal(slowest.items[0]!.who, "a → b");
  }
});

Deno.test("vacancies: who hears late of its release leaves no vacancy", () => {
  const { durations } = vacancies(
    ["acquired", "a", 0],
    ["acquired", "b", 99],
    ["released", "a", 100],
    ["released", "b", 200],
    ["acquired", "c", 250],
  );
  assert.equal(durations.count, 2);
  assert.equal(durations.percentiles().max, 50);
});

Deno.test("vacancies: the first acquisition, and a partition that comes back, are no moves", () => {
  const { durations } = vacancies(
    ["acquired", "a", 0],
    ["released", "a", 100],
    ["acquired", "a", 900],
  );
  assert.equal(durations.count, 0);
});

Deno.test("vacancies: a fault in between is no planned move, the next one is", () => {
  const { durations } = vacancies(
    ...move.slice(0, 2),
    ["broken", "", 110],
    ["acquired", "b", 900],
    ["released", "b", 1_000],
    ["acquired", "c", 1_007],
  );
  assert.deepEqual(durations.percentiles(), { count: 1, p50: 7, p99: 7, max: 7 });
});

Deno.test("vacancies: after an outage whoever held on and lets go makes a planned move", () => {
  const all = new Vacancies();
  all.changed("acquired", "a", [0], 0);
  all.broken(1_000);
  all.changed("released", "a", [0], 2_000);
  all.changed("acquired", "b", [0], 5_000);
  all.finish();
  assert.equal(all.durations.percentiles().max, 3);
});

Deno.test("vacancies: memory is bounded: what is old is taken while the run goes on", () => {
  const all = new Vacancies();
  for (let n = 0; n < 10_000; n++) {
    all.changed("acquired", `w${n}`, [0], n * 1_000);
    all.changed("released", `w${n}`, [0], n * 1_000 + 500);
  }
  assert.ok(all.durations.count > 9_900, String(all.durations.count));
  all.finish();
  assert.equal(all.durations.count, 9_999);
});
