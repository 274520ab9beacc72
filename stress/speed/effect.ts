/**
 * From a message to its effect: published, handled, and written to an output that a zombie cannot write to.
 *
 * @module
 */
import { headers, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { staticSource } from "../../lib/assignment/sources/static_source.ts";
import { FencedOutput } from "../../lib/effects/effects.ts";
import { Manager } from "../../lib/manager/manager.ts";
import type { World } from "../../lib/ports/world.ts";
import type { CaseContext, CaseOutcome, StressCase } from "../case.ts";
import { median } from "../statistics/spread.ts";
import { againstBare } from "./against_bare.ts";
import { bareAck, barePull } from "./bare_client.ts";
import { BareRequests } from "./bare_requests.ts";
import {
  BARE,
  FEED,
  FEED_TEMPLATE,
  makeBareConsumer,
  makeStreams,
  names,
  OUTPUT,
  OUTPUT_TEMPLATE,
  PAYLOAD,
} from "./streams.ts";

const COUNT = 500;
const QUICK_COUNT = 50;
const PARTITIONS = names(10);
const TIMEOUT_MS = 5_000;
const START_MS = 20_000;

/** Publishes one message at a time and waits for its effect; the median time in between, in milliseconds. */
async function latencyOf(
  publish: (subject: string, data: Uint8Array) => Promise<unknown>,
  count: number,
  effects: Effects,
): Promise<number> {
  const tookMs: number[] = [];
  for (let n = 0; n < count; n++) {
    const effect = effects.next();
    const startedAtMs = performance.now();
    await publish(`feed.${PARTITIONS[n % PARTITIONS.length]}`, PAYLOAD);
    await effect;
    tookMs.push(performance.now() - startedAtMs);
  }
  return median(tookMs);
}

/** Tells whoever waits for an effect that there is one. */
class Effects {
  #waiting = Promise.withResolvers<void>();

  next(): Promise<void> {
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  stored(): void {
    this.#waiting.resolve();
  }

  failed(error: unknown): void {
    this.#waiting.reject(error);
  }
}

let group = 0;

async function whole(world: World, count: number): Promise<number> {
  await makeStreams(world.feed);
  const effects = new Effects();
  const output = new FencedOutput(world.feed, {
    stream: OUTPUT,
    subjectTemplate: OUTPUT_TEMPLATE,
    timeoutMs: TIMEOUT_MS,
  });
  await using manager = new Manager({
    world,
    config: {
      group: `effect-${group++}`,
      preset: "fast",
      consumer: { stream: FEED, subjectTemplate: FEED_TEMPLATE },
    },
    source: staticSource(PARTITIONS.map((name) => ({ keys: [name] }))),
    handler: async (message, context) => {
      await output.write(context, message.streamSequence, message.data);
      effects.stored();
    },
    hooks: { onError: (error) => effects.failed(error) },
  });
  await manager.start();
  await manager.waitState("Stable", START_MS);
  const publish = (subject: string, data: Uint8Array) => world.feed.publish(subject, data);
  return await latencyOf(publish, count, effects);
}

/**
 * The limit: pulls, writes with the expected sequence, acknowledges; one message at a time in each partition. Nothing of the library is in what
 * is measured.
 *
 * @param nc the connection
 * @param world where the streams are made before
 * @param count how many messages
 * @returns the median time to an effect, in milliseconds
 */
export async function bareEffect(nc: NatsConnection, world: World, count: number): Promise<number> {
  await makeStreams(world.feed);
  const effects = new Effects();
  const tails = new Map<string, number>();
  using requests = new BareRequests(nc);
  await makeBareConsumer(requests, BARE, PARTITIONS);
  const write = async (message: Msg): Promise<void> => {
    const subject = message.subject.replace("feed.", "output.");
    const guard = headers();
    guard.set("Nats-Expected-Last-Subject-Sequence", String(tails.get(subject) ?? 0));
    tails.set(subject, await requests.store(subject, message.data, guard));
    bareAck(nc, message);
    effects.stored();
  };
  const pull = barePull(nc, FEED, BARE, 256, (message) => {
    write(message).catch((error) => effects.failed(error));
  });
  try {
    const publish = (subject: string, data: Uint8Array) => requests.store(subject, data);
    return await latencyOf(publish, count, effects);
  } finally {
    pull.close();
  }
}

function run(context: CaseContext): Promise<CaseOutcome> {
  const count = context.quick ? QUICK_COUNT : COUNT;
  return againstBare("effect", context, {
    whole: (world) => whole(world, count),
    bare: (world, nc) => bareEffect(nc, world, count),
  });
}

/** The case. */
export const EFFECT_CASE: StressCase = {
  group: "speed",
  name: "effect",
  title: "From a publication to its stored effect, one message at a time",
  metrics: [{
    name: "effect",
    unit: "ms",
    kind: "duration",
    better: "lower",
    what:
      "The median time from publishing a message to the stream's word that its effect is stored",
    limit:
      "a bare loop on the client that publishes, pulls, writes the same guarded effect and acknowledges",
    target: { atMost: 2, full: true },
  }],
  repetitions: 1,
  quick: true,
  server: true,
  timeoutMs: 180_000,
  run,
};
