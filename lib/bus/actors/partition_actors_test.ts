/** Actors by partition, on a real server: their shards move while they are called. */
import assert from "node:assert/strict";
import type { GroupConfigInput } from "../../config/config.ts";
import { isPartiError } from "../../errors.ts";
import { Manager } from "../../manager/manager.ts";
import { sleep } from "../../ports/clock.ts";
import { makeShards } from "../../sharding/make_shards.ts";
import type { ShardedFeed } from "../../sharding/shards.ts";
import { bothNatsTest, type Rig, until } from "../../test_support/rig.ts";
import { MessageBus } from "../bus.ts";
import type { Actor, ActorContext } from "./actor.ts";
import { PartitionActors } from "./partition_actors.ts";

const FEED: ShardedFeed = {
  stream: "ACTORS",
  subjectTemplate: "ACTORS.{{.Shard}}.{{.PartitionID}}",
  shards: 16,
};
const ACTORS = 40;
const TYPE = "test::ledger";
const NOTHING = new Uint8Array();
const CALL_TIMEOUT_MS = 30_000;

const CONFIG: GroupConfigInput = {
  group: "actors",
  coldStartWindow: "1s",
  plannedScaleWindow: "500ms",
  settle: "100ms",
  assignment: { minRebalanceInterval: 0 },
  consumer: { stream: FEED.stream, shards: FEED.shards },
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What all workers of a test do to actors, as it happens. */
class Record {
  readonly turning = new Map<string, string>();
  readonly problems: string[] = [];
  moves = 0;
  turns = 0;
  readonly #owners = new Map<string, string>();

  begin(actor: string, worker: string): void {
    const other = this.turning.get(actor);
    if (other !== undefined) this.problems.push(`${actor}: ${worker} while ${other} is at it`);
    this.turning.set(actor, worker);
    this.turns++;
  }

  end(actor: string): void {
    this.turning.delete(actor);
  }

  acquired(shards: readonly string[], worker: string): void {
    for (const shard of shards) {
      const before = this.#owners.get(shard);
      if (before !== undefined && before !== worker) this.moves++;
      this.#owners.set(shard, worker);
    }
  }
}

interface Worker {
  readonly manager: Manager;
  readonly actors: PartitionActors;
  readonly bus: MessageBus;
}

let names = 0;

async function startWorker(rig: Rig, record: Record): Promise<Worker> {
  const { world } = await rig.connect();
  const name = `worker-${names++}`;
  const bus = new MessageBus({ world, bus: "partitions", node: name });
  await bus.start();
  const actors = new PartitionActors({ world, bus, feed: FEED });
  actors.define(TYPE, {
    state: true,
    create: ({ id, state }: ActorContext): Actor => ({
      async handle({ key }) {
        record.begin(id, name);
        try {
          const entries = state!.value === undefined
            ? []
            : JSON.parse(decoder.decode(state!.value));
          await sleep(world.clock, 1);
          if (!entries.includes(key)) entries.push(key);
          const bytes = encoder.encode(JSON.stringify(entries));
          await state!.save(bytes);
          return bytes;
        } finally {
          record.end(id);
        }
      },
    }),
  });
  const manager = new Manager({
    world,
    config: CONFIG,
    handler: actors.handler,
    consumptionEvents: {
      ...actors.events,
      acquired: (ids, ...rest) => {
        record.acquired(ids, name);
        actors.events.acquired(ids, ...rest);
      },
    },
  });
  await manager.start();
  return { manager, actors, bus };
}

async function stopWorker({ manager, actors, bus }: Worker): Promise<void> {
  await manager.stop();
  await actors.stop();
  await bus.stop();
}

bothNatsTest("actors by partition: one owner through a hundred moves under load", async (rig) => {
  const { world } = await rig.connect();
  await makeShards(world.feed, FEED, { storage: "memory", replicas: 1 });
  await using bus = new MessageBus({ world, bus: "partitions", node: "caller" });
  await bus.start();
  const callers = new PartitionActors({ world, bus, feed: FEED });
  const record = new Record();
  const workers = [await startWorker(rig, record), await startWorker(rig, record)];
  let isOver = false;
  const sent = Array.from({ length: ACTORS }, () => 0);
  const calling = Array.from({ length: ACTORS }, async (_, n) => {
    while (!isOver) {
      const idempotencyKey = `${n}-${sent[n]!++}`;
      const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey };
      await callers.request(`${TYPE}/${n}`, "add", NOTHING, options);
      await sleep(world.clock, 20);
    }
  });
  while (record.moves < 100) {
    const before = record.turns;
    workers.push(await startWorker(rig, record));
    await until("work goes on", () => record.turns > before + ACTORS, CALL_TIMEOUT_MS);
    await stopWorker(workers.shift()!);
  }
  isOver = true;
  await Promise.all(calling);
  assert.deepEqual(record.problems, []);
  for (let n = 0; n < ACTORS; n++) {
    const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey: "last" };
    const bytes = await callers.request(`${TYPE}/${n}`, "add", NOTHING, options);
    const wanted = [...Array(sent[n]).keys()].map((call) => `${n}-${call}`);
    assert.deepEqual(JSON.parse(decoder.decode(bytes)), [...wanted, "last"]);
  }
  assert.equal(bus.pending, 0);
  await Promise.all(workers.map(stopWorker));
});

