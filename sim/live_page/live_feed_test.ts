import assert from "node:assert/strict";
import { LiveData } from "./browser/live_data.js";
import type { Cursor } from "./live_feed.ts";
import type { LiveMessage } from "./live_message.ts";
import { LiveRig } from "./live_rig_test.ts";
import { verdictSoFar } from "./standing.ts";

/** Somebody who is told. */
class Reader {
  readonly data = new LiveData();
  cursor: Cursor | undefined;

  read({ feed }: LiveRig): LiveMessage {
    feed.look();
    const { text, cursor } = feed.news(this.cursor)!;
    this.cursor = cursor;
    const message = JSON.parse(text) as LiveMessage;
    // deno-lint-ignore no-explicit-any
    this.data.take(message as any);
    return message;
  }
}

Deno.test("feed: nothing is told before there is a run", () => {
  const rig = new LiveRig();
  rig.feed.look();
  assert.equal(rig.feed.news(undefined), undefined);
  rig.begin();
  rig.feed.look();
  assert.ok(rig.feed.news(undefined) !== undefined);
});

Deno.test("feed: first all of it, then what is new; both make the same picture", () => {
  const rig = new LiveRig({ partitions: 40, workers: 5, seconds: 60 });
  rig.begin();
  const early = new Reader();
  const first = early.read(rig);
  assert.equal(first.facts?.seed, 42);
  assert.equal(first.samples.columns["at"]!.length, 13);
  for (let second = 0; second < 29; second++) {
    rig.pass();
    const { facts, samples, owners, log } = early.read(rig);
    assert.equal(facts, undefined);
    assert.equal(samples.columns["at"]!.length, 2, "the last one again: it may have grown");
    assert.ok(owners.at.length <= 16 && log.length <= 1);
  }
  const late = new Reader();
  late.read(rig);
  assert.deepEqual(early.data.pictures, late.data.pictures);
  assert.deepEqual(early.data.current, late.data.current);
  assert.deepEqual(early.data.events, late.data.events);
  assert.ok(late.data.events.length >= 1 && late.data.pictures.samples["at"]!.length === 42);
  assert.equal(late.data.workers.reduce((sum, { partitions }) => sum + partitions, 0), 40);
});

Deno.test("feed: a reader that was slow misses nothing", () => {
  const rig = new LiveRig();
  rig.begin();
  const [quick, slow] = [new Reader(), new Reader()];
  slow.read(rig);
  for (let second = 0; second < 25; second++) {
    rig.pass();
    quick.read(rig);
  }
  slow.read(rig);
  assert.deepEqual(slow.data.pictures, quick.data.pictures);
});

Deno.test("feed: when samples are put together all is told anew", () => {
  const rig = new LiveRig();
  rig.begin();
  const reader = new Reader();
  reader.read(rig);
  rig.stepMs = 2_000;
  assert.ok(reader.read(rig).facts !== undefined);
  assert.equal(reader.data.pictures.samples["at"]!.length, 13, "and nothing is there twice");
});

Deno.test("feed: a defect is told at once, with its words", () => {
  const rig = new LiveRig();
  rig.begin();
  const reader = new Reader();
  assert.equal(reader.read(rig).status.verdict, "pass");
  const sent = { kind: "sent", partition: 1, first: 1, last: 3 } as const;
  rig.state.takeReport("producer-0#1", sent);
  rig.effect(1, 1);
  rig.effect(1, 1);
  const { status, log } = reader.read(rig);
  assert.equal(status.verdict, "fail");
  assert.match(status.reasons.join(), /^1 duplicate effects/);
  assert.equal(status.duplicates, 1);
  assert.deepEqual(log.map(({ tag }) => tag), ["FAIL"]);
});

Deno.test("feed: what was passed over is told; whether it is lost is asked, and fails the run if so", async () => {
  const rig = new LiveRig();
  rig.begin();
  const reader = new Reader();
  [rig.gaps, rig.lost] = [3, 2];
  const { status } = reader.read(rig);
  assert.deepEqual([status.verdict, status.gaps, status.lost], ["pass", 3, 0]);
  await Promise.resolve();
  rig.pass();
  const after = reader.read(rig).status;
  assert.deepEqual([after.verdict, after.gaps, after.lost], ["fail", 3, 2]);
  assert.match(after.reasons[0]!, /^2 lost/);
});

Deno.test("feed: what goes wrong apart from messages counts, too; a doubt is no defect", () => {
  const { state } = new LiveRig();
  assert.deepEqual(verdictSoFar(state, 0), { verdict: "pass", reasons: [] });
  state.doubts.push("effects were gone");
  assert.deepEqual(verdictSoFar(state, 0), { verdict: "unknown", reasons: ["effects were gone"] });
  for (let index = 0; index < 20; index++) state.incidents.push("x".repeat(1_000));
  const { verdict, reasons } = verdictSoFar(state, 2);
  assert.equal(verdict, "fail");
  assert.match(reasons[0]!, /^2 lost/);
  assert.equal(reasons.at(-1), "and 11 more");
  assert.ok(reasons.every((reason) => reason.length <= 401));
});

Deno.test("feed: partitions that were taken out are told apart from those that nobody has", () => {
  const rig = new LiveRig();
  rig.begin();
  const reader = new Reader();
  rig.state.removePartitions([3], 1);
  rig.state.owners.letGo("worker-0#1", [3], 20_000_000_000);
  rig.state.owners.letGo("worker-1#1", [4], 20_000_000_000);
  const { status, owners } = reader.read(rig);
  assert.deepEqual(owners.removed, [3]);
  assert.equal(status.unowned, 1);
});

Deno.test("feed: the end is told with its verdict", () => {
  const rig = new LiveRig();
  rig.begin();
  const reader = new Reader();
  assert.equal(reader.read(rig).end, undefined);
  rig.feed.end({ verdict: "fail", reasons: ["1 lost"] });
  assert.deepEqual(reader.read(rig).end, { verdict: "fail", reasons: ["1 lost"] });
});

Deno.test("feed: a worker is told as its latest incarnation is, with the effects of all", () => {
  const rig = new LiveRig();
  rig.begin();
  rig.fleet.members[1]!.phase = "killed";
  rig.fleet.add("worker", 1, { process: "worker-1#2", handled: 5, rssBytes: 7 });
  rig.fleet.add("producer", 0);
  const reader = new Reader();
  const { workers } = reader.read(rig);
  assert.deepEqual(workers.map(({ name, state }) => `${name} ${state}`), [
    ...["worker-0 Stable", "worker-1 starting", "worker-2 Stable"],
  ]);
  assert.deepEqual(workers.map(({ handled }) => handled), [100, 105, 100]);
  assert.deepEqual(workers.map(({ leads }) => leads), [true, false, false]);
});
