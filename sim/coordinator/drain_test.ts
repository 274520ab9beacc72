import assert from "node:assert/strict";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { encodeMessage } from "../streams/message.ts";
import { topologyOf } from "../streams/topology.ts";
import { drain, type DrainOptions } from "./drain.ts";

const PATIENCE_MS = 300;

/** A server with an empty feed and an effect stream that holds two effects. */
async function rig() {
  await using cleanUp = new AsyncDisposableStack();
  const server = cleanUp.use(await launchNats());
  const nc = await connectNats({ servers: server.url });
  cleanUp.defer(() => nc.close());
  const world = natsWorld(nc);
  const topology = topologyOf("simulation", undefined);
  const common = { storage: "memory", replicas: 1 } as const;
  const [feed, effects] = ["feed", "effects"];
  await world.feed.ensureStream(topology.feedStream, {
    ...common,
    subjects: [`${feed}.*`],
    retention: "workqueue",
  });
  await world.feed.ensureStream(topology.effectStream, {
    ...common,
    subjects: [`${effects}.*`],
    retention: "limits",
  });
  for (const n of [1, 2]) await world.feed.publish(`${effects}.${n}`, new Uint8Array());
  const doubts: string[] = [];
  const options = (changes: Partial<DrainOptions> = {}): DrainOptions => ({
    stage: { nc, world, topology },
    reader: { last: 2 },
    doubts,
    patienceMs: PATIENCE_MS,
    signal: new AbortController().signal,
    ...changes,
  });
  const publish = (partitionId: number, partitionSequence: number) =>
    world.feed.publish(
      `${feed}.${partitionId}`,
      encodeMessage({
        partitionId,
        producerId: "producer-0",
        partitionSequence,
        producerSequence: 1,
        timestampUs: 1,
        weight: 1,
      }),
    );
  const owned = cleanUp.move();
  return { options, publish, doubts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

Deno.test("drain: an empty feed whose effects are read leaves nothing, and no doubt", async () => {
  await using run = await rig();
  assert.equal((await drain(run.options())).size, 0);
  assert.deepEqual(run.doubts, []);
});

Deno.test("drain: without progress it ends, and what is left is told by partition", async () => {
  await using run = await rig();
  for (const sequence of [7, 8, 9]) await run.publish(3, sequence);
  await run.publish(5, 1);
  const left = await drain(run.options());
  assert.deepEqual([...left].map(([partition, set]) => [partition, [...set.ranges()]]), [
    [3, [[7, 9]]],
    [5, [[1, 1]]],
  ]);
  assert.deepEqual(run.doubts, []);
});

Deno.test("drain: effects that are not read in time are a doubt", async () => {
  await using run = await rig();
  await drain(run.options({ reader: { last: 1 } }));
  assert.deepEqual(run.doubts, ["the effects could not all be read"]);
});

Deno.test("drain: an interrupted run waits for nothing", async () => {
  await using run = await rig();
  await run.publish(1, 1);
  const startMs = performance.now();
  const left = await drain(run.options({ signal: AbortSignal.abort(), patienceMs: 60_000 }));
  assert.deepEqual([...left.keys()], [1]);
  assert.ok(performance.now() - startMs < 30_000);
});
