/** Groups on a sharded feed on a real server: shards move while messages flow, workers come, go and die. */
import assert from "node:assert/strict";
import type { GroupConfigInput } from "../config/config.ts";
import { Journal } from "../consumption/team_test.ts";
import { Manager } from "../manager/manager.ts";
import type { World } from "../ports/world.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";
import { makeShards, makeShardsFrom } from "./make_shards.ts";
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
    preset: "fast",
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
  "two groups have a sharded feed of one stream each: all of it, each key in order, and the stream stays",
  async (rig) => {
    const { world } = await rig.connect();
    const { feed } = world;
    await feed.ensureStream("USER", { ...MEMORY, subjects: ["user.>"], retention: "limits" });
    for (let i = 0; i < 10; i++) {
      await Promise.all(KEYS.map((key) => feed.publish(`user.${key}`, encoder.encode(`${i}`))));
    }
    const groups = ["A", "B"].map((name) => ({
      layout: { stream: name, subjectTemplate: `${name}.{{.Shard}}.{{.PartitionID}}`, shards: 4 },
      handled: new Map<string, string[]>(),
    }));
    const managers: Manager[] = [];
    for (const { layout, handled } of groups) {
      await makeShardsFrom(feed, layout, { stream: "USER", subject: "user.*" }, MEMORY);
      managers.push(
        new Manager({
          world: (await rig.connect()).world,
          config: configOf({
            group: layout.stream,
            consumer: { stream: layout.stream, shards: 4 },
          }),
          handler: ({ data }, { partitionId }) => {
            handled.set(partitionId, [...handled.get(partitionId) ?? [], decoder.decode(data)]);
          },
        }),
      );
    }
    await Promise.all(managers.map((manager) => manager.start()));
    for (let i = 10; i < 20; i++) {
      await Promise.all(KEYS.map((key) => feed.publish(`user.${key}`, encoder.encode(`${i}`))));
    }
    const all = Array.from({ length: 20 }, (_, i) => `${i}`);
    for (const { handled } of groups) {
      const count = () => [...handled.values()].reduce((sum, { length }) => sum + length, 0);
      await until("all is handled", () => count() >= 20 * KEYS.length, 20_000);
      assert.deepEqual(handled, new Map([...handled.keys()].map((key) => [key, all])));
      assert.deepEqual([...handled.keys()].sort(), KEYS.toSorted());
    }
    assert.equal((await feed.streamInfo("USER")).messages, 20 * KEYS.length);
    await Promise.all(managers.map((manager) => manager.stop()));
  },
);

natsTest("a feed of a stream needs to know where the key is", async (rig) => {
  const { world } = await rig.connect();
  await assert.rejects(
    makeShardsFrom(world.feed, LAYOUT, { stream: "USER", subject: "user.>" }, MEMORY),
    { code: "PARTI_INVALID_CONFIG", value: "user.>" },
  );
});
