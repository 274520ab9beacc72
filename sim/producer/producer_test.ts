import assert from "node:assert/strict";
import { PartiError } from "../../lib/errors.ts";
import type { Clock } from "../../lib/ports/clock.ts";
import type { World } from "../../lib/ports/world.ts";
import { ManualClock } from "../../lib/test_support/manual_clock.ts";
import { parseConfig } from "../config/config.ts";
import { Seeded } from "../seed/seeded.ts";
import { encodeEffect } from "../streams/effect.ts";
import { lastStored } from "../streams/last_stored.ts";
import { decodeMessage, encodeMessage } from "../streams/message.ts";
import { topologyOf } from "../streams/topology.ts";
import { Reporter } from "../wire/reporter.ts";
import { type ChildSpec, fromBytes, type ReportBatch } from "../wire/wire.ts";
import { SimProducer } from "./producer.ts";

const SPEED = 20;
const PARTITIONS = 4;
const topology = topologyOf("simulation");

/** A clock on which time flies. */
const fast: Clock = {
  monotonicMs: () => performance.now() * SPEED,
  wallMs: () => Date.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs / SPEED);
    return { cancel: () => clearTimeout(timer) };
  },
};

/**
 * A server that forgets message IDs at once, loses requests and answers, and whose consumers are quick: the worst that a
 * producer can meet.
 */
class Server {
  /** Every message ever stored, by partition. */
  readonly stored = new Map<number, number[]>();
  /** Those of them on which every handler fails, as `<partition> <sequence>`. */
  readonly poisoned: string[] = [];
  /** What the coordinator was told, by partition. */
  readonly reported = new Map<number, Set<number>>();
  readonly #feed = new Map<string, Uint8Array>();
  readonly #effects = new Map<string, Uint8Array>();
  readonly #buckets = new Map<string, Uint8Array>();
  readonly #chance: Seeded;
  #draws = 0;

  constructor(seed: number) {
    this.#chance = new Seeded(seed, "server");
  }

  /** A producer's world; after `kill` nothing of it ever happens or answers. */
  connect(): { world: World; kill: () => void } {
    let dead = false;
    const alive = <T>(work: () => T): Promise<T> => {
      if (dead) return new Promise(() => {});
      const result = Promise.resolve().then(work);
      return new Promise((resolve, reject) => {
        result.then((value) => dead || resolve(value), (error) => dead || reject(error));
      });
    };
    const world = {
      clock: fast,
      feed: {
        publish: (subject: string, data: Uint8Array) => alive(() => this.#publish(subject, data)),
        lastMessage: (stream: string, subject: string) =>
          alive(() =>
            this.#last(stream === topology.feedStream ? this.#feed : this.#effects, subject)
          ),
      },
      kv: {
        open: () => alive(() => this.#bucket(alive)),
      },
      messaging: {
        request: (_subject: string, data: Uint8Array) => alive(() => this.#report(data)),
      },
    } as unknown as World;
    return { world, kill: () => dead = true };
  }

  #publish(subject: string, data: Uint8Array): { sequence: number; duplicate: boolean } {
    const fate = this.#chance.float(this.#draws++);
    if (fate < 0.01) throw new PartiError("PARTI_STREAM_FULL", "full");
    if (fate < 0.02) throw new PartiError("PARTI_UNAVAILABLE", "not now");
    if (fate < 0.05) throw new PartiError("PARTI_DISCONNECTED", "away");
    if (fate < 0.1) throw new PartiError("PARTI_TIMEOUT", "the request was lost");
    const { partitionId, partitionSequence, poisoned } = decodeMessage(data);
    if (poisoned) this.poisoned.push(`${partitionId} ${partitionSequence}`);
    const list = this.stored.get(partitionId) ?? [];
    this.stored.set(partitionId, list);
    list.push(partitionSequence);
    this.#feed.set(subject, data);
    // Often the message is consumed before the producer hears of it, and then the feed knows nothing of it any more.
    if (fate < 0.6) this.#consume(subject, data);
    if (fate < 0.2) throw new PartiError("PARTI_TIMEOUT", "the answer was lost");
    return { sequence: list.length, duplicate: false };
  }

  #consume(subject: string, data: Uint8Array): void {
    const { partitionId: partition, partitionSequence: sequence } = decodeMessage(data);
    const numbers = { publishedUs: 0, availableUs: 0, acquiredUs: 0, startUs: 0 };
    const token = { process: "w", instance: "w", epoch: 1, generation: 1 };
    const rest = { ...token, streamSequence: 1, deliveryCount: 1 };
    const effect = encodeEffect({ partition, sequence, ...numbers, ...rest });
    this.#effects.set(subject.replace(".partition.", ".effect."), effect);
    this.#feed.delete(subject);
  }

  #last(messages: Map<string, Uint8Array>, subject: string): { data: Uint8Array } | undefined {
    if (this.#chance.float(this.#draws++) < 0.1) throw new PartiError("PARTI_TIMEOUT", "no answer");
    const data = messages.get(subject);
    return data === undefined ? undefined : { data };
  }

  #bucket(alive: <T>(work: () => T) => Promise<T>): unknown {
    return {
      get: (key: string) =>
        alive(() => {
          const value = this.#buckets.get(key);
          return value === undefined ? undefined : { value, operation: "put" };
        }),
      put: (key: string, value: Uint8Array) => alive(() => this.#buckets.set(key, value).size),
    };
  }

  #report(data: Uint8Array): Uint8Array {
    for (const report of fromBytes<ReportBatch>(data).reports) {
      if (report.kind !== "sent") continue;
      const set = this.reported.get(report.partition) ?? new Set();
      this.reported.set(report.partition, set);
      for (let sequence = report.first; sequence <= report.last; sequence++) set.add(sequence);
    }
    return new Uint8Array();
  }
}

