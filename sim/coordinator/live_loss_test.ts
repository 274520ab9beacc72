import assert from "node:assert/strict";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import type { PassedOver } from "../ledger/ledger.ts";
import { encodeMessage } from "../streams/message.ts";
import { effectSubject, effectSubjects, feedSubject, topologyOf } from "../streams/topology.ts";
import { lostSoFar } from "./live_loss.ts";

/** A server on which partition 1's next message is the fifth, and partition 2 has none; two effects are stored. */
async function rig() {
  await using cleanUp = new AsyncDisposableStack();
  const server = cleanUp.use(await launchNats());
  const nc = await connectNats({ servers: server.url });
  cleanUp.defer(() => nc.close());
  const world = natsWorld(nc);
  const topology = topologyOf("simulation");
  const memory = { storage: "memory", replicas: 1 } as const;
  await world.feed.ensureStream(topology.feedStream, {
    ...memory,
    subjects: [feedSubject(topology, 0).replace(/0$/, "*")],
    retention: "workqueue",
  });
  await world.feed.ensureStream(topology.effectStream, {
    ...memory,
    subjects: [effectSubjects(topology)],
    retention: "limits",
  });
  for (const sequence of [5, 6]) {
    const message = { partitionId: 1, partitionSequence: sequence, producerSequence: sequence };
    const rest = { producerId: "producer-0", timestampUs: 1, weight: 1 };
    await world.feed.publish(feedSubject(topology, 1), encodeMessage({ ...message, ...rest }));
    await world.feed.publish(effectSubject(topology, 1), new Uint8Array());
  }
  const stage = { nc, world, topology };
  const owned = cleanUp.move();
  const { signal } = new AbortController();
  return {
    lost: (...looks: Record<number, PassedOver>[]) => {
      const book = looks.map((look) =>
        new Map(Object.entries(look).map(([partition, passed]) => [Number(partition), passed]))
      );
      const passedOver = () => book.length > 1 ? book.shift()! : book[0]!;
      return lostSoFar({ ledger: { passedOver }, stage, reader: { last: 2 }, signal });
    },
    behind: () => {
      const passedOver = () => new Map([[1, { ranges: [[1, 1] as const], last: 4 }]]);
      const signal = AbortSignal.timeout(100);
      return lostSoFar({ ledger: { passedOver }, stage, reader: { last: 1 }, signal });
    },
    close: () => nc.close(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

Deno.test("lost so far: passed over, gone from the feed, and still without an effect", async () => {
  await using run = await rig();
  assert.equal(await run.lost({}), 0);
  const over = (last: number, ...ranges: [number, number][]) => ({ ranges, last });
  assert.equal(await run.lost({ 1: over(4, [2, 3]) }), 2);
  // The fifth waits in the feed: whoever passed it over may come to it yet.
  assert.equal(await run.lost({ 1: over(9, [5, 7]) }), 0);
  assert.equal(await run.lost({ 1: over(9, [2, 2], [5, 7]) }), 1);
  // Its effect was stored, and not read.
  assert.equal(await run.lost({ 1: over(4, [2, 3]) }, { 1: over(4, [3, 3]) }), 1);
  assert.equal(await run.lost({ 1: over(4, [2, 3]) }, {}), 0);
  // Nothing waits there; what was passed over since then is not known to have left the feed.
  assert.equal(await run.lost({ 2: over(4, [2, 2]) }, { 2: over(9, [2, 2], [7, 8]) }), 1);
});

Deno.test("lost so far: it cannot be told while effects are unread, or without a server", async () => {
  await using run = await rig();
  assert.equal(await run.behind(), undefined);
  await run.close();
  assert.equal(await run.lost({ 1: { ranges: [[2, 3]], last: 4 } }), undefined);
});
