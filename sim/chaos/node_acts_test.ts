import assert from "node:assert/strict";
import { until } from "../../tasks/until.ts";
import type { KillableCluster } from "../ground/ground.ts";
import { pauseFor, POLL_MS } from "../run/wait.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { killNode } from "./node_acts.ts";
import { sceneRig } from "./scene_rig_test.ts";

const EVENT: PlannedChaos = {
  ...{ number: 1, atMs: 0, type: "nats_node_kill", picks: [0.99, 0.9], count: 1, downMs: 10 },
};

/** Three nodes of which the first one leads; clients of one that is killed go to the others. */
class TestCluster implements KillableCluster {
  readonly names = ["n1", "n2", "n3"];
  readonly done: string[] = [];
  readonly clients = new Map(this.names.map((name) => [name, 2]));

  node(name: string) {
    return {
      pid: 1,
      kill: () => {
        this.done.push(`kill ${name}`);
        this.clients.set(name, 0);
        for (const other of this.names) if (other !== name) this.clients.set(other, 3);
        return Promise.resolve();
      },
      restart: () => {
        this.done.push(`restart ${name}`);
        return Promise.resolve();
      },
    };
  }

  leader = "n1";

  leaderOf(): Promise<string> {
    return Promise.resolve(this.leader);
  }

  clientsAt(name: string): Promise<number> {
    return Promise.resolve(this.clients.get(name)!);
  }

  whole = Promise.resolve();

  async untilWhole(): Promise<void> {
    await this.whole;
    this.done.push("whole");
  }
}

Deno.test("node acts: a node is killed, comes back, and the event is over when the cluster is whole", async () => {
  const cluster = new TestCluster();
  const { scene, state } = sceneRig([], { cluster, feedStream: "S" });
  await killNode(scene, EVENT);
  assert.deepEqual(cluster.done, ["kill n3"]);
  assert.ok(scene.serverAway);
  assert.equal(scene.records[0]!.recoveredMs, null);
  await scene.settle();
  assert.deepEqual(cluster.done, ["kill n3", "restart n3", "whole"]);
  assert.ok(!scene.serverAway);
  assert.equal(scene.records[0]!.target, "n3");
  assert.notEqual(scene.records[0]!.recoveredMs, null);
  // Until all is whole no load is missing; what goes wrong is excused until the others serve.
  assert.equal(state.outages.length, 2);
  assert.equal(state.ledger.impairments.save().outages.length, 1);
  assert.deepEqual(state.incidents, []);
});

Deno.test("node acts: planted: a cluster that is whole late is excused only until it serves again, and the event's fault lasts", async () => {
  const cluster = new TestCluster();
  const whole = Promise.withResolvers<void>();
  cluster.whole = whole.promise;
  const { scene, state } = sceneRig([], { cluster, feedStream: "S" });
  state.disorder = () => undefined;
  await killNode(scene, EVENT);
  scene.acted(EVENT);
  await until("it serves again", () => state.outages.length === 1);
  assert.ok(!scene.isOutage);
  scene.validation.look();
  const [record] = scene.records;
  assert.deepEqual([record!.recoveredMs, record!.wholeMs], [null, null]);
  assert.ok(scene.serverAway, "no other node may be killed");
  whole.resolve();
  await scene.settle();
  // Until all is whole no load is missing; what goes wrong is excused until the others serve.
  assert.equal(state.outages.length, 2);
  assert.equal(state.ledger.impairments.save().outages.length, 1);
  scene.validation.look();
  assert.notEqual(record!.wholeMs, null);
});

Deno.test("node acts: planted: while the node that was killed is taken for the leader, or its clients are nowhere, nobody is served", async () => {
  const cluster = new TestCluster();
  const { scene, state } = sceneRig([], { cluster, feedStream: "S" });
  await killNode(scene, { ...EVENT, picks: [0.99, 0.1], downMs: 60_000 });
  cluster.clients.set("n2", 2);
  await pauseFor(4 * POLL_MS);
  cluster.clients.set("n2", 3);
  await pauseFor(4 * POLL_MS);
  assert.ok(scene.isOutage);
  assert.deepEqual(state.outages, []);
  cluster.leader = "n2";
  await until("it serves again", () => state.outages.length === 1);
  assert.ok(!scene.isOutage);
  assert.deepEqual(cluster.done, ["kill n1"], "and the node is not back");
  await scene.settle();
});

Deno.test("node acts: by its second number it is the one who leads the feed", async () => {
  const cluster = new TestCluster();
  const { scene } = sceneRig([], { cluster, feedStream: "S" });
  await killNode(scene, { ...EVENT, picks: [0.99, 0.1] });
  await scene.settle();
  assert.equal(scene.records[0]!.target, "n1, leader of the feed");
  assert.equal(cluster.done[0], "kill n1");
});

Deno.test("node acts: two nodes are never away at once, nor a node and the server", async () => {
  const cluster = new TestCluster();
  const { scene } = sceneRig([], { cluster, feedStream: "S" });
  await Promise.all([killNode(scene, EVENT), killNode(scene, EVENT)]);
  assert.deepEqual(scene.records.map(({ skipped }) => skipped), [
    "a server is away already",
    undefined,
  ]);
  assert.deepEqual(cluster.done, ["kill n3"]);
  await scene.settle();
});

Deno.test("node acts: without a cluster of ours there is no node to kill, and it is said", async () => {
  const { scene } = sceneRig([]);
  await killNode(scene, EVENT);
  assert.match(scene.records[0]!.skipped!, /nats\.cluster/);
});
