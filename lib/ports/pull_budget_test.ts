import assert from "node:assert/strict";
import { CONNECTION_BYTES, PullBudget } from "./pull_budget.ts";

Deno.test("pulls share the bytes of their connection, within bounds", () => {
  const budget = new PullBudget();
  const shares: number[] = [];
  for (let pulls = 1; pulls <= 1_000; pulls++) {
    budget.join();
    shares.push(budget.shareBytes);
  }
  assert.deepEqual(shares.slice(0, 4), [2, 2, 4 / 3, 1].map((mb) => Math.floor(mb * 2 ** 20)));
  // What each asked for before the others came, and again after a reconnect: less than a server lets wait (64 MiB).
  const together = shares.reduce((sum, share) => sum + share, 0) + 1_000 * budget.shareBytes;
  assert.ok(together < 64 * 2 ** 20, `${together} bytes`);
  for (let pulls = 1; pulls < 1_000; pulls++) budget.leave(() => {});
  assert.equal(budget.shareBytes, CONNECTION_BYTES / 2);
});

Deno.test("a few at a time have a turn for a large message, the others wait in a line", () => {
  const budget = new PullBudget(() => CONNECTION_BYTES / 2);
  const told: number[] = [];
  const pulls = [0, 1, 2, 3, 4].map((n) => () => void told.push(n));
  pulls.forEach(() => budget.join());
  assert.deepEqual(pulls.map((pull) => budget.takeTurn(pull)), [true, true, false, false, false]);
  assert.equal(budget.takeTurn(pulls[0]!), true, "a turn is kept until it is given back");
  budget.giveBack(pulls[3]!);
  budget.giveBack(pulls[0]!);
  assert.deepEqual(told, [2]);
  assert.equal(budget.takeTurn(pulls[2]!), true);
  budget.leave(pulls[1]!);
  assert.deepEqual(told, [2, 4], "3 has left the line");
  assert.equal(budget.takeTurn(pulls[3]!), false);
});

Deno.test("a server that takes larger messages than a connection's bytes serves one at a time", () => {
  const budget = new PullBudget(() => 2 * CONNECTION_BYTES);
  assert.equal(budget.takeTurn(() => {}), true);
  assert.equal(budget.takeTurn(() => {}), false);
});
