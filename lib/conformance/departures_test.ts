/**
 * In a large group the rounds of probes are seconds apart. Here they are a minute apart, and leases last longer than the test: only a hint
 * of the server can tell that a worker has died.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { World } from "../ports/world.ts";
import { Cluster } from "../test_support/cluster.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";

const CONFIG = {
  heartbeatTtl: "60s",
  workerIdTtl: "120s",
  probe: { budgetPerSecond: 0.05 },
} as const;

/** A group of three, one of which dies. Returns whether the others have all it had within a time. */
async function isNoticed(
  rig: Rig,
  withinMs: number,
  change: (world: World) => World,
): Promise<boolean> {
  await using cluster = await Cluster.open(rig, { partitionCount: 12, config: CONFIG });
  for (let n = 0; n < 3; n++) {
    const { world, nc } = await rig.connect();
    const [member] = await cluster.add(1, { world: change(world) });
    Object.assign(member!, { nc });
  }
  await cluster.untilStable();
  await cluster.kill(cluster.followers[0]!);
  const isMoved = () => cluster.owners().size === 12;
  const noticed = await until("the others have all", isMoved, withinMs).then(
    () => true,
    () => false,
  );
  if (!noticed) return false;
  await cluster.publish();
  await cluster.untilDrained();
  await cluster.assertEffects();
  return true;
}

natsTest(
  "a dead worker's partitions move at once, however seldom anybody asks for it",
  async (rig) => {
    assert.ok(await isNoticed(rig, 5_000, (world) => world));
  },
);

natsTest("planted fault: without hints nobody notices until somebody asks", async (rig) => {
  const deaf = ({ departures: _hints, ...world }: World): World => world;
  assert.equal(await isNoticed(rig, 3_000, deaf), false);
});
