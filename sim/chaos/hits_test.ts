import assert from "node:assert/strict";
import { Hits } from "./hits.ts";

const SECOND_US = 1_000_000;
const worker = { process: "a#1", status: { leader: false } };
const leader = { process: "b#1", status: { leader: true } };

function rig() {
  return new Hits({ heartbeatTtlMs: 6_000, electionTimeoutMs: 5_000 });
}

Deno.test("hits: a group has time to give away what a silent worker had: a lease and a moment", () => {
  const hits = rig();
  hits.silenced(worker, 100 * SECOND_US);
  assert.equal(hits.hadTime(100 * SECOND_US, 107.9 * SECOND_US), false);
  assert.equal(hits.hadTime(100 * SECOND_US, 108 * SECOND_US), true);
});

Deno.test("hits: without its leader it needs the election's time too, and whoever falls silent meanwhile begins again", () => {
  const hits = rig();
  hits.silenced(leader, 100 * SECOND_US);
  assert.equal(hits.hadTime(100 * SECOND_US, 112 * SECOND_US), false);
  assert.equal(hits.hadTime(100 * SECOND_US, 113 * SECOND_US), true);
  hits.silenced(worker, 106 * SECOND_US);
  assert.equal(hits.hadTime(100 * SECOND_US, 113 * SECOND_US), false);
  assert.equal(hits.hadTime(100 * SECOND_US, 114 * SECOND_US), true);
  hits.silenced(worker, 114.1 * SECOND_US);
  assert.equal(
    hits.hadTime(100 * SECOND_US, 115 * SECOND_US),
    true,
    "it should have been done before",
  );
  assert.equal(hits.hadTime(114.1 * SECOND_US, 122 * SECOND_US), false);
  assert.equal(
    hits.hadTime(114.1 * SECOND_US, 122.2 * SECOND_US),
    true,
    "what was long before is over",
  );
});

Deno.test("hits: who is under something that lasts is so until the last of it is over", () => {
  const hits = rig();
  const ends = [hits.begin(worker), hits.begin(worker)];
  ends[0]!();
  assert.ok(hits.isUnder("a#1") && !hits.isUnder("b#1"));
  ends[1]!();
  assert.ok(!hits.isUnder("a#1"));
});

Deno.test("hits: whoever comes after knows of those of before", () => {
  const before = rig();
  before.silenced({ ...worker, status: { leader: true } }, 99 * SECOND_US);
  const after = rig();
  assert.equal(after.hadTime(100 * SECOND_US, 109 * SECOND_US), true);
  after.load(before.save());
  assert.equal(after.hadTime(100 * SECOND_US, 109 * SECOND_US), false);
});