bothNatsTest(
  "actors by partition: errors are told, and what nobody acts as is refused",
  async (rig) => {
    const { world } = await rig.connect();
    await makeShards(world.feed, FEED, { storage: "memory", replicas: 1 });
    await using bus = new MessageBus({ world, bus: "partitions", node: "one" });
    await bus.start();
    await using actors = new PartitionActors({ world, bus, feed: FEED });
    let lives = 0;
    actors.define(TYPE, {
      create: (context) => {
        lives++;
        return {
          handle({ method }) {
            if (method === "fail") throw new Error("made to fail");
            if (method === "leave") context.deactivate();
            return encoder.encode(String(lives));
          },
        };
      },
    });
    await using manager = new Manager({
      world,
      config: CONFIG,
      handler: actors.handler,
      consumptionEvents: actors.events,
    });
    await manager.start();
    const ask = (method: string, id = `${TYPE}/x`) =>
      actors.request(id, method, NOTHING, { timeoutMs: CALL_TIMEOUT_MS });
    await assert.rejects(ask("fail"), { code: "PARTI_CALL_FAILED", message: "made to fail" });
    assert.equal(decoder.decode(await ask("leave")), "1", "an error fails the call, not the actor");
    assert.equal(decoder.decode(await ask("count")), "2", "the next call begins another life");
    assert.equal(actors.size, 1);
    await assert.rejects(ask("count", "test::nobody/x"), { code: "PARTI_NO_HANDLER" });
    await actors.oneway(`${TYPE}/x`, "leave", NOTHING);
    await until("it was told", () => actors.size === 0);
    await assert.rejects(
      () => ask("count", "nonsense"),
      (error) => isPartiError(error, "PARTI_INVALID_CONFIG"),
    );
  },
);

bothNatsTest("actors by partition: a turn may take longer than an actor may idle", async (rig) => {
  const { world } = await rig.connect();
  const feed = { ...FEED, shards: 1 };
  await makeShards(world.feed, feed, { storage: "memory", replicas: 1 });
  await using bus = new MessageBus({ world, bus: "partitions", node: "one" });
  await bus.start();
  await using actors = new PartitionActors({ world, bus, feed });
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const ended: string[] = [];
  actors.define(TYPE, {
    idleMs: 1,
    create: ({ id }) => ({
      async handle({ method }) {
        if (method !== "wait") return NOTHING;
        begun.resolve();
        await gate.promise;
        return encoder.encode(ended.join());
      },
      onDeactivate: (reason) => void ended.push(`${id} ${reason}`),
    }),
  });
  await using manager = new Manager({
    world,
    config: { ...CONFIG, consumer: { stream: FEED.stream, shards: 1 } },
    handler: actors.handler,
    consumptionEvents: actors.events,
  });
  await manager.start();
  const ask = (id: string, method: string) =>
    actors.request(`${TYPE}/${id}`, method, NOTHING, { timeoutMs: CALL_TIMEOUT_MS });
  const waiting = ask("a", "wait");
  await begun.promise;
  await sleep(world.clock, 5);
  // Whoever is idle is looked for with each call that comes to the shard.
  await ask("b", "call");
  gate.resolve();
  assert.equal(decoder.decode(await waiting), "", "it is not idle while it has a turn");
  await until("both were called long ago", async () => {
    await ask("c", "call");
    return ended.includes(`${TYPE}/a idle`) && ended.includes(`${TYPE}/b idle`);
  });
});
