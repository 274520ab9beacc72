/**
 * What a worker loses and how it comes back: its lease, its connection, the server, the buckets.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { AlertLevel } from "../manager/hooks.ts";
import { assignmentBucket, leaseBucket, workerKey } from "../names.ts";
import { Cluster, type Member } from "../test_support/cluster.ts";
import { natsTest, until } from "../test_support/rig.ts";

/** Takes a worker's lease away, as a leader does that takes it for dead. */
async function evict(cluster: Cluster, member: Member): Promise<void> {
  const bucket = await cluster.world.kv.open(leaseBucket(cluster.group), {
    ttlMs: 4_000,
    replicas: 1,
    storage: "file",
  });
  await bucket.remove(workerKey(Number(member.manager.workerId!.split("-")[1])));
}

/** An outage of the server is nobody's death. */
function assertNoEmergency(cluster: Cluster): void {
  for (const { states } of cluster.members) {
    assert.ok(!states.includes("Emergency"), states.join());
  }
  const reasons = cluster.publications.all.map(({ reason }) => reason);
  assert.ok(!reasons.includes("emergency"), reasons.join());
}

/** The share of partitions that have the owner they had. */
function kept(cluster: Cluster, before: ReadonlyMap<string, string>): number {
  const same = [...cluster.owners()].filter(([id, owner]) => before.get(id) === owner);
  return same.length / before.size;
}

for (const version of ["2.15", "2.10"]) {
  const binary = version === "2.10" ? Deno.env.get("PARTI_NATS_SERVER_2_10") : undefined;
  if (version === "2.10" && binary === undefined) continue;
  for (const who of ["a follower", "the leader"] as const) {
    natsTest(
      `W-11: nats-server ${version}: ${who} evicted by mistake is fenced, told, and back as a new instance with its ID`,
      async (rig) => {
        await using cluster = await Cluster.open(rig, { partitionCount: 12, workMs: 5 });
        await cluster.add(3);
        await cluster.untilStable();
        const victim = who === "the leader" ? cluster.leader : cluster.followers[0]!;
        const { workerId, instance } = victim.manager;
        const held = victim.manager.assignment!.partitions.length;
        await cluster.whilePublishing(async () => {
          await until("it works", () => cluster.oracle.startedCount > 50);
          await evict(cluster, victim);
          await until(
            "it is back",
            () => victim.manager.instance !== undefined && victim.manager.instance !== instance,
          );
          await cluster.untilStable();
        });
        assert.equal(victim.manager.workerId, workerId);
        assert.equal(victim.manager.assignment!.partitions.length, held);
        const told = victim.changes.map(({ added, removed }) => [added.length, removed.length]);
        assert.deepEqual(told.slice(0, 2), [[held, 0], [0, held]]);
        // As the new leader it may go through Scaling too.
        const again = victim.states.slice(victim.states.lastIndexOf("ClaimingID"));
        assert.deepEqual(again.slice(0, 3), ["ClaimingID", "Election", "WaitingAssignment"]);
        assert.deepEqual(again.slice(-2), ["Rebalancing", "Stable"]);
        await cluster.untilDrained();
        await cluster.assertEffects();
      },
      binary === undefined ? {} : { binary },
    );
  }
}

natsTest(
  "a lease lost again and again is won back each time, also in the middle of a rejoin",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 8 });
    await cluster.add(2);
    await cluster.untilStable();
    await cluster.whilePublishing(async () => {
      const [victim] = cluster.followers;
      const bucket = await cluster.world.kv.open(leaseBucket(cluster.group), {
        ttlMs: 4_000,
        replicas: 1,
        storage: "file",
      });
      const key = workerKey(Number(victim!.manager.workerId!.split("-")[1]));
      for (const state of ["Election", "WaitingAssignment", "Rebalancing", "Stable"] as const) {
        await bucket.remove(key);
        await victim!.manager.waitState("ClaimingID", 5_000);
        await victim!.manager.waitState(state, 10_000);
      }
      await cluster.untilStable();
    }, 20);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest("a paused worker whose lease is lost comes back paused", async (rig) => {
  await using cluster = await Cluster.open(rig, { partitionCount: 2 });
  const [member] = await cluster.add();
  const { manager } = member!;
  const { instance, consumer } = manager;
  consumer!.pause();
  await evict(cluster, member!);
  await until("it is back", () => manager.state === "Stable" && manager.instance !== instance);
  assert.notEqual(manager.consumer, consumer);
  assert.equal(manager.consumer!.paused, true);
  await cluster.publish();
  manager.consumer!.resume();
  await cluster.untilDrained();
});

