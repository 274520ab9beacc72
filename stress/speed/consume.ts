/**
 * How fast a backlog is consumed: every message handled and acknowledged, by a whole worker with lease, election and assignment.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { staticSource } from "../../lib/assignment/sources/static_source.ts";
import type { MessageHandler } from "../../lib/consumption/dispatch/handler.ts";
import { Manager } from "../../lib/manager/manager.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { World } from "../../lib/ports/world.ts";
import { until } from "../../tasks/until.ts";
import type { CaseContext, CaseOutcome, Fault, StressCase } from "../case.ts";
import { bareAck, barePull } from "./bare_client.ts";
import { BareRequests } from "./bare_requests.ts";
import { Backlog, overOfLibrary, toldIfLost } from "./backlog.ts";
import { COMES_AGAIN, plantedCost, plantedLoss } from "./planted.ts";
import {
  BARE,
  BARE_BATCH,
  FEED,
  FEED_TEMPLATE,
  fill,
  makeBareConsumer,
  makeStreams,
  names,
} from "./streams.ts";
import { ROUNDS, waysInTurns } from "./turns.ts";

const COUNT = 100_000;
const QUICK_COUNT = 10_000;
const PARTITIONS = names(100);
const PATIENCE_MS = 60_000;

/** How much is consumed. */
interface Size {
  readonly count: number;
  readonly quick: boolean;
}

/** A filled stream; and after the measuring it must be empty, or something was not acknowledged. */
async function drained(
  world: World,
  { count, quick }: Size,
  drain: (backlog: Backlog) => Promise<void>,
): Promise<number> {
  await makeStreams(world.feed);
  await fill(world.feed, PARTITIONS, count);
  using backlog = new Backlog(count, quick);
  await drain(backlog);
  const isEmpty = async () => (await world.feed.streamInfo(FEED)).messages === 0;
  await until("the stream is empty", isEmpty, PATIENCE_MS);
  return await backlog.over;
}

let group = 0;

/** A worker of a group of its own. */
function makeManager(world: World, handler: MessageHandler): Manager {
  return new Manager({
    world,
    config: {
      group: `speed-${group++}`,
      preset: "fast",
      consumer: { stream: FEED, subjectTemplate: FEED_TEMPLATE },
    },
    source: staticSource(PARTITIONS.map((name) => ({ keys: [name] }))),
    handler,
  });
}

function whole(world: World, size: Size, fault: Fault | undefined): Promise<number> {
  const cost = plantedCost(fault), loss = plantedLoss(fault);
  return drained(world, size, async (backlog) => {
    await using manager = makeManager(world, ({ streamSequence }, { partitionId }) => {
      cost();
      const planted = loss();
      if (planted !== "lost") backlog.noteOnce(partitionId, streamSequence);
      if (planted === "again") throw new Error(COMES_AGAIN);
    });
    await manager.start();
    await overOfLibrary(backlog);
  });
}

/**
 * The limit: nothing of the library is in what is measured.
 *
 * @param nc the connection
 * @param world where the stream is made and filled before, and looked at afterwards
 * @param size how much
 * @param filter the partitions in the consumer's filter; none for no filter, with which the server reads the stream as it comes
 * @returns messages per second
 */
export function bareConsume(
  nc: NatsConnection,
  world: World,
  size: Size,
  filter: readonly string[],
): Promise<number> {
  return drained(world, size, async (backlog) => {
    using requests = new BareRequests(nc);
    await makeBareConsumer(requests, BARE, filter);
    const pull = barePull(nc, FEED, BARE, BARE_BATCH, (message) => {
      bareAck(nc, message);
      backlog.note();
    });
    await backlog.over.finally(() => pull.close());
  });
}

async function run({ url, quick, fault, progress }: CaseContext): Promise<CaseOutcome> {
  const nc = await connectNats({ servers: url });
  try {
    const world = natsWorld(nc);
    const count = quick ? QUICK_COUNT : COUNT;
    const of = (consume: (size: Size) => Promise<number>) => (share: number) =>
      consume({ quick, count: Math.round(count * share) });
    const turns = await waysInTurns({
      ...{ rounds: quick ? 1 : ROUNDS, warmUpShare: 1, progress },
      ways: {
        whole: of((size) => whole(world, size, fault)),
        filtered: of((size) => bareConsume(nc, world, size, PARTITIONS)),
        unfiltered: of((size) => bareConsume(nc, world, size, [])),
      },
    });
    return {
      samples: turns.flatMap(({ whole, filtered, unfiltered }) => [
        { metric: "consume", value: whole, limit: filtered },
        { metric: "consume_unfiltered", value: whole, limit: unfiltered },
      ]),
    };
  } finally {
    await nc.close();
  }
}

/** The case. */
export const CONSUME_CASE: StressCase = {
  group: "speed",
  name: "consume",
  title:
    "Consuming a backlog of 100,000 messages (10,000 in a sanity check) over 100 partitions by one worker",
  metrics: [{
    name: "consume",
    unit: "msg/s",
    kind: "rate",
    better: "higher",
    what: "Messages handled and acknowledged by a whole worker, in order within each partition",
    limit:
      "a bare loop that pulls and acknowledges on the client, from a consumer with the same filter and as many unacknowledged, in the batches that are fastest",
    target: { atLeast: 0.85, full: true },
  }, {
    name: "consume_unfiltered",
    unit: "msg/s",
    kind: "count",
    better: "higher",
    what: "The same, beside what the filter costs whoever has one",
    limit: "the same bare loop from a consumer without any filter",
  }],
  repetitions: 1,
  quick: true,
  server: true,
  faults: ["slow", "loss"],
  timeoutMs: 300_000,
  run: (context) => toldIfLost(() => run(context)),
};
