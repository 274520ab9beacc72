/** Where two faults of one target overlap, the end of the first does not end the second. */
import assert from "node:assert/strict";
import { FaultBoard } from "../nats/fault_board.ts";
import { NO_FAULTS } from "../nats/faults.ts";
import { withGroup } from "./faults_rig_test.ts";

Deno.test("of two pauses that overlap the later one ends both", async () => {
  await withGroup(3, async (group) => {
    const { owner } = group.on(0);
    group.hurt("pause", { node: 0, forMs: 2_000 });
    await group.sleep(1_000);
    group.hurt("pause", { node: 0, forMs: 3_000 });
    await group.sleep(2_500);
    assert.ok(owner.paused, "the first one is over");
    await group.sleep(1_000);
    assert.ok(!owner.paused);
  });
});

Deno.test("of two cuts of one network the later one ends both", async () => {
  await withGroup(3, async (group) => {
    const { link } = group.on(0);
    group.hurt("block", { node: 0, direction: "down", forMs: 1_000 });
    await group.sleep(500);
    group.hurt("split", { nodes: [0], forMs: 1_500 });
    await group.sleep(1_000);
    assert.ok(!link.flows, "the first one is over");
    await group.sleep(5_000);
    assert.ok(link.flows);
  });
});

Deno.test("a server that is away cannot be killed or paused, and comes back when it was to", async () => {
  await withGroup(3, async (group) => {
    const { server } = group.cluster;
    group.hurt("server-crash", { forMs: 3_000 });
    await group.sleep(1_000);
    group.hurt("server-crash", { forMs: 500 });
    group.hurt("server-pause", { forMs: 500 });
    await group.sleep(1_500);
    assert.ok(!server.running, "the second one has brought it back");
    await group.sleep(1_000);
    assert.ok(server.answering);
  });
});

Deno.test("a server that is killed while it stands still stays away as long as it was to", async () => {
  await withGroup(3, async (group) => {
    const { server } = group.cluster;
    group.hurt("server-pause", { forMs: 1_000 });
    await group.sleep(500);
    group.hurt("server-crash", { forMs: 2_000 });
    await group.sleep(1_500);
    assert.ok(!server.running);
    await group.sleep(1_000);
    assert.ok(server.answering);
  });
});

Deno.test("who has left while the server stood still could confirm nothing, and may be taken for dead", async () => {
  await withGroup(3, async (group) => {
    const { fleet, observer } = group.cluster;
    const leaver = group.on(0);
    const excused: string[] = [];
    observer.excuse = (instance) => void excused.push(instance);
    group.hurt("server-pause", { forMs: 40_000 });
    await fleet.stop(leaver);
    await group.sleep(1_000);
    assert.equal(excused.length, 0);
    group.injector.heal();
    assert.ok(excused.includes(leaver.instance!));
  });
});

Deno.test("of two faults of all links the later one lasts as long as it was to", async () => {
  await withGroup(3, async (group) => {
    const board = FaultBoard.of(group.cluster.server);
    group.hurt("nats-faults", { forMs: 2_000, faults: { kv: { answerLate: 1 } } });
    await group.sleep(1_000);
    group.hurt("nats-faults", { forMs: 3_000, faults: { messaging: { noticeLost: 0.5 } } });
    await group.sleep(2_000);
    assert.equal(board.common.messaging.noticeLost, 0.5);
    await group.sleep(2_000);
    assert.equal(board.common, NO_FAULTS);
  });
});

Deno.test("of two faults of one connection the later one lasts as long as it was to", async () => {
  await withGroup(3, async (group) => {
    const { link, manager } = group.on(0);
    const { heartbeatIntervalMs } = manager.config;
    const board = FaultBoard.of(group.cluster.server);
    group.hurt("mute", { node: 0, late: 0, forMs: 500 });
    await group.sleep(heartbeatIntervalMs / 2);
    group.hurt("mute", { node: 0, late: 1, forMs: 500 });
    await group.sleep(0.9 * heartbeatIntervalMs);
    assert.equal(board.of(link).kv.answerLate, 1);
    assert.equal(board.of(link).kv.requestLost, 0, "the first one has become mute");
    await group.sleep(5_000);
    assert.equal(board.of(link), NO_FAULTS);
  });
});

Deno.test("whoever is another target is not touched, and in the end everything is healed", async () => {
  await withGroup(3, async (group) => {
    group.hurt("pause", { node: 0, forMs: 1_000 });
    group.hurt("pause", { node: 1, forMs: 60_000 });
    group.hurt("block", { node: 1, forMs: 60_000 });
    await group.sleep(1_500);
    assert.ok(!group.on(0).owner.paused && group.on(1).owner.paused);
    group.injector.heal();
    assert.ok(!group.on(1).owner.paused);
    await group.sleep(10_000);
    assert.ok(group.on(1).link.flows);
  });
});