natsTest("a worker that is stopped while it rejoins leaves nothing", async (rig) => {
  await using cluster = await Cluster.open(rig, { idle: true });
  await cluster.add(2);
  await cluster.untilStable();
  const [victim] = cluster.followers;
  await evict(cluster, victim!);
  await victim!.manager.waitState("ClaimingID", 5_000);
  await cluster.stop(victim!);
  assert.equal(victim!.manager.state, "Shutdown");
  await cluster.untilStable();
  assert.equal(
    cluster.publications.latest!.workers.get(cluster.leader.manager.instance!)!.length,
    12,
  );
});

for (const version of ["2.15", "2.10"]) {
  const binary = version === "2.10" ? Deno.env.get("PARTI_NATS_SERVER_2_10") : undefined;
  if (version === "2.10" && binary === undefined) continue;
  natsTest(
    `rows 16, 17: nats-server ${version} killed for longer than the lease: all fence, rejoin under their IDs, no mass move, nothing lost`,
    async (rig) => {
      await using cluster = await Cluster.open(rig, { partitionCount: 40, workMs: 1 });
      await cluster.add(4);
      await cluster.untilStable();
      await cluster.publish(20);
      const before = cluster.owners();
      const instances = new Set(cluster.running.map(({ manager }) => manager.instance));
      const ids = cluster.running.map(({ manager }) => manager.workerId).sort();
      await rig.server.kill();
      await until(
        "all have fenced themselves",
        () => cluster.running.every(({ manager }) => manager.instance === undefined),
      );
      for (const { manager } of cluster.running) {
        assert.equal(manager.isLeader, false);
        assert.equal(manager.assignment, undefined);
      }
      await rig.server.restart();
      await cluster.untilStable(20_000);
      assert.deepEqual(cluster.running.map(({ manager }) => manager.workerId).sort(), ids);
      for (const { manager } of cluster.running) assert.ok(!instances.has(manager.instance));
      assertNoEmergency(cluster);
      assert.ok(kept(cluster, before) >= 0.9, `${kept(cluster, before)} kept`);
      await cluster.publish(5);
      await cluster.untilDrained();
      await cluster.assertEffects();
    },
    binary === undefined ? {} : { binary },
  );

  natsTest(
    `rows 16, 18: nats-server ${version} down for less than the lease: all are degraded, the assignment is frozen, nobody fences, nothing comes twice`,
    async (rig) => {
      await using cluster = await Cluster.open(rig, {
        partitionCount: 20,
        workMs: 1,
        config: {
          heartbeatTtl: "15s",
          workerIdTtl: "20s",
          electionTimeout: "15s",
          degradedBehavior: { enterThreshold: "300ms", exitThreshold: "100ms" },
        },
      });
      await cluster.add(3);
      await cluster.untilStable();
      await cluster.publish(20);
      const before = cluster.owners();
      const instances = cluster.running.map(({ manager }) => manager.instance);
      const { generation } = cluster.publications.latest!;
      await rig.server.kill();
      await Promise.all(
        cluster.running.map(({ manager }) => manager.waitState("Degraded", 10_000)),
      );
      assert.deepEqual(cluster.owners(), before, "frozen while the server is away");
      await rig.server.restart();
      await until(
        "all are connected",
        () => cluster.running.every(({ world }) => world.messaging.connected),
      );
      await cluster.untilStable();
      await cluster.publish(5);
      await cluster.untilDrained();
      assert.deepEqual(cluster.running.map(({ manager }) => manager.instance), instances);
      assert.equal(cluster.publications.latest!.generation, generation);
      assert.deepEqual(cluster.owners(), before);
      assertNoEmergency(cluster);
      await cluster.assertEffects();
    },
    binary === undefined ? {} : { binary },
  );
}

