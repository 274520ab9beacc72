/** Partitions that are wanted here and were written by somebody newer: said, shown, and tried now and then. */
import assert from "node:assert/strict";
import { EPOCH_HEADER, GENERATION_HEADER, INPUT_SEQUENCE_HEADER } from "../../effects/effects.ts";
import { isPartiError } from "../../errors.ts";
import { laneMetadata } from "../../names.ts";
import { settle } from "../../test_support/manual_clock.ts";
import { all, calls, team } from "./keeper_rig_test.ts";
import type { ModelTeam } from "../model_team_test.ts";
import { OUTRANKED_MS } from "./outranked.ts";

/** An output kept from a group whose epochs were higher: so are its partitions' last messages. */
function keepOutput(group: ModelTeam, partitions: readonly string[]): void {
  for (const partition of partitions) {
    group.server.write(`output.${partition}`, new Uint8Array(), {
      headers: { [EPOCH_HEADER]: "99", [GENERATION_HEADER]: "5", [INPUT_SEQUENCE_HEADER]: "0" },
    });
  }
}

const startsOf = (group: ModelTeam, partition: string) =>
  group.record.started.filter((handling) => handling.partition === partition).length;

Deno.test("outranked: it is told with what to do, shown, and the other partitions go on", async () => {
  const group = team({ members: 1 });
  const [member] = group.members;
  keepOutput(group, ["p0"]);
  group.assign(all(group, 0));
  await group.clock.advance(100);
  await member!.consumer.settled();
  for (const partition of group.partitions) group.publish(partition);
  await group.clock.advance(200);
  const health = member!.consumer.health();
  assert.deepEqual([health.healthy, health.outranked, member!.consumer.outranked], [
    false,
    ["p0"],
    ["p0"],
  ]);
  assert.equal(group.server.feed.size, 1, "the others' are handled");
  const [error] = member!.errors;
  assert.ok(isPartiError(error, "PARTI_FENCED"));
  assert.equal(error.value, "p0");
  assert.match(error.message, /partition p0 .*epoch 1, generation 1.*newer/);
  assert.match(error.hint!, /buckets were deleted.*output stream/);
  assert.equal(member!.told.get("outranked"), 1);
  let isSettled = false;
  void member!.consumer.settled().then(() => isSettled = true);
  await settle();
  assert.equal(isSettled, false);
  member!.consumer.fence("over");
  group.server.feed.clear();
  member!.alive = false;
  await group.end();
});

Deno.test("outranked: tried now and then, never often, and well again once it may be written", async () => {
  const group = team({ members: 1 });
  const [member] = group.members;
  keepOutput(group, ["p0"]);
  group.assign(all(group, 0));
  group.publish("p0");
  await group.clock.advance(200);
  assert.equal(startsOf(group, "p0"), 1);
  await group.clock.advance(OUTRANKED_MS / 2 - 200);
  assert.equal(startsOf(group, "p0"), 1, "it is left alone at first");
  await group.clock.advance(10 * OUTRANKED_MS);
  const tries = startsOf(group, "p0");
  assert.ok(tries >= 9 && tries <= 24, `${tries} tries`);
  assert.equal(member!.consumer.health().healthy, false, "also while a try holds a lane");
  // Somebody has purged the output.
  group.server.output.length = 0;
  await group.clock.advance(OUTRANKED_MS + 500);
  assert.equal(group.server.feed.size, 0);
  assert.deepEqual([member!.consumer.health().healthy, member!.consumer.outranked], [true, []]);
  assert.equal(member!.told.get("outranked"), 2, "once that there is one, once that there is none");
  await member!.consumer.settled();
  await group.end();
});

Deno.test("outranked: the next assignment is another right, and is tried at once", async () => {
  const group = team({ members: 1 });
  const [member] = group.members;
  keepOutput(group, ["p0"]);
  group.assign(all(group, 0));
  group.publish("p0");
  await group.clock.advance(200);
  assert.deepEqual(member!.consumer.outranked, ["p0"]);
  member!.consumer.update({
    epoch: 100,
    generation: 1,
    partitions: group.partitions.map((name) => ({ keys: [name] })),
  });
  assert.deepEqual(member!.consumer.outranked, []);
  await group.clock.advance(200);
  assert.equal(group.server.feed.size, 0);
  assert.equal(member!.consumer.health().healthy, true);
  await group.end();
});

Deno.test("outranked: very many are tried together, not each with a lane of its own", async () => {
  const group = team({ members: 1, partitions: 60 });
  keepOutput(group, group.partitions);
  group.assign(all(group, 0));
  for (const partition of group.partitions) group.publish(partition);
  await group.clock.advance(OUTRANKED_MS);
  const before = calls(group);
  const created = group.server.calls.get("create")!;
  await group.clock.advance(4 * OUTRANKED_MS);
  const more = group.server.calls.get("create")! - created;
  assert.ok(more >= 4 && more <= 16, `${more} lanes for 60 partitions in ${4 * OUTRANKED_MS} ms`);
  const perSecond = (calls(group) - before) / (4 * OUTRANKED_MS / 1_000);
  assert.ok(perSecond < 150, `${perSecond} calls per second`);
  group.server.output.length = 0;
  await group.drained();
  await group.end();
});

Deno.test("outranked: a newer owner's lane is left alone, however long it is in the way", async () => {
  const group = team({ members: 1 });
  const [member] = group.members;
  keepOutput(group, ["p0"]);
  group.assign(all(group, 0));
  group.publish("p0");
  await group.clock.advance(200);
  // Made by somebody this worker does not know, in an assignment that it has not seen; of the same number even.
  group.server.create({
    name: "newer",
    filterSubjects: ["feed.p0"],
    ackWaitMs: 30_000,
    maxAckPending: 100,
    inactiveThresholdMs: 60_000,
    metadata: laneMetadata({ group: "test", worker: "w-9", instance: "stranger" }, 1, 1),
  });
  const refused = group.server.calls.get("create")!;
  await group.clock.advance(6 * OUTRANKED_MS);
  assert.ok(group.server.lanes.some(({ name }) => name === "newer"));
  const tries = group.server.calls.get("create")! - refused;
  assert.ok(tries >= 5 && tries <= 15, `${tries} tries`);
  assert.equal(member!.told.get("evicted"), undefined);
  group.server.delete("newer");
  group.server.output.length = 0;
  await group.drained();
  await group.end();
});
