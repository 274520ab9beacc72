/** Groups on a sharded feed on a real server: shards move while messages flow, workers come, go and die. */
import assert from "node:assert/strict";
import type { GroupConfigInput } from "../config/config.ts";
import { Journal } from "../consumption/team_test.ts";
import { Manager } from "../manager/manager.ts";
import type { World } from "../ports/world.ts";
import { natsTest, Rig, until } from "../test_support/rig.ts";
import { makeShards } from "./make_shards.ts";
import { type ShardedFeed, shardOf, shardStream, shardSubject } from "./shards.ts";

const LAYOUT: ShardedFeed = {
  stream: "ORDERS",
  // What the configuration says by default.
  subjectTemplate: "ORDERS.{{.Shard}}.{{.PartitionID}}",
  shards: 8,
};
const KEYS = Array.from({ length: 60 }, (_, i) => `tenant-${i}`);
const MEMORY = { storage: "memory", replicas: 1 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function configOf(changes: Partial<GroupConfigInput> = {}): GroupConfigInput {
  return {
    group: "sharded",
    // Leases as users have them: one that ends because the machine is busy would have what was just handled handled again.
    coldStartWindow: "1s",
    plannedScaleWindow: "1s",
    settle: "200ms",
    assignment: { minRebalanceInterval: 0 },
    consumer: { stream: LAYOUT.stream, shards: LAYOUT.shards },
    ...changes,
  };
}

/** A feed, an exact record of what its workers handle, and somebody who publishes. */
class Scene {
  readonly record = new Journal();
  /** What the workers told of, such as acks that nobody has confirmed. */
  readonly errors: unknown[] = [];
  readonly #rig: Rig;
  readonly #world: World;

  private constructor(rig: Rig, world: World) {
    this.#rig = rig;
    this.#world = world;
  }

  static async open(rig: Rig): Promise<Scene> {
    const { world } = await rig.connect();
    await makeShards(world.feed, LAYOUT, MEMORY);
    return new Scene(rig, world);
  }

  async worker(): Promise<{ manager: Manager; cut: () => Promise<void> }> {
    const { world, nc } = await this.#rig.connect();
    const manager = new Manager({
      world,
      config: configOf(),
      hooks: { onError: (error) => void this.errors.push(error) },
      handler: async (message, { partitionId, worker, attempt }) => {
        const handling = {
          ...{ partition: partitionId, worker, attempt },
          sequence: message.streamSequence,
          payload: decoder.decode(message.data),
        };
        this.record.start(handling);
        await Promise.resolve();
        this.record.end(handling, true);
      },
    });
    await manager.start();
    return { manager, cut: () => nc.close() };
  }

  async publish(each: number): Promise<void> {
    const acks: Promise<unknown>[] = [];
    const from = this.record.sentCount;
    for (let i = 0; i < each; i++) {
      for (const key of KEYS) {
        const payload = `${from + acks.length}`;
        this.record.sent(key, payload);
        acks.push(this.#world.feed.publish(shardSubject(LAYOUT, key), encoder.encode(payload)));
      }
    }
    await Promise.all(acks);
  }

  /** Messages that were handled more than once, and by whom. */
  get repeated(): string[] {
    const handlings = Map.groupBy(
      this.record.handled,
      ({ partition, payload }) => `${partition} ${payload}`,
    );
    return [...handlings].filter(([, { length }]) => length > 1).map(([message, list]) =>
      `${message}: ${list.map(({ worker, sequence }) => `${worker} ${sequence}`).join(", ")}`
    );
  }

  async drained(): Promise<void> {
    await until("everything is handled", () => this.record.complete, 20_000);
    await until("the streams are empty", async () => {
      const infos = await Promise.all(
        Array.from(
          { length: LAYOUT.shards },
          (_, i) => this.#world.feed.streamInfo(shardStream(LAYOUT.stream, i)),
        ),
      );
      return infos.every(({ messages }) => messages === 0);
    }, 20_000);
  }
}

natsTest(
  "a sharded feed: workers join and leave under load, everything once and in order by key",
  async (rig) => {
    const scene = await Scene.open(rig);
    const one = await scene.worker();
    await scene.publish(20);
    const publishing = scene.publish(100);
    const others = [await scene.worker(), await scene.worker()];
    await until(
      "all have shards",
      () =>
        [one, ...others].every(({ manager }) => (manager.assignment?.partitions.length ?? 0) >= 2),
      15_000,
    );
    await publishing;
    await one.manager.stop();
    await scene.publish(20);
    await scene.drained();
    assert.deepEqual([scene.errors, scene.repeated], [[], []]);
    scene.record.assertExact();
    const handlers = new Set(scene.record.handled.map(({ worker }) => worker));
    assert.equal(handlers.size, 3, "all have worked");
    for (const { manager } of others) {
      await until("all is held", () => manager.consumerHealth?.waiting.length === 0);
      await manager.stop();
    }
  },
);

natsTest("a sharded feed: what a dead worker held is handled by others, in order", async (rig) => {
  const scene = await Scene.open(rig);
  const [one, two] = [await scene.worker(), await scene.worker()];
  await scene.publish(10);
  await until(
    "both have shards",
    () => [one, two].every(({ manager }) => (manager.assignment?.partitions.length ?? 0) === 4),
    15_000,
  );
  await scene.drained();
  await one.cut();
  await scene.publish(10);
  await scene.drained();
  scene.record.assertExact();
  await two.manager.stop();
  await one.manager.stop();
});

async function makeByHand({ feed }: World, shard: number): Promise<void> {
  const subjects = [`ORDERS.${shard}.>`];
  await feed.ensureStream(`ORDERS-${shard}`, { ...MEMORY, subjects, retention: "workqueue" });
}

natsTest(
  "a sharded feed is refused where its streams are not what the configuration says",
  async (rig) => {
    const { world } = await rig.connect();
    const start = async (config: GroupConfigInput): Promise<void> => {
      const manager = new Manager({ world, config, handler: () => {} });
      await manager.start();
    };
    await assert.rejects(start(configOf()), { code: "PARTI_INVALID_CONFIG", value: "ORDERS-0" });
    await makeShards(world.feed, { ...LAYOUT, shards: 4 }, MEMORY);
    await assert.rejects(start(configOf()), { code: "PARTI_INVALID_CONFIG", value: "ORDERS-4" });
    await assert.rejects(
      start(configOf({ consumer: { stream: "ORDERS", shards: 3 } })),
      { code: "PARTI_INVALID_CONFIG", message: /more shards than 3/ },
    );
    for (const shards of [3, 8]) {
      await assert.rejects(makeShards(world.feed, { ...LAYOUT, shards }, MEMORY), {
        code: "PARTI_INVALID_CONFIG",
        message: new RegExp(`ORDERS-0 was made as one of 4 shards, not of ${shards}`),
      });
    }
    await assert.rejects(world.feed.streamInfo("ORDERS-4"), { code: "PARTI_NOT_FOUND" });
    await makeShards(world.feed, { ...LAYOUT, shards: 4 }, MEMORY); // that is harmless
    // Somebody has made streams by hand, or by an earlier version, which wrote nothing on them.
    for (const i of [4, 5, 6, 7]) await makeByHand(world, i);
    await assert.rejects(start(configOf()), {
      code: "PARTI_INVALID_CONFIG",
      message: /ORDERS-0 was made as one of 4 shards, not of 8/,
    });
    for (const i of [0, 1, 2, 3]) {
      await world.feed.destroyStream(shardStream(LAYOUT.stream, i));
      await makeByHand(world, i);
    }
    const manager = new Manager({ world, config: configOf(), handler: () => {} });
    await manager.start();
    await manager.stop();
    await makeShards(world.feed, LAYOUT, MEMORY);
  },
);

natsTest("the server computes the same shard of a key", async (rig) => {
  const { world, nc } = await rig.connect();
  assert.equal(typeof shardOf("a", 8), "number");
  // The stream's own transform of subjects says what the server thinks.
  const config = {
    ...{ name: "T", subjects: ["t.>"], storage: "memory", retention: "limits" },
    subject_transform: {
      src: "t.*.*",
      dest: "u.{{partition(97,1,2)}}.{{wildcard(1)}}.{{wildcard(2)}}",
    },
  };
  await nc.request("$JS.API.STREAM.CREATE.T", JSON.stringify(config));
  for (const key of ["a.b", "tenant-7.eu", "x.yyyyyyyyyyyyyyyyyyyyyyyyyyyy", "ü.ß"]) {
    await world.feed.publish(`t.${key}`, encoder.encode("x"));
    const subject = `u.${shardOf(key, 97)}.${key}`;
    assert.notEqual(await world.feed.lastMessage("T", subject), undefined, subject);
  }
});

natsTest(
  "a sharded feed whose streams hold more than their shards is refused: it would be taken for keys",
  async (rig) => {
    const { world } = await rig.connect();
    const subjectTemplate = "orders.{{.Shard}}.{{.PartitionID}}";
    await makeShards(world.feed, { ...LAYOUT, subjectTemplate }, MEMORY);
    const manager = new Manager({ world, config: configOf(), handler: () => {} });
    await assert.rejects(manager.start(), {
      code: "PARTI_INVALID_CONFIG",
      message: /ORDERS-0 may hold other messages than those of ORDERS\.0\.>: orders\.0\.>/,
    });
  },
);

natsTest(
  "a key that cannot go on does not keep the others of its shard from a fresh lane",
  async (rig) => {
    const { world } = await rig.connect();
    const one = { ...LAYOUT, shards: 1 };
    await makeShards(world.feed, one, MEMORY);
    const handled: string[] = [];
    const lanes: string[] = [];
    const manager = new Manager({
      world: (await rig.connect()).world,
      config: configOf({ consumer: { stream: LAYOUT.stream, shards: 1, maxDeliver: 1 } }),
      consumptionEvents: { acquired: (_ids, lane) => lanes.push(lane) },
      handler: (_message, { partitionId }) => {
        if (partitionId === "bad") throw new Error("poison");
        handled.push(partitionId);
      },
    });
    await manager.start();
    const publish = (key: string) =>
      world.feed.publish(shardSubject(one, key), encoder.encode("x"));
    // No stream takes its dead letter.
    await publish("bad");
    await publish("good");
    await until("it waits for one", () => manager.consumerHealth?.blocked.length === 1);
    await until("the other is handled", () => handled.length === 1);
    await world.feed.deleteConsumer("ORDERS-0", lanes[0]!);
    await publish("good");
    await until("the other is handled again", () => handled.length === 2, 15_000);
    await until(
      "the first waits again",
      () => manager.consumerHealth?.blocked.length === 1,
      15_000,
    );
    await manager.stop();
  },
);

Deno.test("a server that allows fewer unacknowledged messages than a quick worker would like is well, too", async () => {
  const storeDir = await Deno.makeTempDir();
  try {
    await using rig = await Rig.launch({
      jetstream: false,
      extraConfig: `jetstream { store_dir: "${storeDir}", limits { max_ack_pending: 20000 } }`,
    });
    const { world } = await rig.connect();
    await makeShards(world.feed, LAYOUT, MEMORY);
    const manager = new Manager({ world, config: configOf(), handler: () => {} });
    await manager.start();
    await until("all is held", () => manager.consumerHealth?.waiting.length === 0, 15_000);
    assert.equal((await world.feed.listConsumers("ORDERS-0")).length, 1);
    await manager.stop();
  } finally {
    await Deno.remove(storeDir, { recursive: true });
  }
});
