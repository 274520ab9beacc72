import assert from "node:assert/strict";
import { PartiError } from "../../lib/errors.ts";
import { HookWatch, type ToldChange } from "./hook_watch.ts";

function rig() {
  const found: string[] = [];
  const watch = new HookWatch((what) => found.push(what));
  const named = (list: readonly number[]) => list.map((n) => ({ keys: [String(n)] }));
  const tell = (added: readonly number[], removed: readonly number[], all: readonly number[]) => {
    const change: ToldChange = {
      added: named(added),
      removed: named(removed),
      all: named(all),
    };
    watch.assignment(change);
  };
  return { found, watch, tell };
}

Deno.test("hooks: changes that follow from each other are fine", () => {
  const { found, watch, tell } = rig();
  tell([], [], []);
  tell([1, 2, 3], [], [1, 2, 3]);
  tell([4], [1], [2, 3, 4]);
  tell([], [2, 3, 4], []);
  watch.state("Init", "ClaimingID");
  watch.state("ClaimingID", "Election");
  watch.error(new PartiError("PARTI_TIMEOUT", "no answer"));
  watch.error("odd");
  assert.deepEqual(found, []);
});

Deno.test("hooks: planted: each way in which a change can disagree with the one before is told", () => {
  const cases: [number[], number[], number[], string][] = [
    [[1], [], [1, 2], "told partition 1 added although it was there"],
    [[], [3], [1, 2], "told partition 3 removed although it was not there"],
    [[], [], [1, 2, 3], "told partition 3 there without having been added"],
    [[3], [], [1, 2], "told partition 3 not there although nothing removed it"],
    [[], [], [1], "told partition 2 not there although nothing removed it"],
    [[3], [], [1, 2, 3, 3], "told a partition twice"],
  ];
  for (const [added, removed, all, expected] of cases) {
    const { found, tell } = rig();
    tell([1, 2], [], [1, 2]);
    tell(added, removed, all);
    assert.deepEqual(found, [expected]);
    // What was told last is what the next one is compared with.
    tell([], [...new Set(all)], []);
    assert.equal(found.length, 1);
  }
});

Deno.test("hooks: planted: a state that does not follow, or must not", () => {
  const { found, watch } = rig();
  watch.state("Init", "Stable");
  watch.state("Election", "WaitingAssignment");
  assert.deepEqual(found, [
    "told a change from Init to Stable, which is not allowed",
    "told a change from Election to WaitingAssignment, having told Stable before",
  ]);
});

Deno.test("hooks: planted: a broken invariant is told, however it is wrapped; so many at most", () => {
  const { found, watch } = rig();
  const cause = new PartiError("PARTI_INVARIANT", "two owners");
  watch.error(cause);
  watch.error(new PartiError("PARTI_HANDLER_FAILED", "the handler failed", { cause }));
  assert.deepEqual(found, ["PARTI_INVARIANT: two owners", "PARTI_INVARIANT: two owners"]);
  for (let n = 0; n < 1_000; n++) watch.error(cause);
  assert.equal(found.length, 20);
});
