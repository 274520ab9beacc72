import assert from "node:assert/strict";
import { Draws } from "../draw.ts";
import { type LoggedMessage, MessageLog } from "./message_log.ts";
import { SubjectFilter } from "./subject_filter.ts";

const DATA = new Uint8Array(0);

function message(sequence: number, subject: string): LoggedMessage {
  return { sequence, subject, data: DATA, headers: {}, storedAtMs: sequence, bytes: 10 };
}

Deno.test("an empty log begins with the next sequence, whatever was in it", () => {
  const log = new MessageLog();
  assert.deepEqual([log.firstSequence, log.lastSequence, log.count], [1, 0, 0]);
  for (let i = 1; i <= 3; i++) log.append(message(i, "a"));
  assert.equal(log.bytes, 30);
  for (const i of [2, 1, 3]) assert.equal(log.remove(i)?.sequence, i);
  assert.equal(log.remove(3), undefined);
  assert.deepEqual([log.firstSequence, log.lastSequence, log.count, log.bytes], [4, 3, 0, 0]);
  assert.equal(log.newestOf("a"), undefined);
  assert.equal(log.oldestOf("a"), undefined);
  log.append(message(4, "a"));
  assert.deepEqual([log.firstSequence, log.oldestOf("a")?.sequence], [4, 4]);
});

Deno.test("the indexes say what looking at every message would", () => {
  const draws = new Draws(1, "log");
  const log = new MessageLog();
  const all = new Map<number, LoggedMessage>();
  const subjects = ["a", "b", "c.1", "c.2"];
  const filters = [[], ["a"], ["b", "a"], ["c.*"], ["a", "c.>"], ["none"]];
  for (let step = 0; step < 5_000; step++) {
    const oldest = [...all.keys()][0];
    if (draws.chance(0.52) || oldest === undefined) {
      const added = message(log.lastSequence + 1, draws.pick(subjects));
      log.append(added);
      all.set(added.sequence, added);
    } else {
      const gone = draws.chance(0.6) ? oldest : draws.pick([...all.keys()]);
      log.remove(gone);
      all.delete(gone);
    }
    if (step % 25 > 0) continue;
    const list = [...all.values()];
    assert.equal(log.count, list.length);
    assert.equal(log.firstSequence, list[0]?.sequence ?? log.lastSequence + 1);
    assert.deepEqual([...log.all()], list);
    for (const subject of subjects) {
      const same = list.filter((one) => one.subject === subject);
      assert.equal(log.countOf(subject), same.length);
      assert.equal(log.newestOf(subject), same.at(-1));
      assert.equal(log.oldestOf(subject), same[0]);
    }
    const filter = new SubjectFilter(draws.pick(filters));
    const from = draws.integer(0, log.lastSequence);
    const passed = list.filter(({ subject, sequence }) =>
      sequence >= from && filter.matches(subject)
    );
    assert.deepEqual(log.sequencesOf(filter, from), passed.map(({ sequence }) => sequence));
  }
});
