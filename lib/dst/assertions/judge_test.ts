import assert from "node:assert/strict";
import { Assertions } from "./assertions.ts";
import {
  always,
  alwaysAtLeast,
  alwaysAtMost,
  alwaysOrUnreachable,
  type Catalog,
  type Declaration,
  reachable,
  sometimes,
  sometimesAtLeast,
  sometimesEach,
  unreachable,
} from "./catalog.ts";
import { isCovered, isMissOfReach, judge } from "./judge.ts";
import { asMerged, emptyMerged } from "./tally.ts";

type Run = (assertions: Assertions<{ readonly it: Declaration }>) => void;

/** Any kind may be called: which one fits is what a test says. */
// deno-lint-ignore no-explicit-any -- the names that fit are known at run time only.
type Anything = any;

const cases: [Declaration, string, string, Run?][] = [
  [always("x"), "miss", "never evaluated"],
  [always("x"), "pass", "", (a: Anything) => a.always("it", true)],
  [always("x"), "fail", "broken 1×", (a: Anything) => a.always("it", false)],
  [alwaysOrUnreachable("x"), "pass", ""],
  [alwaysOrUnreachable("x"), "fail", "broken 1×", (a: Anything) => {
    a.alwaysOrUnreachable("it", false);
  }],
  [sometimes("x"), "miss", "never true, evaluated 0×"],
  [sometimes("x"), "miss", "never true, evaluated 2×", (a: Anything) => {
    a.sometimes("it", false);
    a.sometimes("it", false);
  }],
  [sometimes("x"), "pass", "", (a: Anything) => {
    a.sometimes("it", false);
    a.sometimes("it", true);
  }],
  [reachable("x"), "miss", "never evaluated"],
  [reachable("x"), "pass", "", (a: Anything) => a.reachable("it")],
  [unreachable("x"), "pass", ""],
  [unreachable("x"), "fail", "reached 1×", (a: Anything) => a.unreachable("it")],
  [alwaysAtMost(5, "x"), "miss", "never evaluated"],
  [alwaysAtMost(5, "x"), "fail", "broken 1×", (a: Anything) => a.alwaysAtMost("it", 6)],
  [sometimesAtLeast(5, "x"), "miss", "never evaluated"],
  [sometimesAtLeast(5, "x"), "miss", "best 4 of 5", (a: Anything) => a.sometimesAtLeast("it", 4)],
  [sometimesAtLeast(5, "x"), "pass", "", (a: Anything) => a.sometimesAtLeast("it", 5)],
  [sometimesEach(["a", "b"], "x"), "miss", "1 of 2 never seen", (a: Anything) => {
    a.sometimesEach("it", "b");
  }],
  [sometimesEach(["a", "b"], "x"), "fail", "1× a key that is not declared", (a: Anything) => {
    a.sometimesEach("it", "c");
  }],
  [sometimesEach(["a", "b"], "x"), "pass", "", (a: Anything) => {
    a.sometimesEach("it", "b");
    a.sometimesEach("it", "a");
  }],
];

for (const [declaration, verdict, why, run] of cases) {
  Deno.test(`${declaration.kind}: ${verdict}${why === "" ? "" : `, ${why}`}`, () => {
    const catalog = { it: declaration };
    const assertions = new Assertions(catalog, () => {});
    run?.(assertions);
    const tallies = asMerged(catalog, 1, assertions.tallies());
    const [judged] = judge(catalog, tallies);
    assert.deepEqual([judged?.verdict, judged?.why], [verdict, why]);
    // A failure may be a miss as well: it is reported as what is worse.
    if (verdict !== "fail") assert.equal(isCovered(catalog, tallies), verdict === "pass");
  });
}

Deno.test("a judgement names the keys that were never seen", () => {
  const catalog: Catalog = { it: sometimesEach(["a", "b", "c"], "x") };
  const [judged] = judge(catalog, emptyMerged(catalog));
  assert.deepEqual([judged?.missingKeys, judged?.keyCount], [["a", "b", "c"], 3]);
});

Deno.test("a promise that nobody has looked at is no miss that more seeds will mend", () => {
  const kinds = {
    always: always("x"),
    most: alwaysAtMost(1, "x"),
    least: alwaysAtLeast(1, "x"),
    either: alwaysOrUnreachable("x"),
    sometimes: sometimes("x"),
    reachable: reachable("x"),
    best: sometimesAtLeast(1, "x"),
    each: sometimesEach(["k"], "x"),
  };
  const judged = judge(kinds, emptyMerged(kinds));
  const namesOf = (wanted: boolean) =>
    judged.filter((one) => one.verdict === "miss" && isMissOfReach(one) === wanted)
      .map(({ name }) => name);
  assert.deepEqual(namesOf(true), ["sometimes", "reachable", "best", "each"]);
  assert.deepEqual(namesOf(false), ["always", "most", "least"]);
});