const config = parseConfig(
  `partitions: { count: ${PARTITIONS}, message_rate_per_partition: 50 }\nproducers: { count: 1 }`,
  "test.yaml",
).config;

function spec(process: string): ChildSpec {
  const common = { runId: "r", seed: 1, natsUrl: "", config, topology, partitionsChange: false };
  return { ...common, name: "producer-0", index: 0, process };
}

/** Every message was stored once and in order, and the coordinator was told of each. */
function assertWhole(server: Server): void {
  for (const [partition, sequences] of server.stored) {
    const expected = sequences.map((_, index) => index + 1);
    assert.deepEqual(sequences, expected, `partition ${partition}`);
    const reported = [...server.reported.get(partition)!].sort((a, b) => a - b);
    assert.deepEqual(reported, expected, `reports of partition ${partition}`);
  }
}

/** Until the server has stored so many messages of each partition. */
async function untilStored(server: Server, count: number): Promise<void> {
  const enough = () =>
    server.stored.size === PARTITIONS &&
    [...server.stored.values()].every((list) => list.length >= count);
  while (!enough()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A producer that knows where it stands. */
async function prepared(server: Server, incarnation: number) {
  const { world, kill } = server.connect();
  const reporter = new Reporter(world, "r", `producer-0#${incarnation}`);
  const producer = new SimProducer(spec(`producer-0#${incarnation}`), world, reporter);
  await producer.prepare();
  return { producer, kill, reporter };
}

for (const seed of [1, 2, 3]) {
  Deno.test(`killed anywhere on a bad server, a producer leaves no hole and no repeat (seed ${seed})`, async () => {
    const server = new Server(seed);
    for (let incarnation = 1; incarnation <= 6; incarnation++) {
      const { producer, kill, reporter } = await prepared(server, incarnation);
      const running = producer.run();
      await untilStored(server, incarnation * 8);
      if (incarnation < 6) {
        kill();
        reporter.close();
        producer.finish();
        continue;
      }
      producer.finish();
      await running;
    }
    assertWhole(server);
  });
}

Deno.test("partitions that come are sent to, those that go are not; whoever is killed in between leaves no hole", async () => {
  const server = new Server(4);
  const first = await prepared(server, 1);
  void first.producer.run();
  await untilStored(server, 3);
  await first.producer.change({ added: [4, 5], retired: [1] });
  const ofRetired = server.stored.get(1)!.length;
  const added = () => Math.min(...[4, 5].map((one) => server.stored.get(one)?.length ?? 0));
  while (added() < 5) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(server.stored.get(1)!.length, ofRetired);
  assert.deepEqual(
    server.reported.get(1)!.size,
    ofRetired,
    "all of it is reported when it answers",
  );
  first.kill();
  first.reporter.close();
  first.producer.finish();
  const second = await prepared(server, 2);
  await second.producer.change({ added: [4, 5], retired: [1, 4] });
  const ofBoth = [1, 4].map((one) => server.stored.get(one)!.length);
  const running = second.producer.run();
  const goal = server.stored.get(5)!.length + 5;
  while (server.stored.get(5)!.length < goal) await new Promise((r) => setTimeout(r, 1));
  second.producer.finish();
  await running;
  assert.deepEqual([1, 4].map((one) => server.stored.get(one)!.length), ofBoth);
  assertWhole(server);
});

Deno.test("a poisoned message is sent once for each wish, with the next one right behind it", async () => {
  const server = new Server(5);
  const { producer } = await prepared(server, 1);
  await Promise.all([producer.poison(2, 9), producer.poison(2, 9)]);
  assert.deepEqual(server.poisoned, ["2 1"]);
  assert.deepEqual(server.stored.get(2), [1, 2]);
  await producer.poison(2, 10);
  assert.deepEqual(server.poisoned, ["2 1", "2 3"]);
  assert.deepEqual([...server.reported.get(2)!], [1, 2, 3, 4]);
  await producer.change({ added: [], retired: [2] });
  await producer.poison(2, 11);
  assert.equal(server.stored.get(2)!.length, 4);
});

Deno.test("what is stored is found in the feed, or in the output once it is consumed", async () => {
  const message = encodeMessage({
    partitionId: 1,
    producerId: "producer-0",
    partitionSequence: 7,
    producerSequence: 7,
    timestampUs: 1,
    weight: 1,
  });
  const streams = new Map<string, Uint8Array>();
  const feed = {
    lastMessage: (stream: string, subject: string) => {
      const data = streams.get(`${stream} ${subject}`);
      return Promise.resolve(data === undefined ? undefined : { data });
    },
  } as unknown as World["feed"];
  assert.equal(await lastStored(feed, topology, 1), 0);
  streams.set("SIMULATION simulation.partition.1", message);
  assert.equal(await lastStored(feed, topology, 1), 7);
});

/** A producer of one line, on a server that takes 7 ms for each message and a clock that a test turns. */
async function singleLine(yaml: string) {
  const clock = new ManualClock();
  const server = { sent: 0 };
  const world = {
    clock,
    feed: {
      publish: () =>
        new Promise((resolve) => {
          clock.setTimer(7, () => resolve({ sequence: ++server.sent, duplicate: false }));
        }),
      lastMessage: () => Promise.resolve(undefined),
    },
    kv: {
      open: () =>
        Promise.resolve({ get: () => Promise.resolve(undefined), put: () => Promise.resolve(1) }),
    },
    messaging: { request: () => Promise.resolve(new Uint8Array()) },
  } as unknown as World;
  const single = { ...spec("producer-0#1"), config: parseConfig(yaml, "test.yaml").config };
  const producer = new SimProducer(single, world, new Reporter(world, "r", "producer-0#1"));
  const preparing = producer.prepare();
  await clock.advance(1_000);
  await preparing;
  return { producer, clock, server };
}

Deno.test("a single line keeps its rate: that it is being sent to is no time to rest", async () => {
  const { producer, clock, server } = await singleLine(
    "partitions: { count: 1, message_rate_per_partition: 100 }\nproducers: { count: 1 }",
  );
  const running = producer.run();
  await clock.advance(2_000);
  assert.ok(server.sent >= 150 && server.sent <= 200, `${server.sent} in two seconds`);
  producer.finish();
  await clock.advance(1_000);
  await running;
});

Deno.test("rates vary with the time since the load began, not since a producer that was killed is back", async () => {
  const variation = "{ enabled: true, min_multiplier: 0.5, max_multiplier: 2, ramp_interval: 10s }";
  const sentIn2s = async (elapsedMs: number | undefined) => {
    const { producer, clock, server } = await singleLine(
      "partitions: { count: 1, message_rate_per_partition: 20 }\n" +
        `producers: { count: 1, rate_variation: ${variation} }`,
    );
    if (elapsedMs !== undefined) producer.loadHasLasted(elapsedMs);
    const running = producer.run();
    await clock.advance(2_000);
    producer.finish();
    await clock.advance(1_000);
    await running;
    return server.sent;
  };
  // 20 messages a second, half as many at the foot of the ramp and twice as many around its height.
  for (const [elapsedMs, expected] of [[undefined, 26], [0, 26], [9_000, 77], [29_000, 77]]) {
    const sent = await sentIn2s(elapsedMs);
    assert.ok(Math.abs(sent - expected!) <= 4, `${sent} after ${elapsedMs}`);
  }
});
