import assert from "node:assert/strict";
import { systemRandom } from "../../ports/nats/random.ts";
import { ManualClock } from "../../test_support/manual_clock.ts";
import { bothNatsTest, type Rig, until } from "../../test_support/rig.ts";
import { Nodes } from "./nodes.ts";

const BUCKET = { ttlMs: 0, replicas: 1, storage: "memory" } as const;

async function nodesOf(rig: Rig, ttlMs: number) {
  const { world } = await rig.connect();
  const clock = new ManualClock();
  const bucket = await world.kv.open("nodes", BUCKET);
  const errors: unknown[] = [];
  const nodes = new Nodes({
    ...{ world: { clock, random: systemRandom }, bucket, ttlMs },
    ...{ load: () => 0, types: () => ["a::b"], onGone: () => {} },
    onError: (error) => errors.push(error),
  });
  await nodes.initialized;
  return { nodes, clock, bucket, errors };
}

bothNatsTest("nodes: a life counts on its own lease, however long this node's is", async (rig) => {
  const [patient, hasty] = [await nodesOf(rig, 6_000), await nodesOf(rig, 1_000)];
  const lease = await patient.nodes.join("a_1", () => {});
  await until("it is seen", () => hasty.nodes.isAlive("a_1"));
  lease.abandon();
  await hasty.clock.advance(5_900);
  assert.equal(await hasty.nodes.proveDead("a_1"), false, "its holder may still act");
  await hasty.clock.advance(200);
  assert.deepEqual(hasty.nodes.overdue, ["a_1"]);
  assert.equal(await hasty.nodes.proveDead("a_1"), true);
  await Promise.all([patient.nodes.close(), hasty.nodes.close()]);
});

bothNatsTest(
  "nodes: whoever renews is not proven dead, and whoever is never comes back",
  async (rig) => {
    const [one, other] = [await nodesOf(rig, 1_000), await nodesOf(rig, 1_000)];
    let lost = "";
    const lease = await one.nodes.join("a_1", (reason) => lost = reason);
    await until("it is seen", () => other.nodes.isAlive("a_1"));
    // Its renewal is stored, and the other has not heard of it when its time is over.
    await other.clock.advance(1_100);
    await other.bucket.put("unrelated", new Uint8Array([1]));
    assert.equal(await other.nodes.proveDead("a_1"), true, "nobody had renewed it");
    assert.equal(await lease.confirm(), false);
    assert.match(lost, /held by|removed/);
    await assert.rejects(one.nodes.join("a_1", () => {}), { code: "PARTI_CONFLICT" });
    const again = await one.nodes.join("a_2", () => {});
    await until("the new life is seen", () => other.nodes.isAlive("a_2"));
    assert.equal(await other.nodes.proveDead("a_2"), false);
    await again.release();
    await until("it has gone", () => other.nodes.isDead("a_2"));
    await Promise.all([one.nodes.close(), other.nodes.close()]);
  },
);

bothNatsTest(
  "nodes: a life that nobody has seen is proven dead only where it has no lease",
  async (rig) => {
    const [one, other] = [await nodesOf(rig, 1_000), await nodesOf(rig, 1_000)];
    assert.equal(
      await other.nodes.proveDead("nobody_1"),
      false,
      "its key may have vanished just now",
    );
    await other.clock.advance(990);
    assert.equal(await other.nodes.proveDead("nobody_1"), false);
    await other.clock.advance(20);
    assert.equal(await other.nodes.proveDead("nobody_1"), true);
    // Not seen yet: the watch is slower than the write.
    await one.bucket.create("node.late_1", new TextEncoder().encode('{"instance":"late_1"}'));
    const isDead = await other.nodes.proveDead("late_1");
    assert.equal(isDead, false);
    await Promise.all([one.nodes.close(), other.nodes.close()]);
  },
);

bothNatsTest(
  "nodes: a lease whose key has vanished counts as long as its holder counts on it",
  async (rig) => {
    const [one, other] = [await nodesOf(rig, 3_000), await nodesOf(rig, 1_000)];
    const lease = await one.nodes.join("a_1", () => {});
    await until("it is seen", () => other.nodes.isAlive("a_1"));
    await other.bucket.remove("node.a_1");
    await until("it is seen to be gone", () => !other.nodes.isAlive("a_1"));
    assert.equal(await other.nodes.proveDead("a_1"), false);
    assert.equal(await other.nodes.proveDead("a_1"), false, "asked again");
    assert.equal(lease.valid, true);
    assert.equal(await lease.confirm(), false, "and it does not come back");
    await other.clock.advance(2_990);
    assert.equal(await other.nodes.proveDead("a_1"), false);
    await other.clock.advance(20);
    assert.equal(await other.nodes.proveDead("a_1"), true);
    await until("the others hear of it", () => one.nodes.isDead("a_1"));
    await Promise.all([one.nodes.close(), other.nodes.close()]);
  },
);
