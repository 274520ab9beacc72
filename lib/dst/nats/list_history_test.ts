import assert from "node:assert/strict";
import type { ConsumerInfo } from "../../ports/feed.ts";
import { ListHistory } from "./list_history.ts";

function info(name: string, delivered = 0): ConsumerInfo {
  return { name, filterSubjects: [], metadata: {}, pending: 0, ackPending: 0, delivered };
}

Deno.test("an old listing has what was deleted since, and lacks what was made", () => {
  const history = new ListHistory();
  history.note(10, 100, "new", undefined);
  history.note(20, 100, "old", info("old", 1));
  history.note(30, 100, "changed", info("changed", 2));
  history.note(40, 100, "changed", info("changed", 3));
  const list = [info("changed", 4), info("new"), info("other")];
  const names = (atMs: number) =>
    history.asOf(list, atMs).map(({ name, delivered }) => `${name} ${delivered}`);
  assert.deepEqual(names(50), ["changed 4", "new 0", "other 0"]);
  assert.deepEqual(names(40), ["changed 3", "new 0", "other 0"]);
  assert.deepEqual(names(25), ["changed 2", "new 0", "other 0"]);
  assert.deepEqual(names(15), ["changed 2", "new 0", "old 1", "other 0"]);
  assert.deepEqual(names(0), ["changed 2", "old 1", "other 0"]);
});

Deno.test("nothing is kept for longer than it is wanted", () => {
  const history = new ListHistory();
  history.note(0, 0, "a", undefined);
  assert.equal(history.size, 0);
  history.note(10, 50, "a", undefined);
  history.note(60, 50, "b", undefined);
  assert.equal(history.size, 2);
  history.note(61, 50, "c", undefined);
  assert.equal(history.size, 2);
  history.note(62, 0, "d", undefined);
  assert.equal(history.size, 0);
});
