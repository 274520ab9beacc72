/** What the server does without telling any client reaches the observer. */
import assert from "node:assert/strict";
import { encodeSnapshot, type Snapshot, weightTable } from "../../assignment/snapshot.ts";
import { changeBetween, encodeChange } from "../../assignment/snapshot_change.ts";
import { encodePointer, partFor, type StoredPart } from "../../assignment/snapshot_parts.ts";
import { encodeWorkerRecord } from "../../membership/worker_lease.ts";
import {
  assignmentBucket,
  chunkKey,
  CURRENT_KEY,
  laneMetadata,
  leaseBucket,
  workerKey,
} from "../../names.ts";
import type { ConsumerConfig } from "../../ports/feed.ts";
import { Assertions } from "../assertions/assertions.ts";
import { Kernel } from "../kernel/kernel.ts";
import { KvModel } from "../nats/kv_model.ts";
import { ModelServer } from "../nats/server.ts";
import { StreamsModel } from "../nats/streams_model.ts";
import { type CoreCatalog, coreCatalog } from "./catalog.ts";
import { FeedShape } from "./feed_shape.ts";
import type { Fleet } from "./fleet.ts";
import { cadenceRules } from "./group_config.ts";
import { DEAD, DEAD_PREFIX, FEED, FEED_PREFIX, GROUP, OUTPUT, OUTPUT_PREFIX } from "./names.ts";
import { leftOn } from "./leftovers.ts";
import { Observer } from "./observer.ts";
import { plainParameters } from "./plain_parameters_test.ts";
import { Taps } from "./taps.ts";

const TTL_MS = 1_000;
const STREAMS = [[FEED, FEED_PREFIX], [OUTPUT, OUTPUT_PREFIX], [DEAD, DEAD_PREFIX]] as const;
const HOW = { retention: "limits", storage: "file", replicas: 1 } as const;
/** A fleet of which nobody lives any more. */
const nobody = { ofProcess: () => undefined, ofInstance: () => undefined, wanted: [], alive: [] };

/** A server with the group's streams, and what is seen of it; `taps` looks once the kernel runs. */
function rig(
  { version = "2.15.1", fleet = nobody, onPublished = () => {} }: {
    readonly version?: "2.10.27" | "2.15.1";
    readonly fleet?: unknown;
    readonly onPublished?: (snapshot: Snapshot) => void;
  } = {},
) {
  const kernel = new Kernel({ seed: 1 });
  const server = new ModelServer({ kernel, version });
  /** The promises that were broken, and how. */
  const broken: { readonly name: string; readonly detail: string }[] = [];
  const assertions = new Assertions<CoreCatalog>(
    coreCatalog,
    (name, detail) => void broken.push({ name, detail }),
  );
  const observer = new Observer(assertions, cadenceRules(plainParameters(version)));
  const streams = StreamsModel.of(server);
  for (const [name, prefix] of STREAMS) {
    streams.createStream(name, { ...HOW, subjects: [`${prefix}>`] }, "test");
  }
  const bucket = (name: string, ttlMs: number) =>
    KvModel.of(server).create(name, { ttlMs, replicas: 1, storage: "file" });
  const taps = new Taps({
    ...{ server, observer, assertions, onPublished, onSent: () => {} },
    fleet: fleet as Fleet,
    shape: new FeedShape(0),
  });
  taps.open();
  const names = () => broken.map(({ name }) => name);
  return { kernel, server, broken, names, observer, streams, bucket, taps };
}

/** The one worker's lease. */
const LEASE = encodeWorkerRecord({
  ...{ worker: "worker-0", instance: "a", host: "h", capacity: 1, labels: {} },
  ...{ leaving: false, applied: 0 },
});

for (const version of ["2.10.27", "2.15.1"] as const) {
  Deno.test(`a handler that starts after its lease has expired is seen on ${version}`, async () => {
    const { kernel, names, observer, streams, bucket } = rig({ version });
    const leases = bucket(leaseBucket(GROUP), TTL_MS);
    streams.createConsumer(FEED, lane("lane", ["p0"]), "test");
    await kernel.run(async () => {
      await kernel.sleep(1);
      leases.write(workerKey(0), LEASE);
      begin(observer, "p0")(false);
      assert.deepEqual(names(), []);
      await kernel.sleep(3 * TTL_MS);
      begin(observer, "p0")(false);
    });
    assert.deepEqual(names(), ["only under a valid lease"]);
  });
}

function lane(name: string, partitions: readonly string[]): ConsumerConfig {
  return {
    name,
    filterSubjects: partitions.map((id) => FEED_PREFIX + id),
    metadata: laneMetadata({ group: GROUP, worker: "worker-0", instance: "a" }, 1, 1),
    ackWaitMs: 1_000,
    maxAckPending: 10,
    inactiveThresholdMs: 100_000,
  };
}

