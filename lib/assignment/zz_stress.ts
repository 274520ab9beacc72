import fc from "fast-check";
import assert from "node:assert/strict";
import { stickyBalanced } from "./sticky_balanced.ts";
import { weightedConsistentHash } from "./weighted_consistent_hash.ts";
import { anyInput, assign, loads, partitions, workers } from "./strategy_testing.ts";
let fails = 0;
for (const [n, mk] of [["sticky", stickyBalanced], ["wch", weightedConsistentHash]] as const) {
  const r = fc.check(
    fc.property(anyInput, (i) => {
      const s = mk();
      const a = s(i);
      assert.deepEqual(s({ ...i, previous: a }), a);
      const p = { ...i, workers: i.workers.toReversed(), partitions: i.partitions.toReversed() };
      const b = mk()(p);
      for (const [k, v] of a) assert.equal(b.get(k), v);
    }),
    { numRuns: 20000 },
  );
  console.log(n, r.failed, r.numRuns, r.failed ? String(r.errorInstance).slice(0, 900) : "");
}
const r = fc.check(
  fc.property(
    fc.integer({ min: 0, max: 1e9 }),
    fc.integer({ min: 3, max: 12 }),
    fc.integer({ min: 6, max: 14 }),
    fc.nat(1000),
    (seed, w, per, maxw) => {
      const weightOf = (i: number) => 1 + (Math.imul(i + 1, seed | 1) >>> 8) % 10;
      const parts = partitions(w * per, weightOf);
      const ws = workers(w);
      const chk = (list: any, o: any) => {
        const f = [...loads({ workers: list, partitions: parts }, o).values()] as number[];
        const mean = f.reduce((a, b) => a + b, 0) / f.length;
        assert.ok(Math.max(...f) <= Math.max(1.05 * mean, Math.ceil(mean)), f.join(" "));
      };
      let o = assign(stickyBalanced(), ws, parts);
      chk(ws, o);
      for (let k = 0; k < 3; k++) {
        const rest = ws.slice(1 + k % 2);
        o = assign(stickyBalanced(), rest, parts, o);
        chk(rest, o);
        o = assign(stickyBalanced(), ws, parts, o);
        chk(ws, o);
      }
    },
  ),
  { numRuns: 5000 },
);
console.log(
  "balance",
  r.failed,
  r.numRuns,
  r.counterexample,
  r.errorInstance && String(r.errorInstance).slice(0, 300),
);
console.log("max rounds", (globalThis as any).__mr);