natsTest(
  "rows 15, 19: degraded mode is entered and left by real disconnects, and its alerts repeat",
  async (rig) => {
    const alerts: AlertLevel[] = [];
    await using cluster = await Cluster.open(rig, {
      partitionCount: 6,
      config: {
        heartbeatTtl: "6s",
        workerIdTtl: "8s",
        electionTimeout: "6s",
        degradedBehavior: { enterThreshold: "200ms", exitThreshold: "300ms" },
        degradedAlert: {
          infoThreshold: "100ms",
          warnThreshold: "300ms",
          errorThreshold: "600ms",
          criticalThreshold: "900ms",
          alertInterval: "150ms",
        },
      },
      options: { hooks: { onDegradedAlert: (level) => void alerts.push(level) } },
    });
    const [member] = await cluster.add(1);
    await cluster.untilStable();
    const { instance } = member!.manager;
    await rig.server.kill();
    await member!.manager.waitState("Degraded", 5_000);
    assert.equal(member!.manager.assignment!.partitions.length, 6, "it keeps what it has");
    await until(
      "the loudest alert is repeated",
      () => alerts.filter((a) => a === "critical").length > 2,
    );
    await rig.server.restart();
    await member!.manager.waitState("Stable", 10_000);
    assert.equal(member!.manager.instance, instance);
    const order = ["info", "warn", "error", "critical"];
    const ranks = alerts.map((level) => order.indexOf(level));
    assert.deepEqual(ranks, [...ranks].sort());
    assert.deepEqual([...new Set(alerts)], order);
    const { length } = alerts;
    await cluster.publish(2);
    await cluster.untilDrained();
    assert.equal(alerts.length, length, "no alert afterwards");
    assert.deepEqual(member!.states.slice(-3), ["Stable", "Degraded", "Stable"]);
  },
);

natsTest(
  "degraded mode shows also where the lease was lost before it began, and the worker comes back through it",
  async (rig) => {
    await using cluster = await Cluster.open(rig, {
      idle: true,
      config: {
        heartbeatTtl: "1s",
        electionTimeout: "1s",
        degradedBehavior: { enterThreshold: "1500ms", exitThreshold: "200ms" },
      },
    });
    const [member] = await cluster.add(1);
    await cluster.untilStable();
    await rig.server.kill();
    await member!.manager.waitState("ClaimingID", 5_000);
    await member!.manager.waitState("Degraded", 5_000);
    await rig.server.restart();
    await cluster.untilStable(20_000);
  },
);

natsTest(
  "row 18: after a degraded time whoever is back first gives nobody's partitions away before the recovery grace is over",
  async (rig) => {
    await using cluster = await Cluster.open(rig, {
      idle: true,
      config: {
        heartbeatTtl: "1s",
        electionTimeout: "1s",
        coldStartWindow: "15s",
        degradedBehavior: { enterThreshold: "300ms", recoveryGracePeriod: "5s" },
      },
    });
    await cluster.add(2);
    await cluster.untilStable();
    const { leader: first, followers: [away] } = cluster;
    let backAtMs = Infinity;
    first.world.messaging.onStatus((status) => {
      if (status === "reconnected") backAtMs = performance.now();
    });
    await rig.server.kill();
    await until(
      "both have fenced themselves",
      () => cluster.running.every(({ manager }) => manager.instance === undefined),
    );
    await cluster.kill(away!);
    await rig.server.restart();
    await until("it has taken over", () => first.manager.assignment !== undefined, 20_000);
    const waitedMs = performance.now() - backAtMs;
    assert.ok(waitedMs >= 5_000, `${waitedMs} ms`);
    await cluster.untilStable();
  },
);

natsTest("stop while the server is out of reach ends within the shutdown timeout", async (rig) => {
  await using cluster = await Cluster.open(rig, { partitionCount: 6 });
  const [gone, paused] = await cluster.add(2);
  await cluster.untilStable();
  rig.server.pause();
  const pausedAtMs = performance.now();
  await cluster.stop(paused!);
  assert.ok(performance.now() - pausedAtMs < 5_500, `${performance.now() - pausedAtMs} ms`);
  rig.server.resume();
  await rig.server.kill();
  await until("it has noticed", () => !gone!.world.messaging.connected);
  const goneAtMs = performance.now();
  await cluster.stop(gone!);
  assert.ok(performance.now() - goneAtMs < 2_000, `${performance.now() - goneAtMs} ms`);
  assert.equal(gone!.manager.state, "Shutdown");
  await rig.server.restart();
});

