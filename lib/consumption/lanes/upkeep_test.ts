import assert from "node:assert/strict";
import { AckLog } from "./ack_log.ts";
import { all, team } from "./keeper_rig_test.ts";

Deno.test("a pause by wish isolates nobody, though one partition fills the lane", async () => {
  const group = team({ members: 1, partitions: 4, temper: () => 5 });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  const { consumer } = group.members[0]!;
  consumer.pause();
  for (let i = 0; i < 100; i++) group.publish("p0");
  await group.clock.advance(2_000);
  assert.deepEqual([consumer.health().lanes, consumer.health().buffered], [1, 16]);
  consumer.resume();
  await group.drained();
  group.record.assertExact();
  await group.end();
});

Deno.test("a hot partition is left alone in its lane, and the others have one without its backlog", async () => {
  const group = team({
    members: 1,
    partitions: 4,
    config: { prefetch: 16, maxLanes: 4 },
    temper: () => 50,
  });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  for (let i = 0; i < 200; i++) group.publish("p0");
  for (const quiet of ["p1", "p2", "p3"]) group.publish(quiet);
  await group.clock.advance(2_500);
  const quiet = group.record.handled.filter(({ partition }) => partition !== "p0").length;
  assert.equal(quiet, 3, "behind 200 messages of 50 ms they would wait for 10 s");
  assert.equal(group.members[0]!.consumer.health().lanes, 2);
  await group.drained();
  group.record.assertExact();
  await group.end();
});

Deno.test("a worker at rest looks every two seconds, and one whose lane is full twice a second", async () => {
  const group = team({ members: 1, partitions: 4, config: { prefetch: 16 }, temper: () => 500 });
  const { clock } = group;
  const set = clock.setTimer.bind(clock);
  const looks = { 500: 0, 2_000: 0 };
  clock.setTimer = (delayMs, fire) =>
    set(delayMs, () => {
      if (delayMs === 500 || delayMs === 2_000) looks[delayMs]++;
      fire();
    });
  group.assign(all(group, 0), 0);
  await clock.advance(1_000);
  Object.assign(looks, { 500: 0, 2_000: 0 });
  await clock.advance(19_000);
  assert.deepEqual(looks, { 500: 0, 2_000: 9 });
  await clock.advance(100);
  for (let i = 0; i < 20; i++) group.publish("p0");
  group.publish("p1");
  // Within one look after the lane is full the partition is suspected, with the next it is alone.
  await clock.advance(1_100);
  assert.equal(group.members[0]!.consumer.health().lanes, 2);
  await group.drained();
  await group.end();
});

Deno.test("lanes stay few under moves, and merging does not become a storm", async () => {
  const group = team({ members: 3, partitions: 60, temper: () => 2, config: { maxLanes: 4 } });
  group.assign(Object.fromEntries(group.partitions.map((name, i) => [name, i % 3])), 0);
  const counts: number[] = [];
  for (let step = 0; step < 120; step++) {
    group.assign(Object.fromEntries(
      group.partitions.filter(() => group.random() < 0.05).map((name) => [name, group.pick(3)]),
    ));
    for (const name of group.partitions) if (group.random() < 0.3) group.publish(name);
    await group.clock.advance(500);
    counts.push(Math.max(...group.members.map(({ consumer }) => consumer.health().lanes)));
  }
  const merges = group.members.reduce((sum, { told }) => sum + (told.get("compacted") ?? 0), 0);
  assert.ok(Math.max(...counts) <= 20, `${Math.max(...counts)} lanes`);
  assert.ok(merges > 0 && merges <= 3 * 60 / 2.5, `${merges} merges in 60 s`);
  await group.clock.advance(10_000);
  for (const { consumer } of group.members) assert.ok(consumer.health().lanes <= 4);
  await group.drained();
  group.record.assertExact();
  await group.end();
});

Deno.test("nothing is merged while the group rebalances, and everything once it rests", async () => {
  const group = team({ members: 2, partitions: 12, config: { maxLanes: 2 } });
  group.assign(all(group, 0), 0);
  await group.clock.advance(100);
  const [, second] = group.members;
  const merges = () => second!.told.get("compacted") ?? 0;
  // Four lanes, one a second: more than it should have, fewer than too many.
  for (const name of ["p0", "p1", "p2", "p3"]) {
    group.assign({ [name]: 1 });
    await group.clock.advance(1_000);
  }
  assert.deepEqual([second!.consumer.health().lanes, merges()], [4, 0]);
  await group.clock.advance(2_500);
  assert.ok(second!.consumer.health().lanes <= 2);
  assert.equal(merges(), 1);
  await group.end();
});

Deno.test("too many lanes are merged though the group rebalances", async () => {
  const group = team({ members: 2, partitions: 12, config: { maxLanes: 2 } });
  group.assign(all(group, 0), 0);
  await group.clock.advance(100);
  const [, second] = group.members;
  for (let i = 0; i < 8; i++) {
    group.assign({ [`p${i}`]: 1 });
    await group.clock.advance(500);
  }
  assert.ok((second!.told.get("compacted") ?? 0) >= 1);
  await group.end();
});

Deno.test("acks that have become many are confirmed with the next look, and a few are not worth it", async () => {
  // So long that no ack wait has any acks confirmed meanwhile.
  const config = { ackWaitMs: 60_000 };
  const group = team({ members: 1, partitions: 2, config, temper: () => 1 });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  const { confirm } = AckLog.prototype;
  let asked = 0;
  AckLog.prototype.confirm = function (): Promise<void> {
    asked++;
    return confirm.call(this);
  };
  try {
    for (let i = 0; i < 10; i++) group.publish("p0");
    await group.clock.advance(2_500);
    assert.equal(asked, 0);
    for (let i = 0; i < 10; i++) group.publish("p1");
    await group.clock.advance(2_500);
    assert.equal(asked, 1);
    await group.clock.advance(2_500);
    assert.equal(asked, 1, "nothing is left to be confirmed");
  } finally {
    AckLog.prototype.confirm = confirm;
  }
  await group.drained();
  group.record.assertExact();
  await group.end();
});
