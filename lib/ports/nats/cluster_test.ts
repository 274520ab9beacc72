import assert from "node:assert/strict";
import { launchNatsCluster, type NatsCluster } from "../../../tasks/nats_cluster.ts";
import { until } from "../../../tasks/until.ts";
import { isPartiError } from "../../errors.ts";
import { pullLog, textOf } from "../contract/helpers_test.ts";
import type { ConsumerConfig } from "../feed.ts";
import type { World } from "../world.ts";
import type { NatsConnection } from "./client_types.ts";
import { callApi } from "./api.ts";
import { connectNats } from "./connect.ts";
import { linkOf } from "./link.ts";
import { testServers } from "./rig_test.ts";
import { natsWorld } from "./world.ts";

const STREAM = "FEED";
const BUCKET = { ttlMs: 0, replicas: 3, storage: "file" } as const;

interface Leader {
  readonly leader?: string;
}

/** A cluster with a WorkQueue stream on all nodes. */
class Scene implements AsyncDisposable {
  readonly #connections: NatsConnection[] = [];
  #admin: NatsConnection | undefined;

  private constructor(readonly cluster: NatsCluster) {}

  static async open(binary: string | undefined): Promise<Scene> {
    const scene = new Scene(
      await launchNatsCluster({ size: 3, ...(binary === undefined ? {} : { binary }) }),
    );
    const { feed } = await scene.at(...scene.cluster.names);
    await feed.ensureStream(STREAM, {
      ...{ subjects: ["feed.*"], retention: "workqueue", storage: "file", replicas: 3 },
    });
    return scene;
  }

  /** A world whose connection knows only these nodes. */
  async at(...names: string[]): Promise<World> {
    return natsWorld(await this.#connect(names));
  }

  /** Somebody who listens on a subject, over one of the nodes. */
  async worker(number: number, subject: string): Promise<{ nc: NatsConnection; subject: string }> {
    const { names } = this.cluster;
    const nc = await this.#connect([names[number % names.length]!]);
    const { messaging } = natsWorld(nc);
    messaging.subscribe(subject, () => {});
    await messaging.flush(5_000);
    return { nc, subject };
  }

  /** Makes the leader of a stream or, if one is named, of a consumer step down, and waits until there is one again. */
  async stepDown(stream: string, ...consumer: [] | [string]): Promise<void> {
    const nc = this.#admin ??= await this.#connect(this.cluster.names);
    const kind = consumer.length === 0 ? "STREAM" : "CONSUMER";
    const path = [kind, "LEADER", "STEPDOWN", stream, ...consumer].join(".");
    const info = [kind, "INFO", stream, ...consumer].join(".");
    const call = (what: string) => callApi<{ cluster?: Leader }>(linkOf(nc), what, undefined, what);
    await until(`${path} is carried out`, () => call(path).then(() => true, () => false), 30_000);
    await until(`${info} names a leader`, async () => {
      return await call(info).then(({ cluster }) => !!cluster?.leader, () => false);
    }, 30_000);
  }

  async #connect(names: readonly string[]): Promise<NatsConnection> {
    const servers = names.map((name) => this.cluster.node(name)!.url);
    const nc = await connectNats({ servers, ignoreClusterUpdates: true });
    this.#connections.push(nc);
    return nc;
  }

  /** A node that leads neither the cluster nor the stream, and the two others. */
  async follower(): Promise<{ victim: string; others: string[] }> {
    const leaders = [await this.cluster.leaderOf(STREAM), await this.cluster.metaLeader()];
    const victim = this.cluster.names.find((name) => !leaders.includes(name))!;
    return { victim, others: this.cluster.names.filter((name) => name !== victim) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const nc of this.#connections) await nc.close();
    await this.cluster.stop();
  }
}

function lane(number: number): ConsumerConfig {
  return {
    name: `lane-${number}`,
    filterSubjects: [`feed.${number}`],
    metadata: { number: String(number) },
    ackWaitMs: 30_000,
    maxAckPending: 100,
    inactiveThresholdMs: 300_000,
  };
}

async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const sinceMs = performance.now();
  await work();
  return performance.now() - sinceMs;
}

