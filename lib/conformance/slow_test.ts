/**
 * Workers that are slow and not dead: handlers that do not come back, renewals that come late.
 *
 * @module
 */
import assert from "node:assert/strict";
import { partitionId } from "../assignment/partition.ts";
import type { MessageHandler } from "../consumption/dispatch/handler.ts";
import { FencedOutput } from "../effects/effects.ts";
import { leaseBucket } from "../names.ts";
import { sleep } from "../ports/clock.ts";
import type { World } from "../ports/world.ts";
import { changedBuckets } from "../test_support/changed_world.ts";
import { Cluster, type Member } from "../test_support/cluster.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";
import { trafficNames } from "../test_support/traffic.ts";

/** A handler that does nothing until it is let go, whatever its signal says; and how many messages it has begun. */
function stuck(cluster: Cluster) {
  const gate = Promise.withResolvers<void>();
  const { output: stream, outputTemplate: subjectTemplate } = trafficNames(cluster.group);
  const output = new FencedOutput(cluster.world.feed, {
    stream,
    subjectTemplate,
    timeoutMs: 2_000,
  });
  const record = { begun: 0, release: gate.resolve };
  const handler: MessageHandler = async (message, context) => {
    record.begun++;
    await gate.promise;
    await output.write(context, message.streamSequence, message.data);
  };
  return { record, handler };
}

/** Which partitions a worker holds. */
function held({ manager }: Member): string[] {
  return manager.assignment?.partitions.map(partitionId) ?? [];
}

/** Waits until all is handled that is not in these partitions. */
async function untilDrainedBut(cluster: Cluster, partitions: () => readonly string[]) {
  const { feed } = cluster.world;
  await until("nothing waits elsewhere", async () => {
    const without = new Set(partitions());
    for (const id of cluster.owners().keys()) {
      if (without.has(id)) continue;
      const last = await feed.lastMessage(cluster.feed, `${cluster.group}.in.${id}`);
      if (last !== undefined) return false;
    }
    return true;
  }, 15_000);
}

natsTest(
  "row 26: a worker whose handlers do not come back holds up nobody: a death is made good, a newcomer gets its part, and all others' messages are handled",
  async (rig) => {
    await using cluster = await Cluster.open(rig, {
      partitionCount: 12,
      config: { drainTimeout: "1s" },
    });
    const { record, handler } = stuck(cluster);
    const [slow] = await cluster.add(1, { handler });
    const others = await cluster.add(2);
    await cluster.untilStable();
    await cluster.publish(3);
    await until("it is stuck in all it has", () => record.begun === 4);
    await untilDrainedBut(cluster, () => held(slow!));

    const diedAtMs = performance.now();
    await cluster.kill(others[0]!);
    await cluster.untilStable();
    assert.ok(performance.now() - diedAtMs < 5_000, `${performance.now() - diedAtMs} ms`);
    assert.deepEqual([held(slow!).length, held(others[1]!).length], [6, 6]);
    await cluster.publish(3);
    await untilDrainedBut(cluster, () => held(slow!));

    // It has to give up two partitions, in which its handlers do not end: after the drain timeout they are taken.
    const [newcomer] = await cluster.add(1);
    await cluster.untilStable();
    assert.equal(held(newcomer!).length, 4);
    await cluster.publish(1);
    await untilDrainedBut(cluster, () => held(slow!));
    assert.equal(cluster.leader, slow, "and it leads all the while");

    record.release();
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

const TTL_MS = 4_000;
/** A renewal is sent when half of the TTL is over; every second one then takes so long to arrive that the one before is four fifths of
 * the TTL old. What is left is for a busy machine. */
const RENEWAL_MS = TTL_MS / 2;
const DELAY_MS = 0.3 * TTL_MS;

/** A world whose renewals of leases are late, every second one. */
async function lateWorld(rig: Rig): Promise<World> {
  const { world } = await rig.connect();
  const count = new Map<string, number>();
  return changedBuckets(world, (real) =>
    real.name !== leaseBucket("g") ? {} : {
      update: async (key, value, revision) => {
        const turn = (count.get(key) ?? 0) + 1;
        count.set(key, turn);
        if (turn % 2 === 0) await sleep(world.clock, DELAY_MS);
        return await real.update(key, value, revision);
      },
    });
}

natsTest(
  "rows 41, 48: renewals that arrive shortly before the lease ends: nothing is published, nobody is evicted or fenced",
  async (rig) => {
    await using cluster = await Cluster.open(rig, {
      partitionCount: 12,
      workMs: 1,
      config: {
        heartbeatInterval: `${RENEWAL_MS}ms`,
        heartbeatTtl: `${TTL_MS}ms`,
        workerIdTtl: "6s",
        electionTimeout: `${TTL_MS}ms`,
      },
    });
    for (let n = 0; n < 3; n++) await cluster.add(1, { world: await lateWorld(rig) });
    await cluster.untilStable();
    const { length } = cluster.publications.all;
    const instances = cluster.running.map(({ manager }) => manager.instance);
    const owners = cluster.owners();
    const options = { ttlMs: 6_000, replicas: 1, storage: "file" } as const;
    const bucket = await cluster.world.kv.open(leaseBucket(cluster.group), options);
    const arrivals = new Map<string, number[]>();
    const watch = await bucket.watch("worker.>", {
      onEntry: ({ key }) => {
        const list = arrivals.get(key) ?? [];
        arrivals.set(key, list);
        list.push(performance.now());
      },
      onLost: () => {},
    });
    // The leader's own lease is renewed thrice in its time: it is late as well, and far from its end.
    const gapsOf = (list: readonly number[]) =>
      list.slice(1).map((atMs, index) => atMs - list[index]!);
    await cluster.whilePublishing(async () => {
      await until("all leases have been late", () => {
        const late = [...arrivals.values()].map((list) =>
          gapsOf(list).filter((gapMs) => gapMs > 0.75 * TTL_MS).length
        );
        return late.length === 3 && late.every((count) => count >= 1);
      }, 30_000);
    }, 50);
    await watch.close();
    await cluster.untilStable();
    assert.equal(cluster.publications.all.length, length);
    assert.deepEqual(cluster.running.map(({ manager }) => manager.instance), instances);
    assert.deepEqual(cluster.owners(), owners);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);
