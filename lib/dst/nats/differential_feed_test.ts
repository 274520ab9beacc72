import type { NatsServer } from "../../../tasks/nats_launcher.ts";
import { sleep } from "../../ports/clock.ts";
import { until } from "../../ports/contract/helpers_test.ts";
import { launchTestServer, testServers } from "../../ports/nats/rig_test.ts";
import { TestProxy } from "../../ports/nats/tcp_proxy_test.ts";
import { connectNats, natsWorld } from "../../ports/nats/world.ts";
import type { World } from "../../ports/world.ts";
import { Draws } from "../draw.ts";
import { FeedDriver } from "./feed_driver_test.ts";
import {
  drawOperation,
  drawStream,
  type FeedOperation,
  type FeedTroubles,
  STREAMS,
} from "./feed_operations_test.ts";
import { simWorld } from "./sim_world.ts";
import { simulate } from "./simulate_test.ts";
import { envCount } from "../../test_support/env_count.ts";

/** Operations per server. `PARTI_FUZZ_OPERATIONS=10000` is a long run, and `PARTI_FUZZ_SEED` another one. */
const OPERATIONS = envCount("PARTI_FUZZ_OPERATIONS", 1_000);
const SEED = envCount("PARTI_FUZZ_SEED", 1);
/** A run with streams of its own has so many at most. */
const PER_RUN = 250;
/** How long the model's messages take in its own time, in milliseconds; all of them have arrived then. */
const SETTLE_MS = 5;
/** How long the server may take to be where the model is, in milliseconds. */
const PATIENCE_MS = 1_500;
/** How often a failing sequence is tried with a part of it left out. */
const SHRINK_TRIES = 150;

/** Nobody is to see a request end, or a heartbeat fall into a reconnect: when that happens is not the same in two worlds. */
const PULL = { expiresMs: 600_000, heartbeatMs: 300_000 };

interface RealServer {
  readonly nats: NatsServer;
  readonly proxy: TestProxy;
  readonly world: World;
}

interface Step {
  readonly outcome: string;
  readonly heard: readonly string[];
  readonly state: string;
}

let streams = 0;

function textOf({ outcome, heard, state }: Step, { op }: FeedOperation): string {
  // A publication that takes an old message's place both makes a message wait and lets one go out, in no order.
  const lines = op === "publish" ? heard.map((line) => line.replace(/pending \d+ /, "")) : heard;
  return JSON.stringify({ outcome, heard: lines, state }, null, 1);
}

function driverOf(
  world: World,
  version: string,
  seed: number,
  troubles: FeedTroubles,
): FeedDriver {
  const draws = new Draws(seed, "differential streams");
  const options = STREAMS.map((place) => drawStream(draws, place));
  // All names are equally long, since they are in what counts against a request's bytes.
  const prefix = `S${String(++streams).padStart(6, "0")}_`;
  return new FeedDriver(world, prefix, options, version, troubles);
}

/** Waits until the connection has gone and is back, which may take no time at all. */
function overReconnect({ messaging }: World): Promise<void> {
  return new Promise((resolve) => {
    const listener = messaging.onStatus((status) => {
      if (status !== "reconnected") return;
      listener.close();
      resolve();
    });
  });
}

/** What the model says to each operation. */
async function model(version: string, seed: number, all: FeedOperation[]): Promise<Step[]> {
  const steps: Step[] = [];
  await simulate(version, async ({ connect, server }) => {
    const { link } = connect();
    const world = simWorld(server, { feed: { pull: PULL } })(link);
    const driver = driverOf(world, version, seed, {
      cut: () => {
        const isBack = overReconnect(world);
        link.cut();
        return isBack;
      },
      crash: () => {
        const isBack = overReconnect(world);
        server.crash();
        server.restart();
        return isBack;
      },
    });
    await driver.start();
    for (const operation of all) {
      const outcome = await driver.run(operation);
      await sleep(world.clock, SETTLE_MS);
      steps.push({ outcome, heard: driver.takeHeard(), state: await driver.state() });
    }
    await driver.end();
  }, seed);
  return steps;
}

/** Compares the server with the model, operation by operation. Returns the first difference. */
async function compare(
  { nats, proxy, world }: RealServer,
  seed: number,
  all: FeedOperation[],
  expected: Step[],
): Promise<string | undefined> {
  const driver = driverOf(world, nats.version, seed, {
    cut: () => {
      const isBack = overReconnect(world);
      proxy.cut();
      return isBack;
    },
    crash: async () => {
      const isBack = overReconnect(world);
      await nats.kill();
      await nats.restart();
      await isBack;
    },
  });
  // The model has kept this process busy: on a slow machine the client has missed the server's answers to its pings.
  await until(world.clock, "the connection", () => world.messaging.connected);
  await driver.start();
  try {
    for (const [index, operation] of all.entries()) {
      const wanted = expected[index]!;
      const outcome = await driver.run(operation);
      const untilMs = world.clock.monotonicMs() + PATIENCE_MS;
      let state = await driver.state();
      while (state !== wanted.state || driver.heardCount < wanted.heard.length) {
        if (world.clock.monotonicMs() > untilMs) break;
        await sleep(world.clock, 2);
        state = await driver.state();
      }
      const is = textOf({ outcome, heard: driver.takeHeard(), state }, operation);
      const should = textOf(wanted, operation);
      if (is !== should) {
        return `${index}: ${JSON.stringify(operation)}\nserver: ${is}\nmodel: ${should}`;
      }
    }
    return undefined;
  } finally {
    await driver.end();
  }
}

/** Leaves out what the difference does not need. */
async function shrink(
  all: FeedOperation[],
  differs: (some: FeedOperation[]) => Promise<boolean>,
): Promise<FeedOperation[]> {
  let tries = 0;
  for (let size = all.length >> 1; size >= 1; size >>= 1) {
    for (let from = 0; from < all.length && tries < SHRINK_TRIES;) {
      const some = all.toSpliced(from, size);
      tries++;
      if (await differs(some)) all = some;
      else from += size;
    }
  }
  return all;
}

/** Checks one sequence, and makes it as short as it can be if there is a difference. */
async function check(
  seed: number,
  differenceOf: (all: FeedOperation[]) => Promise<string | undefined>,
): Promise<void> {
  const draws = new Draws(seed, "differential feed");
  const all = Array.from({ length: PER_RUN }, () => drawOperation(draws));
  const difference = await differenceOf(all);
  if (difference === undefined) return;
  const upTo = all.slice(0, Number.parseInt(difference) + 1);
  const least = await shrink(upTo, async (some) => await differenceOf(some) !== undefined);
  const lines = least.map((operation) => JSON.stringify(operation)).join("\n");
  throw new Error(`seed ${seed}\n${lines}\n${await differenceOf(least) ?? difference}`);
}

for (const server of testServers()) {
  Deno.test(`${server.label}: streams and consumers of the model do as the server's`, async () => {
    await using nats = await launchTestServer(server);
    const proxy = new TestProxy(nats.port);
    const nc = await connectNats({ servers: proxy.url, ignoreClusterUpdates: true });
    const real = { nats, proxy, world: natsWorld(nc, { feed: { pull: PULL } }) };
    const differenceOf = async (seed: number, all: FeedOperation[]) =>
      await compare(real, seed, all, await model(nats.version, seed, all));
    try {
      for (let done = 0, seed = SEED; done < OPERATIONS; done += PER_RUN, seed++) {
        await check(seed, (all) => differenceOf(seed, all));
      }
    } finally {
      await nc.close();
      await proxy.close();
    }
  });
}
