import assert from "node:assert/strict";
import { isSameMessage, Mark } from "./mark.ts";

const at = (streamSequence: number, storedAtMs: number) => ({ streamSequence, storedAtMs });

function markAt(...messages: ReturnType<typeof at>[]): Mark {
  const mark = new Mark();
  for (const message of messages) mark.moveTo(message);
  return mark;
}

Deno.test("a mark is before what is further in the stream or was stored later, and before nothing else", () => {
  assert.equal(new Mark().isBefore(at(1, 0)), true);
  const mark = markAt(at(5, 500));
  assert.equal(mark.sequence, 5);
  assert.equal(mark.isBefore(at(6, 600)), true);
  assert.equal(mark.isBefore(at(6, 400)), true, "the clock went back");
  assert.equal(mark.isBefore(at(5, 501)), true, "the sequences went back");
  assert.equal(mark.isBefore(at(1, 501)), true, "the sequences went back");
  assert.equal(mark.isBefore(at(5, 500)), false);
  assert.equal(mark.isBefore(at(4, 500)), false, "stored in the same moment");
  assert.equal(mark.isBefore(at(4, 400)), false);
});

Deno.test("a mark goes back with the sequences, not with the clock", () => {
  const mark = markAt(at(5, 500), at(6, 400));
  assert.equal(mark.isBefore(at(5, 500)), false);
  mark.moveTo(at(2, 600));
  assert.deepEqual([mark.sequence, mark.isBefore(at(3, 600))], [2, true]);
});

Deno.test("a mark that is set to another one does not follow it", () => {
  const other = markAt(at(5, 500));
  const mark = new Mark();
  mark.set(other);
  other.moveTo(at(6, 600));
  assert.deepEqual([mark.sequence, mark.isBefore(at(5, 501))], [5, true]);
});

Deno.test("two deliveries are of one message if sequence and time are the same", () => {
  assert.equal(isSameMessage(at(5, 500), at(5, 500)), true);
  assert.equal(isSameMessage(at(5, 500), at(5, 501)), false);
  assert.equal(isSameMessage(at(5, 500), at(4, 500)), false);
});