for (const { label, binary } of testServers()) {
  Deno.test(`${label}, cluster: with a dead node, a lane that nobody leads is given up soon, and another takes its place`, async () => {
    await using scene = await Scene.open(binary);
    const { victim, others } = await scene.follower();
    const { feed } = await scene.at(...others);
    await scene.cluster.node(victim)!.kill();
    let inVain = 0;
    // Every third one is given to the dead node to lead; with so many there are some.
    for (let number = 1; inVain === 0 || number < 8; number++) {
      const config = lane(number);
      for (let attempt = 1;; attempt++) {
        const name = `${config.name}-${attempt}`;
        try {
          await feed.createConsumer(STREAM, { ...config, name });
          break;
        } catch (error) {
          if (isPartiError(error, "PARTI_FILTER_OVERLAP")) continue;
          assert.ok(isPartiError(error, "PARTI_TIMEOUT"), String(error));
          inVain++;
          // It has no leader to answer for its removal; it is removed nevertheless.
          const deletedMs = await elapsedMs(() => feed.deleteConsumer(STREAM, name));
          assert.ok(deletedMs < 4_000, `deleted after ${deletedMs} ms`);
        }
      }
    }
    const found = await feed.listConsumers(STREAM);
    assert.ok(found.length >= 7);
  });

  Deno.test(`${label}, cluster: lanes without a leader are missing in a listing, and it ends nevertheless`, async () => {
    await using scene = await Scene.open(binary);
    const { victim, others } = await scene.follower();
    const { feed } = await scene.at(...others);
    for (let number = 0; number < 6; number++) await feed.createConsumer(STREAM, lane(number));
    await scene.cluster.node(victim)!.kill();
    const listedMs = await elapsedMs(async () => {
      const found = await feed.listConsumers(STREAM);
      assert.ok(found.length <= 6);
    });
    // The server waits 4 s for those that say nothing; asked again it would wait again.
    assert.ok(listedMs < 5_000, `listed after ${listedMs} ms`);
    await until("all of them have a leader again", async () => {
      return await feed.listConsumers(STREAM).then(({ length }) => length === 6, () => false);
    }, 30_000);
  });

  Deno.test(`${label}, cluster: a watch goes on when the node dies that its reader was on`, async () => {
    await using scene = await Scene.open(binary);
    const { others, victim } = await scene.follower();
    const world = await scene.at(...others);
    const bucket = await world.kv.open("b", BUCKET);
    const watched = Array.from({ length: 9 }, () => new Set<string>());
    const lost: unknown[] = [];
    const onLost = (error: unknown) => void lost.push(error);
    for (const seen of watched) {
      await bucket.watch(">", { onEntry: ({ key }) => void seen.add(key), onLost });
    }
    await scene.cluster.node(victim)!.kill();
    await until("the bucket takes an entry", async () => {
      return await bucket.put("k", new Uint8Array(1)).then(() => true, () => false);
    }, 30_000);
    await until("all watches have seen it", () => watched.every((seen) => seen.has("k")), 30_000);
    assert.deepEqual(lost, []);
    // A listing is a watch, too. A 2.10 may put its reader on the dead node: then it fails in time, and the next one comes.
    for (let i = 0; i < 9; i++) {
      await until("a listing", async () => {
        return await bucket.list(">").then(({ length }) => length === 1, () => false);
      }, 30_000);
    }
  });

  Deno.test(`${label}, cluster: whoever connects while a leader is being elected is connected when it is there`, async () => {
    await using scene = await Scene.open(binary);
    const leader = (await scene.cluster.metaLeader())!;
    const others = scene.cluster.names.filter((name) => name !== leader);
    await scene.cluster.node(leader)!.kill();
    const { kv } = await scene.at(...others);
    await until("a bucket can be made", async () => {
      return await kv.open("b", BUCKET).then(() => true, () => false);
    }, 30_000);
  });

  Deno.test(`${label}, cluster: a lane that was shrunk reads what it kept, whichever node leads it and the stream`, async () => {
    await using scene = await Scene.open(binary);
    const { feed } = await scene.at(...scene.cluster.names);
    const data = new TextEncoder();
    const all = { ...lane(0), filterSubjects: ["feed.1", "feed.2", "feed.3"] };
    await feed.createConsumer(STREAM, all);
    const log = pullLog(feed, STREAM, all.name, 1_000);
    await feed.shrinkConsumer(STREAM, all, ["feed.1", "feed.2"]);
    const rest = lane(3);
    await feed.createConsumer(STREAM, rest);
    const other = pullLog(feed, STREAM, rest.name, 1_000);
    for (let round = 1; round <= 4; round++) {
      await scene.stepDown(STREAM, all.name);
      if (round % 2 === 0) await scene.stepDown(STREAM);
      for (const number of [1, 2, 3]) {
        const publish = () => feed.publish(`feed.${number}`, data.encode(`${number}:${round}`));
        await until("a publication", () => publish().then(() => true, () => false), 30_000);
      }
      const seenBy = ({ messages }: typeof log) =>
        new Set(messages.map((message) => textOf(message.data))).size;
      await until(`round ${round} at both lanes`, () => {
        return seenBy(log) === 2 * round && seenBy(other) === round;
      }, 30_000);
    }
    assert.ok(log.messages.every(({ subject }) => subject !== "feed.3"));
    assert.deepEqual([log.lost, other.lost], [[], []]);
  });

  Deno.test(`${label}, cluster: a key that has expired is gone, whichever node leads the bucket`, async () => {
    await using scene = await Scene.open(binary);
    const { kv } = await scene.at(...scene.cluster.names);
    const bucket = await kv.open("b", { ...BUCKET, ttlMs: 1_000 });
    let last = 0;
    for (let round = 0; round < 4; round++) {
      // It is on its way to its end while the leader changes.
      const create = () => bucket.create("k", new Uint8Array(1)).catch(() => 0);
      let revision = 0;
      await until("the key is free", async () => (revision = await create()) > 0, 30_000);
      assert.ok(revision > last, `${revision} after ${last}`);
      last = revision;
      await scene.stepDown("KV_b");
      await until("the key is gone", async () => {
        return await bucket.get("k").then((entry) => entry === undefined, () => false);
      }, 30_000);
      await scene.stepDown("KV_b");
    }
    // Any node answers a `get`: a copy that was left behind somewhere would show.
    const isGone = async () => {
      for (let i = 0; i < 30; i++) if (await bucket.get("k") !== undefined) return false;
      return true;
    };
    await until("the key is gone on all nodes", () => isGone().catch(() => false), 30_000);
    await scene.stepDown("KV_b");
    assert.ok(await isGone());
  });

  Deno.test(`${label}, cluster: whoever goes is told, whichever node it was connected to and whichever asks`, async () => {
    await using scene = await Scene.open(binary);
    const own = await scene.at(scene.cluster.names[0]!);
    const bucket = await own.kv.open("parti-g-leases", BUCKET);
    const gone: string[] = [];
    const errors: unknown[] = [];
    const watch = own.departures!.watch(
      bucket.name,
      (subject) => gone.push(subject),
      (error) => errors.push(error),
    );
    // Consumers are spread over the nodes, so with so many some are on another node than their subscriber, and some on the same.
    const workers = await Promise.all(
      Array.from({ length: 9 }, (_, n) => scene.worker(n, `probe.${n}`)),
    );
    const subjects = workers.map(({ subject }) => subject);
    watch.expect(subjects);
    await until("all are watched over", async () => {
      const lanes = await own.feed.listConsumers(`KV_${bucket.name}`);
      return lanes.filter(({ name }) => name.startsWith("parti_there_")).length === 9;
    }, 20_000);
    for (const { nc, subject } of workers) {
      const tookMs = await elapsedMs(async () => {
        await nc.close();
        await until(`${subject} is told`, () => gone.includes(subject), 10_000);
      });
      assert.ok(tookMs < 2_000, `${subject} was told after ${tookMs} ms`);
    }
    assert.deepEqual(gone, subjects, "each once, and in the order in which they went");
    assert.deepEqual(errors, []);
    watch.close();
  });
}
