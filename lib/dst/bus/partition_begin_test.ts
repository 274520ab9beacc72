/** Actors by partition that cannot begin, in a whole group: what their callers are told, and that no other actor of the shard suffers. */
import assert from "node:assert/strict";
import { PartitionActors } from "../../bus/actors/partition_actors.ts";
import { KvStateStore } from "../../bus/actors/state_store.ts";
import { shardStateBucket } from "../../bus/names.ts";
import { isPartiError, PartiError } from "../../errors.ts";
import { Manager } from "../../manager/manager.ts";
import type { World } from "../../ports/world.ts";
import { makeShards } from "../../sharding/make_shards.ts";
import { Kernel } from "../kernel/kernel.ts";
import { BUS, FOR_EVER } from "./bus_cluster.ts";
import { CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const FEED = { stream: "ACTORS", subjectTemplate: "actors.{{.Shard}}.{{.PartitionID}}", shards: 1 };
const TYPE = "sim::kept";
const OTHER = "sim::other";
const always = (): boolean => true;

interface Group {
  readonly world: World;
  readonly actors: PartitionActors;
  readonly kernel: Kernel;
  /** What became of the shard and its messages, in one word each. */
  readonly told: string[];
  /** Calls an actor: a value or a code, and after how many seconds. */
  call(id: string, timeoutMs: number, idempotencyKey?: string): Promise<string>;
}

/** A group of one worker; its feed has no stream for dead letters. */
async function inGroup(
  play: (group: Group) => Promise<void>,
  before: (store: KvStateStore) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const node = await new CalmNodes(kernel).start("node");
    const { world, bus } = node;
    await makeShards(world.feed, FEED, { storage: "file", replicas: 1 });
    await before(new KvStateStore(await world.kv.open(shardStateBucket(BUS), FOR_EVER)));
    const actors = new PartitionActors({ world, bus, feed: FEED });
    const told: string[] = [];
    const { acquired, released, lost } = actors.events;
    const manager = new Manager({
      world,
      config: { group: BUS, preset: "fast", consumer: FEED },
      handler: actors.handler,
      consumptionEvents: {
        acquired: (...args) => (told.push("acquired"), acquired(...args)),
        released: (...args) => (told.push("released"), released(...args)),
        lost: (...args) => (told.push("lost"), lost(...args)),
        deadLettered: () => told.push("dead-lettered"),
        stopped: () => told.push("stopped"),
      },
    });
    await manager.start();
    const call: Group["call"] = async (id, timeoutMs, idempotencyKey) => {
      const sinceMs = kernel.nowMs;
      const how = { timeoutMs, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
      const outcome = await actors.request(id, "x", tokenBytes("a"), how)
        .then(() => "value", (error) => isPartiError(error) ? error.code : String(error));
      return `${outcome} after ${Math.floor((kernel.nowMs - sinceMs) / 1_000)} s`;
    };
    await play({ world, actors, kernel, told, call });
    await manager.stop();
    await actors.stop();
    await node.actors.stop();
    await bus.stop();
  });
}

Deno.test("an actor that cannot begin is tried as long as its call has time, then its caller is told; and when it can again it does", async () => {
  await inGroup(async ({ actors, kernel, told, call }) => {
    let isWell = false;
    let begins = 0;
    let handled = 0;
    actors.define(TYPE, {
      create: () => ({
        onActivate() {
          begins++;
          if (!isWell) throw new PartiError("PARTI_OVERLOADED", "what it needs is busy");
        },
        handle: () => void handled++,
      }),
    });
    assert.equal(await call(`${TYPE}/1`, 20_000), "PARTI_MAYBE_DELIVERED after 19 s");
    assert.ok(begins > 5 && begins < 50, `${begins} begins`);
    // What comes too late is tried a few times all the same.
    begins = 0;
    assert.equal(await call(`${TYPE}/1`, 100), "PARTI_TIMEOUT after 0 s");
    await kernel.sleep(20_000);
    assert.equal(begins, 5);
    const waiting = call(`${TYPE}/1`, 20_000);
    await kernel.sleep(10_000);
    isWell = true;
    assert.equal(await waiting, "value after 10 s");
    assert.equal(handled, 1);
    assert.deepEqual(told, ["acquired"]);
  });
});

Deno.test("an actor whose state was kept under a higher token is refused alone: its shard stays, and so do the others there", async () => {
  await inGroup(
    async ({ actors, told, call }) => {
      let begins = 0;
      actors.define(TYPE, { state: true, create: () => ({ handle: () => {} }) });
      actors.define(OTHER, { create: () => (begins++, { handle: () => {} }) });
      const fenced = call(`${TYPE}/1`, 15_000);
      for (let n = 0; n < 12; n++) assert.equal(await call(`${OTHER}/1`, 3_000), "value after 0 s");
      assert.equal(await fenced, "PARTI_MAYBE_DELIVERED after 14 s");
      assert.equal(await call(`${OTHER}/1`, 3_000), "value after 0 s");
      assert.equal(begins, 1);
      assert.deepEqual(told, ["acquired"]);
    },
    // As the group's former life has left it.
    (store) => store.open(`${TYPE}/1`, 1n << 60n, always),
  );
});

Deno.test("an actor begins although the bucket of what actors keep was deleted: it is made anew", async () => {
  await inGroup(async ({ world, actors, call }) => {
    const create = () => ({ handle: () => {} });
    actors.define(TYPE, { state: true, create });
    assert.equal(await call(`${TYPE}/1`, 5_000), "value after 0 s");
    await world.kv.destroy(shardStateBucket(BUS));
    assert.equal(await call(`${TYPE}/2`, 5_000), "value after 0 s");
  });
});
