import assert from "node:assert/strict";
import { ConsumerModel } from "./consumer_model.ts";
import { ConsumerTable } from "./consumer_table.ts";
import { consumerOf, hostOf } from "./feed_rig_test.ts";
import { MessageLog } from "./message_log.ts";

const host = {
  ...hostOf(),
  stream: "S",
  log: new MessageLog(),
  onAcked: () => {},
  onIdle: () => {},
};

function consumer(name: string, ...filterSubjects: string[]): ConsumerModel {
  return new ConsumerModel(consumerOf(name, filterSubjects), host);
}

function names(consumers: readonly ConsumerModel[]): string {
  return consumers.map(({ name }) => name).sort().join("");
}

Deno.test("the readers of a subject are those whose filter it passes, after every change", () => {
  const table = new ConsumerTable();
  for (
    const one of [
      consumer("a", "feed.1", "feed.2"),
      consumer("b", "feed.2", "feed.x.*"),
      consumer("c", "feed.>"),
      consumer("d"),
    ]
  ) table.add(one);
  assert.equal(names(table.readersOf("feed.1")), "acd");
  assert.equal(names(table.readersOf("feed.2")), "abcd");
  assert.equal(names(table.readersOf("feed.x.1")), "bcd");
  assert.equal(names(table.readersOf("other")), "d");
  table.remove("d");
  table.update(table.get("b")!, consumerOf("b", ["feed.1"]));
  assert.equal(names(table.readersOf("feed.1")), "abc");
  assert.equal(names(table.readersOf("feed.2")), "ac");
  assert.equal(names(table.readersOf("feed.x.1")), "c");
  assert.equal(table.remove("d"), undefined);
  assert.equal(names(table.clear()), "abc");
  assert.deepEqual([table.size, table.readersOf("feed.1").length], [0, 0]);
});

Deno.test("an observer is told of each change, and not of what the server forgets", () => {
  const table = new ConsumerTable();
  const told: string[] = [];
  table.follow((before, after) =>
    void told.push(`${before?.filterSubjects} ${after?.filterSubjects}`)
  );
  table.add(consumer("a", "feed.1", "feed.2"));
  table.update(table.get("a")!, consumerOf("a", ["feed.2"]));
  table.remove("a");
  table.add(consumer("b", "feed.3"));
  table.clear();
  assert.deepEqual(told, [
    "undefined feed.1,feed.2",
    "feed.1,feed.2 feed.2",
    "feed.2 undefined",
    "undefined feed.3",
  ]);
});

Deno.test("a consumer overlaps with others and never with itself", () => {
  const table = new ConsumerTable();
  table.add(consumer("a", "feed.1", "feed.2"));
  table.add(consumer("b", "feed.x.*"));
  const overlaps = (name: string, ...subjects: string[]) =>
    table.overlaps(consumerOf(name, subjects));
  assert.ok(overlaps("z", "feed.2"));
  assert.ok(overlaps("z", "feed.*"));
  assert.ok(overlaps("z", "feed.x.7"));
  assert.ok(overlaps("z", "feed.9", "*.x.>"));
  assert.ok(!overlaps("z", "feed.3", "feed.x", "feed.x.1.2"));
  assert.ok(!overlaps("a", "feed.1", "feed.*"));
  assert.ok(overlaps("a", "feed.>"));
});
