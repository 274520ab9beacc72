import assert from "node:assert/strict";
import { Unacked } from "./unacked.ts";

function takeAll(unacked: Unacked): number[] {
  const all: number[] = [];
  for (let next = unacked.takeDue(); next !== undefined; next = unacked.takeDue()) all.push(next);
  return all;
}

Deno.test("what has waited long enough is due by sequence, and the rest tells when it is", () => {
  const unacked = new Unacked();
  unacked.wait(7, 0);
  unacked.wait(3, 10);
  unacked.wait(5, 20);
  assert.equal(unacked.expire(99, 100), 1);
  assert.equal(unacked.dueCount, 0);
  assert.equal(unacked.expire(110, 100), 10);
  assert.deepEqual(takeAll(unacked), [3, 7]);
  assert.equal(unacked.size, 3, "they are still in flight");
  assert.equal(unacked.countAgain(3), 2);
  assert.equal(unacked.countAgain(3), 3);
});

Deno.test("what is due stays due until it is handed out, and is not due twice", () => {
  const unacked = new Unacked();
  unacked.wait(1, 0);
  assert.equal(unacked.expire(100, 100), undefined);
  assert.equal(unacked.expire(300, 100), undefined);
  assert.deepEqual(takeAll(unacked), [1]);
  unacked.wait(1, 300);
  assert.equal(unacked.expire(399, 100), 1);
  assert.deepEqual(takeAll(unacked), []);
});

Deno.test("work on a message renews its wait, and an ack ends it", () => {
  const unacked = new Unacked();
  unacked.wait(1, 0);
  unacked.wait(2, 0);
  unacked.renew(1, 50);
  unacked.renew(9, 50);
  assert.equal(unacked.expire(100, 100), 50);
  assert.equal(unacked.remove(2), true);
  assert.equal(unacked.remove(2), false);
  assert.deepEqual(takeAll(unacked), [], "an acknowledged message is not due any more");
  assert.equal(unacked.size, 1);
  assert.equal(unacked.lastEndMs(100), 150);
  unacked.expireNow(1);
  unacked.expireNow(2);
  assert.deepEqual(takeAll(unacked), [1]);
});

Deno.test("what lies before the stream's first message is dropped", () => {
  const unacked = new Unacked();
  for (const sequence of [1, 2, 3]) unacked.wait(sequence, 0);
  unacked.removeBefore(3);
  assert.equal(unacked.size, 1);
  assert.ok(unacked.has(3) && !unacked.has(2));
  assert.equal(new Unacked().lastEndMs(100), undefined);
});
