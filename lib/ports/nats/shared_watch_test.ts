import assert from "node:assert/strict";
import { natsTest, type Rig, until } from "../../test_support/rig.ts";
import type { KvBucket, KvWatch } from "../kv.ts";
import { natsWorld } from "./world.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (data: Uint8Array) => new TextDecoder().decode(data);

/** One who watches a key, and all that was told. */
class Watcher {
  readonly told: string[] = [];
  watch: KvWatch | undefined;
  throws = false;

  static async open(bucket: KvBucket, key = "k", throws?: true): Promise<Watcher> {
    const watcher = new Watcher();
    watcher.watch = await bucket.watch(key, {
      onEntry: ({ value, operation }) => {
        watcher.told.push(operation === "put" ? textOf(value) : operation);
        if (watcher.throws) throw new Error("bad handler");
      },
      onInitialized: () => {
        watcher.told.push("initialized");
        if (throws) throw new Error("bad from the start");
      },
      onLost: (error) => watcher.told.push(`lost: ${(error as Error).message}`),
    });
    return watcher;
  }
}

/** A bucket as several workers of one process have it: each over a world of its own, and all over one connection. */
async function rigOf(rig: Rig, count: number) {
  const { nc, world } = await rig.connect();
  const options = { ttlMs: 0, replicas: 1, storage: "memory" } as const;
  const buckets: KvBucket[] = [];
  for (let n = 0; n < count; n++) buckets.push(await natsWorld(nc).kv.open("b", options));
  const readers = async () => (await world.feed.listConsumers("KV_b")).length;
  return { nc, buckets, bucket: buckets[0]!, readers };
}

natsTest(
  "shared watch: all over one connection have one reader, and are told alike",
  async (rig) => {
    const { buckets, bucket, readers } = await rigOf(rig, 3);
    await bucket.put("k", bytes("1"));
    const together = await Promise.all(buckets.slice(1).map((each) => Watcher.open(each)));
    await until("both know", () => together.every(({ told }) => told.length === 2));
    const late = await Watcher.open(bucket);
    assert.deepEqual(late.told, ["1", "initialized"], "what the others know");
    await bucket.put("gone", bytes("1"));
    const early = await Watcher.open(bucket, "gone");
    await until("it knows", () => early.told.length === 2);
    await bucket.erase("gone");
    const later = await Watcher.open(bucket, "gone");
    assert.deepEqual(later.told, ["initialized"], "the others do not know that it has gone");
    for (const { watch } of [early, later]) await watch!.close();
    await until("the other reader is gone", async () => await readers() === 1);
    assert.equal(await readers(), 1);
    const all = [...together, late];
    const allKnow = (count: number) =>
      until("all know", () => all.every(({ told }) => told.length === count));
    // One at a time: a bucket keeps the last value of a key, and a reader who is late is told of that one alone.
    await bucket.put("k", bytes("2"));
    await allKnow(3);
    await bucket.remove("k");
    await allKnow(4);
    for (const { told } of all) assert.deepEqual(told, ["1", "initialized", "2", "removed"]);
  },
);

natsTest(
  "shared watch: who closes is told nothing more, and with the last one the reader goes",
  async (rig) => {
    const { buckets, bucket, readers } = await rigOf(rig, 2);
    const [one, other] = [await Watcher.open(buckets[0]!), await Watcher.open(buckets[1]!)];
    await one.watch!.close();
    await one.watch!.close();
    await bucket.put("k", bytes("1"));
    await until("the other knows", () => other.told.includes("1"));
    assert.deepEqual(one.told, ["initialized"]);
    await other.watch!.close();
    await until("there is no reader", async () => await readers() === 0);
    const next = await Watcher.open(bucket);
    await until("a new one has begun", () => next.told.length === 2);
    assert.deepEqual(next.told, ["1", "initialized"]);
    assert.deepEqual(other.told, ["initialized", "1"]);
  },
);

natsTest("shared watch: what a handler throws ends its own part alone", async (rig) => {
  const { buckets, bucket } = await rigOf(rig, 2);
  const [worst, bad, good] = await Promise.all([
    Watcher.open(bucket, "k", true),
    ...buckets.map((each) => Watcher.open(each)),
  ]) as [Watcher, Watcher, Watcher];
  await until("all have begun", () => bad.told.length + good.told.length === 2);
  assert.deepEqual(worst.told, ["initialized", "lost: bad from the start"]);
  bad.throws = true;
  await bucket.put("k", bytes("1"));
  // Only then the next: a reader who is late is told of a key's last value alone.
  await until("both know", () => good.told.includes("1") && bad.told.length === 3);
  await bucket.put("k", bytes("2"));
  await until("the other knows", () => good.told.includes("2"));
  assert.deepEqual(bad.told, ["initialized", "1", "lost: bad handler"]);
});

natsTest(
  "shared watch: all are told when it is lost, and the next one begins anew",
  async (rig) => {
    const { nc, buckets, bucket } = await rigOf(rig, 2);
    const options = { ttlMs: 0, replicas: 1, storage: "memory" } as const;
    const { kv } = natsWorld(nc);
    const watchers = [await Watcher.open(buckets[0]!), await Watcher.open(buckets[1]!)];
    await kv.destroy("b");
    await until("both know", () => watchers.every(({ told }) => told.at(-1)!.startsWith("lost")));
    await assert.rejects(Watcher.open(bucket), { code: "PARTI_NOT_FOUND" });
    await kv.open("b", options);
    await bucket.put("k", bytes("1"));
    const next = await Watcher.open(bucket);
    await until("it knows", () => next.told.length === 2);
    await nc.close();
    await until("the end is told", () => next.told.length === 3);
    await assert.rejects(Watcher.open(bucket), { code: "PARTI_DISCONNECTED" });
  },
);

natsTest(
  "shared watch: other keys, other patterns and other connections are apart",
  async (rig) => {
    const { bucket, readers } = await rigOf(rig, 1);
    const { buckets: [far] } = await rigOf(rig, 1);
    await Watcher.open(bucket, "k");
    await Watcher.open(bucket, "l");
    await Watcher.open(bucket, "*");
    await Watcher.open(bucket, "*");
    await Watcher.open(far!, "k");
    assert.equal(await readers(), 5);
  },
);
