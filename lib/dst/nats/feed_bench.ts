/**
 * How fast streams and consumers are: `deno run -A lib/dst/nats/feed_bench.ts`. Twenty workers with ten of 200 partitions each, every message
 * published, delivered and acknowledged.
 *
 * @module
 */
import type { World } from "../../ports/world.ts";
import { Kernel } from "../kernel/kernel.ts";
import { SimProcess } from "../kernel/node.ts";
import { SimLink } from "./link.ts";
import { ModelServer } from "./server.ts";
import { simWorld } from "./sim_world.ts";

const WORKERS = 20;
const PARTITIONS = 200;
const PUBLISHERS = 4;

/** Publishes, delivers and acknowledges. Returns when the stream is empty. */
async function drive(worlds: readonly World[], messages: number): Promise<void> {
  const feed = worlds[0]!.feed;
  await feed.ensureStream("S", {
    subjects: ["p.>"],
    retention: "workqueue",
    storage: "file",
    replicas: 1,
  });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let acked = 0;
  for (const [index, world] of worlds.slice(0, WORKERS).entries()) {
    const filterSubjects = Array.from(
      { length: PARTITIONS / WORKERS },
      (_, i) => `p.${index + i * WORKERS}`,
    );
    const name = `w${index}`;
    await world.feed.createConsumer("S", {
      name,
      filterSubjects,
      ackWaitMs: 30_000,
      maxAckPending: 1_000,
      inactiveThresholdMs: 60_000,
      metadata: {},
    });
    let inHand = 0;
    const pull = world.feed.pull("S", name, {
      onMessage: (message) => {
        inHand++;
        message.ack();
        inHand--;
        if (++acked === messages) resolve();
        pull.request(100 - inHand);
      },
      onLost: () => {},
      onPermission: () => {},
    });
    pull.request(100);
  }
  const data = new Uint8Array(100);
  const publish = async (world: World, from: number): Promise<void> => {
    for (let i = from; i < messages; i += PUBLISHERS) {
      await world.feed.publish(`p.${i % PARTITIONS}`, data);
    }
  };
  await Promise.all(worlds.slice(WORKERS).map((world, index) => publish(world, index)));
  await done;
}

/** Runs once and prints. */
async function run(messages: number, seed: number): Promise<void> {
  const kernel = new Kernel({ seed });
  const server = new ModelServer({ kernel, version: "2.15.1" });
  const worldOf = simWorld(server);
  const worlds = Array.from(
    { length: WORKERS + PUBLISHERS },
    (_, index) => worldOf(new SimLink(new SimProcess(kernel, `worker-${index}#1`), server)),
  );
  const startMs = performance.now();
  await kernel.run(() => drive(worlds, messages));
  const tookMs = performance.now() - startMs;
  const perSecond = (count: number): string => Math.round(count / tookMs * 1_000).toString();
  // deno-lint-ignore no-console
  console.log(
    `${messages} messages, ${kernel.eventCount} events, ${Math.round(tookMs)} ms, ` +
      `${perSecond(kernel.eventCount)} events/s, ${perSecond(messages)} messages/s, ` +
      `${Math.round(kernel.nowMs)} virtual ms, ${kernel.trace.hash}`,
  );
}

if (import.meta.main) {
  await run(2_000, 1);
  await run(30_000, 1);
  await run(30_000, 1);
}
