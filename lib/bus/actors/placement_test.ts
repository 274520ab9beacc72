import assert from "node:assert/strict";
import { drawnRandom } from "../../dst/draw.ts";
import { place } from "./placement.ts";

const RANDOM = drawnRandom(7, "placement");

/** Places so many actors one after another, and tells how many each node has. */
function spread(how: Parameters<typeof place>[0], actors: number, nodes: number): number[] {
  const loads = Array<number>(nodes).fill(0);
  for (let n = 0; n < actors; n++) {
    const candidates = loads.map((load, node) => ({ address: String(node), load }));
    loads[Number(place(how, { candidates, own: "0", random: RANDOM }))]!++;
  }
  return loads;
}

Deno.test("placement: least-loaded leaves no more than one between any two nodes", () => {
  for (const actors of [1, 20, 100]) {
    const loads = spread("least-loaded", actors, 3);
    assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, String(loads));
  }
});

Deno.test("placement: two choices stay within a fifth of the mean", () => {
  const loads = spread("two-choices", 300, 3);
  for (const load of loads) assert.ok(Math.abs(load - 100) <= 20, String(loads));
});

Deno.test("placement: random is even, by chi-squared over a thousand runs", () => {
  const pooled = [0, 0, 0];
  for (let run = 0; run < 1_000; run++) {
    spread("random", 20, 3).forEach((load, node) => pooled[node]! += load);
  }
  const expected = 20_000 / 3;
  const chi2 = pooled.reduce((sum, load) => sum + (load - expected) ** 2 / expected, 0);
  // Two degrees of freedom: 13.8 is exceeded by chance once in a thousand.
  assert.ok(chi2 < 13.8, `${chi2}: ${pooled}`);
});

Deno.test("placement: local stays, and so does whoever knows nobody", () => {
  const candidates = [{ address: "b", load: 0 }];
  assert.equal(place("local", { candidates, own: "a", random: RANDOM }), "a");
  assert.equal(place("random", { candidates: [], own: "a", random: RANDOM }), "a");
});