natsTest(
  "row 37: both buckets are deleted under a running group: it makes them anew and goes on",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 9 });
    await cluster.add(3);
    await cluster.untilStable();
    await cluster.publish(5);
    const before = cluster.owners();
    await cluster.untilDrained();
    const { epoch } = cluster.publications.latest!;
    const instances = new Set(cluster.running.map(({ manager }) => manager.instance));
    // The observer's watch would end with the bucket, which is no fault of the group's.
    await cluster.publications.close();
    await cluster.world.kv.destroy(leaseBucket(cluster.group));
    await cluster.world.kv.destroy(assignmentBucket(cluster.group));
    await until(
      "all have lost their leases and have new ones",
      () =>
        cluster.running.every(({ manager }) =>
          manager.instance !== undefined && !instances.has(manager.instance)
        ),
      15_000,
    );
    await until(
      "everybody is in again",
      () =>
        cluster.running.every(({ manager }) => manager.state === "Stable") &&
        cluster.owners().size === 9,
      15_000,
    );
    // The new buckets count from one, the group goes on counting: a lower epoch would be fenced off by its own output.
    for (const { manager } of cluster.running) assert.ok(manager.assignment!.epoch > epoch);
    // Buckets that fail are as bad as no connection.
    for (const { states } of cluster.running) assert.ok(states.includes("Degraded"));
    assert.ok(kept(cluster, before) >= 0.9, `${kept(cluster, before)} kept`);
    await cluster.publish(5);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest(
  "row 37: the assignment bucket alone is deleted, and somebody dies: the leader makes it anew, the new leader too",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 9, idle: true });
    await cluster.add(3);
    await cluster.untilStable();
    await cluster.publications.close();
    for (const who of [() => cluster.followers[0]!, () => cluster.leader]) {
      const { epoch } = cluster.running[0]!.manager.assignment!;
      await cluster.world.kv.destroy(assignmentBucket(cluster.group));
      await cluster.kill(who());
      await until("the others have its partitions", () => cluster.owners().size === 9, 5_000);
      assert.ok(cluster.running[0]!.manager.assignment!.epoch >= epoch);
    }
  },
);

natsTest(
  "row 80: a connection that drops and is back before anybody acts: the worker goes on as it is",
  async (rig) => {
    await using cluster = await Cluster.open(rig, {
      partitionCount: 12,
      workMs: 1,
      config: { probe: { grace: "2s" } },
    });
    await cluster.add(3);
    await cluster.untilStable();
    const instances = cluster.running.map(({ manager }) => manager.instance);
    const { generation } = cluster.publications.latest!;
    await cluster.whilePublishing(async () => {
      for (const member of [cluster.followers[0]!, cluster.leader]) {
        await member.nc.reconnect();
        await until("it is back", () => member.world.messaging.connected);
        const { startedCount } = cluster.oracle;
        await until("work goes on", () => cluster.oracle.startedCount > startedCount + 50);
      }
    }, 20);
    await cluster.untilDrained();
    await cluster.untilStable();
    assert.deepEqual(cluster.running.map(({ manager }) => manager.instance), instances);
    assert.equal(cluster.publications.latest!.generation, generation);
    await cluster.assertEffects();
  },
);

natsTest(
  "row 38: a connection is cut, and the others act at once: nothing is begun under the old right, effects once",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 12, workMs: 1 });
    await cluster.add(3);
    await cluster.untilStable();
    await cluster.whilePublishing(async () => {
      for (const member of [cluster.followers[0]!, cluster.leader]) {
        cluster.oracle.cut(member.manager.instance!);
        await member.nc.reconnect();
        await until("it is back", () => member.world.messaging.connected);
        await cluster.untilStable();
      }
    }, 20);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest(
  "while the connection is away nothing new is begun; after a proven return it goes on",
  async (rig) => {
    let begun = 0;
    await using cluster = await Cluster.open(rig, {
      partitionCount: 4,
      config: {
        heartbeatTtl: "8s",
        workerIdTtl: "10s",
        electionTimeout: "8s",
        degradedBehavior: { enterThreshold: "400ms", exitThreshold: "50ms" },
      },
      options: {
        handler: async () => {
          begun++;
          await new Promise((resolve) => setTimeout(resolve, 5));
        },
      },
    });
    const [member] = await cluster.add(1);
    await cluster.publish(50);
    await until("it works", () => begun > 20);
    await rig.server.kill();
    await until("it has noticed", () => !member!.world.messaging.connected);
    const atLoss = begun;
    await member!.manager.waitState("Degraded", 5_000);
    assert.ok(begun <= atLoss, `${begun - atLoss} begun after the loss`);
    assert.ok(begun < 200, "there was more to do");
    await rig.server.restart();
    await cluster.untilDrained();
    assert.ok(begun >= 200);
  },
);

natsTest(
  "a connection closed for good is said once; the worker waits for its stop and keeps no server busy",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { idle: true });
    const [member] = await cluster.add(1);
    await cluster.untilStable();
    await member!.nc.close();
    await until("the lease is over", () => member!.manager.instance === undefined);
    const said = member!.errors.filter((error) => /closed for good/.test(String(error)));
    assert.equal(said.length, 1);
    await cluster.stop(member!);
    assert.equal(member!.manager.state, "Shutdown");
  },
);
