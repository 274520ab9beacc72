/**
 * How fast messages get into a stream, each with the stream's word for it.
 *
 * @module
 */
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { CaseContext, CaseOutcome, Sample, StressCase } from "../case.ts";
import { barePublish, type Publications, publishInWindow } from "./bare_client.ts";
import { plantedCost } from "./planted.ts";
import { FEED, makeStreams, names, PAYLOAD } from "./streams.ts";
import { inTurns, ROUNDS } from "./turns.ts";

const COUNT = 100_000;
const QUICK_COUNT = 10_000;
const WINDOW = 4_096;
const PARTITIONS = names(100);
const LIMIT = "a bare loop with one inbox";

/** What is published, to a stream that is made anew each time. */
function work(count: number, hasIds: boolean): Publications {
  return {
    count,
    window: WINDOW,
    data: PAYLOAD,
    subjectOf: (n) => `feed.${PARTITIONS[n % PARTITIONS.length]}`,
    ...(hasIds ? { idOf: (n: number) => `message-${n}` } : {}),
  };
}

/** Messages per second; every message must be in the stream in the end. */
async function rateOf(
  nc: NatsConnection,
  count: number,
  publish: () => Promise<void>,
): Promise<number> {
  const { feed } = natsWorld(nc);
  await makeStreams(feed);
  const startedAtMs = performance.now();
  await publish();
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const { messages } = await feed.streamInfo(FEED);
  if (messages !== count) throw new Error(`${messages} of ${count} messages are stored`);
  return count / seconds;
}

async function run({ url, quick, progress, fault }: CaseContext): Promise<CaseOutcome> {
  const nc = await connectNats({ servers: url });
  try {
    const { feed } = natsWorld(nc);
    const js = jetstream(nc);
    const count = quick ? QUICK_COUNT : COUNT;
    const samples: Sample[] = [];
    const cost = plantedCost(fault);
    const ours = (hasIds: boolean) => () => {
      const { subjectOf, idOf, data } = work(count, hasIds);
      return rateOf(nc, count, () =>
        publishInWindow(
          (n) => {
            cost();
            return idOf === undefined
              ? feed.publish(subjectOf(n), data)
              : feed.publish(subjectOf(n), data, { messageId: idOf(n) });
          },
          { count, window: WINDOW },
        ));
    };
    const bare = (hasIds: boolean) => () =>
      rateOf(nc, count, () => barePublish(nc, work(count, hasIds)));
    const naive = () => {
      const { subjectOf, data } = work(count, false);
      return rateOf(
        nc,
        count,
        () => publishInWindow((n) => js.publish(subjectOf(n), data), { count, window: WINDOW }),
      );
    };
    const measure = async (
      metric: string,
      one: () => Promise<number>,
      other: () => Promise<number>,
    ) => {
      const say = (what: string) => progress(`${metric}: ${what}`);
      for (const turn of await inTurns(quick ? 1 : ROUNDS, one, other, say)) {
        samples.push({ metric, ...turn });
      }
    };
    await measure("publish", ours(false), bare(false));
    await measure("publish_ids", ours(true), bare(true));
    await measure("js_publish", naive, bare(false));
    return { samples };
  } finally {
    await nc.close();
  }
}

/** The case. */
export const PUBLISH_CASE: StressCase = {
  group: "speed",
  name: "publish",
  title: "Publishing 100,000 messages (10,000 in a sanity check) of 150 bytes into a file stream",
  metrics: [
    {
      name: "publish",
      unit: "msg/s",
      kind: "rate",
      better: "higher",
      what: "Messages stored through the library, each with its outcome, 4,096 under way",
      limit: LIMIT,
      target: { atLeast: 0.85, full: true },
    },
    {
      name: "publish_ids",
      unit: "msg/s",
      kind: "rate",
      better: "higher",
      what: "The same with a message ID each, as what may be tried again has",
      limit: `${LIMIT}, with IDs`,
      target: { atLeast: 0.85, full: true },
    },
    {
      name: "js_publish",
      unit: "msg/s",
      kind: "count",
      better: "higher",
      what: "The client's own `js.publish` in the same window",
      limit: LIMIT,
    },
  ],
  repetitions: 1,
  quick: true,
  server: true,
  faults: ["slow"],
  timeoutMs: 300_000,
  run,
};