Deno.test("lanes that are made, shrink, go or are forgotten are seen", async () => {
  const { kernel, server, broken, observer, streams: model, taps } = rig();
  observer.leased(
    { worker: "worker-0", instance: "a", leaving: false, applied: 0 },
    { nowMs: 0, isFit: true, holders: [], following: undefined },
  );
  await kernel.run(async () => {
    await kernel.sleep(1);
    begin(observer, "p0")(false);
    model.createConsumer(FEED, lane("one", ["p0", "p1"]), "test");
    begin(observer, "p0");
    model.updateConsumer(FEED, lane("one", ["p1"]), "test");
    begin(observer, "p1");
    model.deleteConsumer(FEED, "one", "test");
    model.createConsumer(FEED, lane("two", ["p2"]), "test");
    server.crash();
    taps.serverCrashed();
    begin(observer, "p2");
  });
  assert.deepEqual(
    broken.map(({ name, detail }) => `${name}: ${detail}`.replace(/ at .*?\)/, "")),
    [
      "what is handled is locked: 1 of p0 started; the lane is nobody's",
      "what is handled is locked: 1 of p0 runs, and its lane has gone",
      "what is handled is locked: 1 of p1 runs, and its lane has gone",
      "what is handled is locked: 1 of p2 started; the lane is nobody's",
    ],
  );
});

Deno.test("an assignment that gives a partition to two workers is seen, although no worker reads it", async () => {
  let published = 0;
  const { kernel, names, observer, bucket } = rig({ onPublished: () => void published++ });
  const assignments = bucket(assignmentBucket(GROUP), 0);
  const ofWorker = (id: string) => ({ id, instance: id, partitions: ["p0"] });
  const snapshot = (workers: Snapshot["workers"]) =>
    new TextEncoder().encode(encodeSnapshot({
      epoch: 1,
      generation: 1,
      leader: { worker: "worker-0", instance: "worker-0" },
      reason: "cold_start",
      atMs: 0,
      workers,
      weights: {},
    }));
  observer.sourceSays(["p0"], 0);
  await kernel.run(async () => {
    await kernel.sleep(1);
    assignments.write(CURRENT_KEY, snapshot([ofWorker("worker-0")]));
    assert.deepEqual([names(), published], [[], 1]);
    assignments.write(CURRENT_KEY, snapshot([ofWorker("worker-0"), ofWorker("worker-1")]));
  });
  assert.deepEqual([names(), published], [["an assignment is complete"], 1]);
});

Deno.test("an assignment in parts is put together, and one of which a part is missing is seen", async () => {
  const seen: Snapshot[] = [];
  const { kernel, server, names, observer, bucket } = rig({ onPublished: (now) => seen.push(now) });
  const assignments = bucket(assignmentBucket(GROUP), 0);
  const leader = { worker: "worker-0", instance: "worker-0" };
  const head = {
    epoch: 1,
    leader,
    reason: "cold_start",
    atMs: 0,
    weights: weightTable([]),
  } as const;
  const one: Snapshot = { ...head, generation: 1, workers: [of("a", "p0", "p1"), of("b")] };
  const two: Snapshot = { ...head, generation: 2, workers: [of("a", "p0"), of("b", "p1")] };
  const store = (snapshot: Snapshot, text: string, before: readonly StoredPart[] = []) => {
    const data = new TextEncoder().encode(text);
    const part = partFor(snapshot, data);
    assignments.write(chunkKey(part, 0), data);
    assignments.write(CURRENT_KEY, encodePointer([...before, part]));
    return [...before, part];
  };
  observer.sourceSays(["p0", "p1"], 0);
  await kernel.run(async () => {
    await kernel.sleep(1);
    const parts = store(one, encodeSnapshot(one));
    const change = changeBetween(one, two);
    const more = store(two, encodeChange(change), parts);
    assert.deepEqual(seen, [one, two]);
    // It came when something newer was in force: nobody but the next leader clears it away.
    const [first] = parts;
    const early = chunkKey({ ...first!, generation: 4 }, 0);
    for (const generation of [0, 4]) {
      assignments.write(chunkKey({ ...first!, generation }, 0), new Uint8Array(1));
    }
    const left = leftOn(server, observer.assignments.recent);
    assert.deepEqual([left, names()], [[`part ${early}`], []]);
    assignments.erase(chunkKey(first!, 0));
    const third = { ...change, after: { epoch: 1, generation: 2 }, generation: 3 };
    store({ ...two, generation: 3 }, encodeChange({ ...third, changed: [] }), more);
  });
  assert.deepEqual(
    [names(), seen.length],
    [["what is in force stays", "an assignment is complete"], 2],
  );
});

function of(id: string, ...partitions: string[]): Snapshot["workers"][number] {
  return { id, instance: id, partitions };
}

/** A handler of the one worker starts. */
function begin(observer: Observer, partitionId: string): (isWell: boolean) => void {
  const { signal } = new AbortController();
  const right = { partitionId, worker: "worker-0", instance: "a", epoch: 1, generation: 1, signal };
  const view = { isConnected: true, connectedAtMs: 0, isCutUnheard: false, following: undefined };
  return observer.messages.begin(right, 1, view);
}

for (const givesUp of [false, true]) {
  Deno.test(`a lease that goes while its holder ${givesUp ? "gives up its start: its own doing" : "lives: an eviction"}`, async () => {
    const member = {
      ...{ wanted: true, givesUp, manager: { instance: "a" }, hasLeased() {} },
      ...{ owner: { paused: false }, link: { flows: true }, following: () => undefined },
    };
    const fleet = { ...nobody, ofProcess: () => member, ofInstance: () => member };
    const { kernel, names, bucket } = rig({ fleet });
    const leases = bucket(leaseBucket(GROUP), TTL_MS);
    await kernel.run(async () => {
      await kernel.sleep(1);
      leases.write(workerKey(0), LEASE);
      leases.write(workerKey(0), undefined);
    });
    assert.deepEqual(names(), givesUp ? [] : ["whoever lives is not evicted"]);
  });
}
