/** What is said of planted bugs, and that a copy of the project is left as it was. */
import assert from "node:assert/strict";
import {
  describeFinding,
  judgeHunts,
  medianOf,
  renderHunts,
  renderList,
} from "./dst_mutants_report.ts";
import type { Finding, Hunt } from "./dst_mutants_hunt.ts";
import type { Mutant } from "../lib/dst/mutants/mutant.ts";

function hunt(name: string, found: Hunt["found"]): Hunt {
  const mutant = { name, about: "A bug.", file: "lib/a.ts", find: "a", replace: "b" };
  return { mutant, found, elapsedMs: 1 };
}

const failure = { kind: "assertion", check: "nothing is lost", message: "3 wait" } as const;
const finding: Finding = { seed: 7, failure, left: { operations: 3, faults: 1 } };

Deno.test("a table of what was found, and a verdict", () => {
  const hunts = [hunt("bug", finding), hunt("other-bug", { ...finding, seed: 9 })];
  assert.deepEqual(renderHunts(hunts), [
    "mutant     seeds  found by         smallest plan",
    "bug        7      nothing is lost  3 operations + 1 faults",
    "other-bug  9      nothing is lost  3 operations + 1 faults",
  ]);
  const { lines, isGood } = judgeHunts(hunts, 100);
  assert.equal(isGood, true);
  assert.match(lines[0]!, /^2 of 2 found within 100 seeds; median 7$/);
  assert.match(lines[1]!, /^2 of 2 plans shrunk/);
});

Deno.test("bugs that take too many seeds, or plans that stay large, are no success", () => {
  const late = Array.from({ length: 3 }, (_, n) => hunt(`b${n}`, { ...finding, seed: 101 }));
  assert.equal(judgeHunts(late, 1_000).isGood, false);
  const large = { ...finding, left: { operations: 11, faults: 1 } };
  const never = { ...finding, left: undefined };
  for (const found of [large, never]) {
    const hunts = [hunt("bug", finding), hunt("other", found)];
    assert.equal(judgeHunts(hunts, 100).isGood, true);
    assert.equal(judgeHunts(hunts, 100, true).isGood, false);
  }
});

Deno.test("one that is not found, or cannot be planted, is no success", () => {
  for (const found of [undefined, "what it replaces does not occur exactly once"]) {
    const { lines, isGood } = judgeHunts([hunt("bug", finding), hunt("other", found)], 100);
    assert.equal(isGood, false);
    assert.match(lines[0]!, /^1 of 2 found/);
    assert.match(describeFinding(found), /^NOT /);
  }
});

Deno.test("those that are not hunted are listed apart, with the reason", () => {
  const [bug, other] = [hunt("bug", undefined).mutant, hunt("other", undefined).mutant];
  const rare: Mutant = { ...other, name: "rare", elusive: "Seldom." };
  assert.deepEqual(renderList([{ ...other, masked: "Because." }, rare, bug]), [
    "bug  lib/a.ts\n  A bug.",
    "",
    "masked by a second line of defence, and hunted only if named:",
    "other  lib/a.ts\n  A bug.\n  Because.",
    "",
    "not found yet, and hunted only if named:",
    "rare  lib/a.ts\n  A bug.\n  Seldom.",
  ]);
  assert.deepEqual(renderList([bug]), ["bug  lib/a.ts\n  A bug."]);
});

Deno.test("a median needs values, and is one of them", () => {
  assert.equal(medianOf([9, 1, 4]), 4);
  assert.equal(medianOf([1, 2, Infinity, 4]), 2);
  assert.ok(Number.isNaN(medianOf([])));
});
