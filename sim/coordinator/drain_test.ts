import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { PartiError } from "../../lib/errors.ts";
import type { FeedStore, StreamInfo } from "../../lib/ports/feed.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { encodeMessage } from "../streams/message.ts";
import { topologyOf } from "../streams/topology.ts";
import { drain, type DrainOptions } from "./drain.ts";

const PATIENCE_MS = 300;
const ADVICE = "parti sim --resume /a/folder goes on from the last checkpoint";

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
  const incidents: string[] = [];
  const options = (changes: Partial<DrainOptions> = {}): DrainOptions => ({
    stage: { nc, world, topology },
    reader: { last: 2 },
    ...{ incidents, checkpointFolder: "/a/folder" },
    patienceMs: PATIENCE_MS,
    signal: new AbortController().signal,
    ...changes,
  });
  /** Returns what is left, and keeps the doubts. */
  const drained = async (changes: Partial<DrainOptions> = {}) => {
    const { waiting, doubts: told } = await drain(options(changes));
    doubts.push(...told);
    return waiting;
  };
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
  /** All messages of a partition leave the feed. */
  const handle = async (partitionId: number) => {
    const { streams } = await jetstreamManager(nc);
    await streams.purge(topology.feedStream, { filter: `${feed}.${partitionId}` });
  };
  /** A stage on which questions about streams are answered by somebody else, who may ask the server. */
  const asking = (streamInfo: (stream: string) => Promise<StreamInfo>): DrainOptions["stage"] => {
    const feed: FeedStore = Object.assign(Object.create(world.feed), { streamInfo });
    return { nc, topology, world: { ...world, feed } };
  };
  const owned = cleanUp.move();
  return {
    ...{ server, nc, world, topology, feed, effects, drained, publish, handle, asking },
    ...{ doubts, incidents },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const away = () => new PartiError("PARTI_TIMEOUT", "nobody answers");

Deno.test("drain: an empty feed whose effects are read leaves nothing, and no doubt", async () => {
  await using run = await rig();
  assert.equal((await run.drained())?.size, 0);
  assert.deepEqual([...run.doubts, ...run.incidents], []);
});

Deno.test("drain: without progress it ends, and what is left is told by partition", async () => {
  await using run = await rig();
  for (const sequence of [7, 8, 9]) await run.publish(3, sequence);
  await run.publish(5, 1);
  const left = await run.drained();
  assert.deepEqual([...left!].map(([partition, set]) => [partition, [...set.ranges()]]), [
    [3, [[7, 9]]],
    [5, [[1, 1]]],
  ]);
  assert.deepEqual([...run.doubts, ...run.incidents], []);
});

Deno.test("drain: what is handled while it ends was left when the feed was read, or its effect is waited for", async () => {
  await using run = await rig();
  const { world: { feed }, topology } = run;
  await run.publish(3, 7);
  const asked: string[] = [];
  const stage = run.asking(async (stream) => {
    const info = await feed.streamInfo(stream);
    asked.push(stream);
    // After the answer of how many effects there are the message has its effect, and leaves the feed.
    if (stream === topology.effectStream) {
      await feed.publish(`${run.effects}.3`, new Uint8Array());
      await run.handle(3);
    }
    return info;
  });
  const left = await run.drained({ stage });
  assert.equal(asked.at(-1), topology.effectStream);
  assert.deepEqual([...left!.get(3)?.ranges() ?? []], [[7, 7]], "else it counted as lost");
});

Deno.test("drain: effects that are not read in time are a doubt", async () => {
  await using run = await rig();
  const left = await run.drained({ reader: { last: 1 } });
  assert.equal(left, undefined, "what was not read would count as lost");
  assert.deepEqual(run.doubts, [
    "the effects could not all be read: within 300ms the reader came to 1 of 2; " +
    ADVICE,
  ]);
  assert.deepEqual(run.incidents, []);
});

Deno.test("drain: an interrupted run waits for nothing", async () => {
  await using run = await rig();
  await run.publish(1, 1);
  const startMs = performance.now();
  const left = await run.drained({ signal: AbortSignal.abort(), patienceMs: 60_000 });
  assert.equal(left, undefined);
  assert.ok(performance.now() - startMs < 30_000);
  assert.deepEqual([...run.doubts, ...run.incidents], []);
});

Deno.test("drain: a run that is interrupted while it reads what is left reads no more", async () => {
  await using run = await rig();
  for (let sequence = 1; sequence <= 9; sequence++) await run.publish(1, sequence);
  const abort = new AbortController();
  const { signal } = abort;
  let reads = 0;
  const request: NatsConnection["request"] = (subject, ...rest) => {
    if (subject.includes(".MSG.GET.") && ++reads === 3) abort.abort();
    return run.nc.request(subject, ...rest);
  };
  const nc: NatsConnection = Object.assign(Object.create(run.nc), { request });
  const { world, topology } = run;
  const left = await run.drained({ stage: { nc, world, topology }, signal });
  assert.equal(left, undefined);
  assert.equal(reads, 3);
  assert.deepEqual([...run.doubts, ...run.incidents], []);
});

Deno.test("drain: planted: more is left than is read: that fails the run, and nothing of it counts as lost", async () => {
  await using run = await rig();
  for (const sequence of [1, 2, 3]) await run.publish(1, sequence);
  assert.equal((await run.drained({ maxRemaining: 3 }))?.size, 1);
  assert.deepEqual(run.incidents, []);
  assert.equal(await run.drained({ maxRemaining: 2 }), undefined);
  assert.deepEqual(run.incidents, [
    "more than 2 messages are left in the feed, and for 300ms none was handled",
  ]);
  assert.deepEqual(run.doubts, []);
});

Deno.test("drain: outages are waited out, of each of its questions", async () => {
  await using run = await rig();
  await run.publish(3, 7);
  const { world: { feed }, topology } = run;
  const failed = new Set<string>();
  const stage = run.asking((stream) => {
    if (failed.has(stream)) return feed.streamInfo(stream);
    failed.add(stream);
    return Promise.reject(away());
  });
  const left = await run.drained({ stage });
  assert.deepEqual([...left!.keys()], [3]);
  assert.deepEqual([...failed], [topology.feedStream, topology.effectStream]);
  assert.deepEqual([...run.doubts, ...run.incidents], []);
});

Deno.test("drain: while nobody answers nobody has to make progress", async () => {
  await using run = await rig();
  const { world: { feed } } = run;
  await run.publish(1, 1);
  const startMs = performance.now();
  let answers = 0;
  const stage = run.asking((stream) => {
    // Away for most of the time that there is without progress, from the second question on.
    if (answers === 1 && performance.now() - startMs < 1_500) return Promise.reject(away());
    // It is handled soon after that.
    const handled = ++answers === 20 ? run.handle(1) : Promise.resolve();
    return handled.then(() => feed.streamInfo(stream));
  });
  const left = await run.drained({ stage, patienceMs: 2_000 });
  assert.equal(left?.size, 0);
  assert.deepEqual([...run.doubts, ...run.incidents], []);
});

Deno.test("drain: planted: a server that does not answer any more is a doubt that says what could not be read, and what to do", async () => {
  for (const gone of ["feed", "left", "effects"] as const) {
    await using run = await rig();
    const { world: { feed }, topology } = run;
    const stage = run.asking(async (stream) => {
      const isAway = gone === "feed" || gone === "effects" && stream === topology.effectStream;
      if (isAway) throw away();
      const info = await feed.streamInfo(stream);
      if (gone === "left") await run.server.kill();
      return info;
    });
    assert.equal(await run.drained({ stage }), undefined);
    assert.deepEqual(run.incidents, []);
    assert.equal(run.doubts.length, 1);
    const what = { feed: "how much is left in the feed", left: "what is left in the feed" };
    const told = { ...what, effects: "how many effects there are" }[gone];
    assert.match(
      run.doubts[0]!,
      new RegExp(`^${told} could not be read, tried for 300ms: .*; ${ADVICE}$`),
    );
  }
});

Deno.test("drain: planted: what is no outage is not waited out: it is an incident", async () => {
  {
    await using run = await rig();
    await run.world.feed.destroyStream(run.topology.feedStream);
    assert.equal(await run.drained({ patienceMs: 600_000 }), undefined);
    assert.equal(run.incidents.length, 1);
    assert.match(
      run.incidents[0]!,
      /^how much is left in the feed could not be read: PARTI_NOT_FOUND: /,
    );
    assert.deepEqual(run.doubts, []);
  }
  await using run = await rig();
  await run.world.feed.publish(`${run.feed}.1`, new TextEncoder().encode("no message"));
  assert.equal(await run.drained(), undefined);
  assert.equal(run.incidents.length, 1);
  assert.match(run.incidents[0]!, /^what is left in the feed could not be read: /);
});
