import assert from "node:assert/strict";
import { MessageLog } from "./message_log.ts";
import { ReadyQueue } from "./ready_queue.ts";
import { SubjectFilter } from "./subject_filter.ts";

function logOf(...subjects: string[]): MessageLog {
  const log = new MessageLog();
  for (const subject of subjects) append(log, subject);
  return log;
}

function append(log: MessageLog, subject: string): number {
  const sequence = log.lastSequence + 1;
  const data = new Uint8Array(0);
  log.append({ sequence, subject, data, headers: {}, storedAtMs: 0, bytes: 0 });
  return sequence;
}

Deno.test("the queue hands out what is there, oldest first, and counts what waits", () => {
  const log = logOf("a", "b", "a", "a");
  const queue = new ReadyQueue(log, new SubjectFilter(["a"]));
  assert.equal(queue.count, 3);
  assert.equal(queue.take()?.sequence, 1);
  log.remove(3);
  queue.onRemoved(3);
  log.remove(1);
  queue.onRemoved(1);
  assert.equal(queue.count, 1, "what was handed out is not counted twice");
  assert.equal(queue.take()?.sequence, 4);
  assert.equal(queue.cursor, 5);
  queue.onStored(append(log, "a"));
  assert.equal(queue.count, 1);
  assert.equal(queue.take()?.sequence, 5);
});

Deno.test("an empty queue moves its cursor behind the stream, and it never goes back", () => {
  const log = logOf("b", "b", "b");
  const queue = new ReadyQueue(log, new SubjectFilter(["a"]));
  assert.equal(queue.cursor, 1);
  assert.equal(queue.take(), undefined);
  assert.equal(queue.cursor, 4);
  queue.search(new SubjectFilter(["a", "b"]));
  assert.equal(queue.count, 0, "what was skipped stays skipped");
  append(log, "b");
  queue.search(new SubjectFilter(["b"]));
  assert.equal(queue.take()?.sequence, 4);
});
