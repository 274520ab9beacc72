import assert from "node:assert/strict";
import { compareEffects, type OracleToken, OwnerOracle } from "./owner_oracle.ts";

function token(worker: string, overrides: Partial<OracleToken> = {}): OracleToken {
  return {
    partitionId: "p",
    worker,
    instance: `instance-of-${worker}`,
    epoch: 1,
    generation: 1,
    signal: new AbortController().signal,
    ...overrides,
  };
}

Deno.test("one owner after another is right", () => {
  const oracle = new OwnerOracle();
  oracle.begin(token("a"), 1)();
  oracle.begin(token("a"), 2)();
  oracle.begin(token("b", { generation: 2 }), 2)();
  oracle.begin(token("c", { partitionId: "q" }), 4);
  oracle.begin(token("b", { generation: 2 }), 3);
  assert.deepEqual(oracle.violations, []);
  assert.equal(oracle.startedCount, 5);
  // The second message was begun by both.
  assert.equal(oracle.repeatedCount, 1);
});

Deno.test("planted: two workers at once are seen", () => {
  const oracle = new OwnerOracle();
  oracle.begin(token("a"), 1);
  oracle.begin(token("b", { generation: 2 }), 1);
  assert.equal(oracle.violations.length, 1);
  assert.match(oracle.violations[0]!, /two handlers at once: 1 of p by a .* and 1 of p by b/);
});

Deno.test("planted: two handlers of one worker at once are seen", () => {
  const oracle = new OwnerOracle();
  oracle.begin(token("a"), 1);
  oracle.begin(token("a"), 2);
  assert.match(oracle.violations.join(), /two handlers at once/);
});

Deno.test("a handler whose right has ended, or whose process is dead, overlaps with nobody", () => {
  const oracle = new OwnerOracle();
  oracle.begin(token("a", { signal: AbortSignal.abort() }), 1);
  const end = oracle.begin(token("b", { generation: 2 }), 1);
  end();
  oracle.begin(token("c", { generation: 3 }), 2);
  oracle.died("instance-of-c");
  oracle.begin(token("d", { generation: 4 }), 2);
  oracle.begin(token("c", { generation: 3 }), 3);
  assert.deepEqual(oracle.violations, []);
});

Deno.test("planted: a step back within one ownership is seen, a new owner's repetition is not", () => {
  const oracle = new OwnerOracle();
  oracle.begin(token("a"), 5)();
  oracle.begin(token("a"), 5)();
  oracle.begin(token("b", { generation: 2 }), 4)();
  assert.deepEqual(oracle.violations, []);
  oracle.begin(token("b", { generation: 2 }), 3)();
  assert.match(oracle.violations.join(), /a step back: 4 of p .* then 3 of p/);
});

Deno.test("planted: an owner of an older generation that starts again is seen", () => {
  const oracle = new OwnerOracle();
  oracle.begin(token("a"), 1)();
  oracle.begin(token("b", { generation: 2 }), 2)();
  oracle.begin(token("a"), 3)();
  assert.match(oracle.violations.join(), /an older right after a newer/);
});

Deno.test("planted: lost, repeated, reordered and unexpected effects are told apart", () => {
  const check = (effects: number[]) =>
    compareEffects(new Map([["p", 3]]), new Map([["p", effects]]));
  assert.deepEqual(check([0, 1, 2]), []);
  assert.deepEqual(check([0, 2]), ["1 of p is lost"]);
  assert.deepEqual(check([0, 1]), ["2 of p is lost"]);
  assert.deepEqual(check([0, 1, 1, 2]), ["1 of p has its effect twice"]);
  assert.deepEqual(check([0, 2, 1]), ["1 of p comes after 2"]);
  assert.deepEqual(check([0, 1, 2, 3]), ["3 of p was never published"]);
  assert.deepEqual(compareEffects(new Map(), new Map([["q", [0]]])), [
    "nothing was published to q",
  ]);
});

Deno.test("a cut connection excuses what runs, and nothing that begins afterwards", () => {
  const oracle = new OwnerOracle();
  oracle.begin(token("a"), 1);
  oracle.cut("instance-of-a");
  oracle.begin(token("b", { generation: 2 }), 1);
  assert.deepEqual(oracle.violations, []);
  oracle.begin(token("a"), 2);
  assert.equal(oracle.violations.length, 2);
});
