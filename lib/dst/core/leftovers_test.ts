/** Whatever a group may leave behind is seen, and nothing else is. */
import assert from "node:assert/strict";
import { encodeWorkerRecord } from "../../membership/worker_lease.ts";
import { assignmentBucket, chunkKey, laneMetadata, leaseBucket } from "../../names.ts";
import { Kernel } from "../kernel/kernel.ts";
import { SimProcess } from "../kernel/node.ts";
import { KvModel } from "../nats/kv_model.ts";
import { SimLink } from "../nats/link.ts";
import { ModelServer } from "../nats/server.ts";
import { simWorld } from "../nats/sim_world.ts";
import { StreamsModel } from "../nats/streams_model.ts";
import { lanesAstray, leftAtLast, leftOfOthers, leftOn } from "./leftovers.ts";
import { FEED, GROUP } from "./names.ts";
import { plainParameters } from "./plain_parameters_test.ts";

const parameters = plainParameters("2.15.1");
const options = { ttlMs: 0, replicas: 1, storage: "file" } as const;
const inForce = { epoch: 2, generation: 7, hash: "0123456789abcdef" };
/** A chunk of each of three generations. */
const [seven, six, five] = [7, 6, 5].map((generation) => chunkKey({ ...inForce, generation }, 0));

interface Rig {
  readonly kernel: Kernel;
  readonly server: ModelServer;
  readonly link: SimLink;
}

/** A server with everything a group needs, and nothing of a group. */
async function withServer(test: (rig: Rig) => Promise<void>): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  const server = new ModelServer({ kernel, version: "2.15.1" });
  const link = new SimLink(new SimProcess(kernel, "client#1"), server);
  const stream = {
    subjects: ["in.>"],
    retention: "workqueue",
    storage: "file",
    replicas: 1,
  } as const;
  StreamsModel.of(server).createStream(FEED, stream, "test");
  KvModel.of(server).create(leaseBucket(GROUP), { ...options, ttlMs: 5_000 });
  KvModel.of(server).create(assignmentBucket(GROUP), options).write("current", new Uint8Array());
  await kernel.run(() => test({ kernel, server, link }));
}

function addLane(server: ModelServer, instance: string): void {
  const owner = { group: GROUP, worker: "worker-0", instance };
  StreamsModel.of(server).createConsumer(FEED, {
    name: `lane-${instance}`,
    filterSubjects: [`in.${instance}`],
    metadata: laneMetadata(owner, 1, 1),
    ackWaitMs: 1_000,
    maxAckPending: 10,
    inactiveThresholdMs: 10_000,
  }, "test");
}

function addLease(server: ModelServer, instance: string): void {
  const record = { worker: "worker-0", instance, host: "", capacity: 1, labels: {} };
  const value = encodeWorkerRecord({ ...record, leaving: false, applied: 0 });
  KvModel.of(server).bucket(leaseBucket(GROUP)).write("worker.0", value);
}

Deno.test("nothing is left where nothing was", async () => {
  await withServer(({ kernel, server }) => {
    assert.deepEqual(leftOn(server, [inForce]), []);
    assert.deepEqual(leftOfOthers(server, () => false), []);
    return leftAtLast(kernel, server, parameters, { isInTime: true, recent: [] }).then((left) =>
      assert.deepEqual([left, kernel.nowMs], [[], 0])
    );
  });
});

Deno.test("lanes, leases, parts, subscriptions and watches are seen", async () => {
  await withServer(async ({ kernel, server, link }) => {
    addLane(server, "a");
    addLease(server, "a");
    const bucket = KvModel.of(server).bucket(assignmentBucket(GROUP));
    bucket.write(seven!, new Uint8Array());
    bucket.write(six!, new Uint8Array());
    bucket.write(five!, undefined);
    const world = simWorld(server)(link);
    world.messaging.subscribe("probe", () => {});
    const leases = await world.kv.open(leaseBucket(GROUP), { ...options, ttlMs: 5_000 });
    await leases.watch("worker.*", { onEntry: () => {}, onLost: () => {} });
    await kernel.sleep(100);
    assert.deepEqual(leftOn(server, [inForce]), [
      "lane lane-a",
      "lease worker.0",
      `part ${six}`,
      `part ${five}`,
      "1 subscriptions",
      "1 watches",
    ]);
    link.close();
    await kernel.sleep(100);
    assert.deepEqual(leftOn(server, []), [
      "lane lane-a",
      "lease worker.0",
      `part ${seven}`,
      `part ${six}`,
      `part ${five}`,
    ]);
  });
});

Deno.test("what is left of the dead is told from what the living hold", async () => {
  await withServer(({ server }) => {
    addLane(server, "a");
    addLane(server, "b");
    addLease(server, "b");
    assert.deepEqual(leftOfOthers(server, (instance) => instance === "b"), ["lane lane-a"]);
    assert.deepEqual(leftOfOthers(server, (instance) => instance === "a"), [
      "lane lane-b",
      "worker.0",
    ]);
    return Promise.resolve();
  });
});

Deno.test("a lane is astray if it reads what is not its owner's", async () => {
  await withServer(({ server }) => {
    addLane(server, "a");
    addLane(server, "b");
    const owners = new Map([["a", "a"], ["b", "a"]]);
    assert.deepEqual(lanesAstray(server, owners), ["lane-b (b)"]);
    assert.deepEqual(lanesAstray(server, new Map([["b", "b"]])), ["lane-a (a)"]);
    assert.deepEqual(lanesAstray(server, new Map([["a", "a"], ["b", "b"]])), []);
    return Promise.resolve();
  });
});

Deno.test("whoever stopped in time has to leave nothing; what others had to leave goes by itself, or harms nobody", async () => {
  for (const isInTime of [true, false]) {
    await withServer(async ({ kernel, server }) => {
      addLease(server, "a");
      KvModel.of(server).bucket(assignmentBucket(GROUP)).write(seven!, new Uint8Array());
      const left = await leftAtLast(kernel, server, parameters, { isInTime, recent: [] });
      assert.deepEqual(left, isInTime ? ["lease worker.0", `part ${seven}`] : []);
    });
  }
  await withServer(async ({ kernel, server, link }) => {
    // The server is not told of a connection that has ended, and finds out by itself.
    simWorld(server)(link).messaging.subscribe("probe", () => {});
    await kernel.sleep(10);
    link.block("up");
    link.close();
    const left = await leftAtLast(kernel, server, parameters, { isInTime: true, recent: [] });
    assert.deepEqual(left, []);
    assert.ok(kernel.nowMs > 1_000);
  });
});
