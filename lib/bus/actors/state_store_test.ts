import assert from "node:assert/strict";
import { changedBuckets } from "../../test_support/changed_world.ts";
import { bothNatsTest, type Rig } from "../../test_support/rig.ts";
import type { ActorState } from "./actor.ts";
import { bucketKey } from "./actor_id.ts";
import { KvDirectory } from "./kv_directory.ts";
import { Locations } from "./locations.ts";
import { KvStateStore } from "./state_store.ts";

const ID = "a::b/x";
const OPTIONS = { ttlMs: 0, replicas: 1, storage: "memory" } as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const always = (): boolean => true;

async function bucketOf(rig: Rig) {
  const { world } = await rig.connect();
  return await world.kv.open("bucket", OPTIONS);
}

bothNatsTest(
  "states: what is kept is there for the next life, and an earlier one keeps nothing any more",
  async (rig) => {
    const store = new KvStateStore(await bucketOf(rig));
    const first = await store.open(ID, 1n, always);
    assert.equal(first.value, undefined);
    await first.save(encoder.encode("one"));
    await first.save(encoder.encode("two"));
    const second = await store.open(ID, 2n, always);
    assert.equal(decoder.decode(second.value), "two");
    await assert.rejects(first.save(encoder.encode("zombie")), { code: "PARTI_FENCED" });
    await assert.rejects(store.open(ID, 1n, always), { code: "PARTI_FENCED" });
    await second.save(encoder.encode(""));
    const third = await store.open(ID, 3n, always);
    assert.equal(third.value?.length, 0, "kept, and empty");
  },
);

bothNatsTest(
  "states: a save whose answer was lost does not stand in the way of the next",
  async (rig) => {
    const bucket = await bucketOf(rig);
    const store = new KvStateStore(bucket);
    const state = await store.open(ID, 1n, always);
    // What the lost save has written, under the same token.
    const kept = await bucket.get(bucketKey(ID));
    await bucket.update(bucketKey(ID), kept!.value, kept!.revision);
    await state.save(encoder.encode("on"));
    assert.equal(decoder.decode((await store.open(ID, 2n, always)).value), "on");
  },
);

bothNatsTest(
  "states: a save writes nothing for a life that has ended meanwhile, though the next one has the same token",
  async (rig) => {
    const { world } = await rig.connect();
    let mayAct = true;
    const { kv } = changedBuckets(world, (bucket) => ({
      get: async (key) => {
        const entry = await bucket.get(key);
        // The answer takes its time.
        if (isSlow) [mayAct, next] = [false, await store.open(ID, 1n, always)];
        return isSlow ? await bucket.get(key) : entry;
      },
    }));
    let isSlow = false;
    let next: ActorState | undefined;
    const bucket = await world.kv.open("bucket", OPTIONS);
    const store = new KvStateStore(bucket);
    const state = await new KvStateStore(await kv.open("bucket", OPTIONS))
      .open(ID, 1n, () => mayAct);
    // The answer to a save was lost, and the next one looks whose it was.
    const kept = await bucket.get(bucketKey(ID));
    await bucket.update(bucketKey(ID), kept!.value, kept!.revision);
    isSlow = true;
    const saves = ["one", "two"].map((text) => state.save(encoder.encode(text)));
    for (const save of saves) await assert.rejects(save, { code: "PARTI_FENCED" });
    await next!.save(encoder.encode("next"));
    assert.equal(decoder.decode((await store.open(ID, 2n, always)).value), "next");
  },
);

bothNatsTest(
  "states: where a key or the bucket was removed a life goes on saving, and another begins",
  async (rig) => {
    const { world } = await rig.connect();
    const open = () => world.kv.open("bucket", OPTIONS);
    const bucket = await open();
    const store = new KvStateStore(bucket, open);
    const kept = async (token: bigint) =>
      decoder.decode((await store.open(ID, token, always)).value);
    const state = await store.open(ID, 1n, always);
    await state.save(encoder.encode("one"));
    await bucket.remove(bucketKey(ID));
    await state.save(encoder.encode("two"));
    assert.equal(decoder.decode(state.value), "two");
    await world.kv.destroy("bucket");
    await Promise.all(["three", "four"].map((text) => state.save(encoder.encode(text))));
    assert.equal(await kept(2n), "four");
    await assert.rejects(state.save(encoder.encode("zombie")), { code: "PARTI_FENCED" });
    await world.kv.destroy("bucket");
    assert.equal(await kept(1n), "", "nothing is kept, and nobody is fenced");
  },
);

bothNatsTest(
  "states: saves at once are kept in their order, and one that fails ends no other",
  async (rig) => {
    const bucket = await bucketOf(rig);
    const state = await new KvStateStore(bucket).open(ID, 1n, always);
    const buffer = encoder.encode("1");
    const large = new Uint8Array(2_000_000);
    const saves = ["1", "2", "3", "4", "5"].map((text) => {
      buffer.set(encoder.encode(text));
      return state.save(text === "3" ? large : buffer).catch(({ code }) => code);
    });
    assert.deepEqual(await Promise.all(saves), [
      undefined,
      undefined,
      "PARTI_TOO_LARGE",
      undefined,
      undefined,
    ]);
    assert.equal(decoder.decode(state.value), "5");
    assert.equal(decoder.decode((await new KvStateStore(bucket).open(ID, 2n, always)).value), "5");
  },
);

bothNatsTest("states and directory: what somebody else has written is told", async (rig) => {
  const bucket = await bucketOf(rig);
  await bucket.put(bucketKey(ID), encoder.encode("{}"));
  await assert.rejects(new KvStateStore(bucket).open(ID, 1n, always), { code: "PARTI_REFUSED" });
  await assert.rejects(new KvDirectory(bucket).lookup(ID), { code: "PARTI_REFUSED" });
});

bothNatsTest(
  "directory: who is first has the place, and only its own entry is given back",
  async (rig) => {
    const directory = new KvDirectory(await bucketOf(rig));
    assert.equal(await directory.lookup(ID), undefined);
    const mine = { address: "n_1", activation: "one" };
    const placed = await directory.register(ID, mine);
    assert.ok(placed.kind === "placed");
    assert.deepEqual(await directory.lookup(ID), placed.entry);
    const other = { address: "n_2", activation: "two" };
    assert.deepEqual(await directory.register(ID, other), { kind: "lost" });
    assert.equal((await directory.register(ID, mine, placed.entry)).kind, "already");
    const taken = await directory.register(ID, other, placed.entry);
    assert.ok(taken.kind === "placed" && taken.entry.revision > placed.entry.revision);
    assert.equal(await directory.unregister(ID, placed.entry), false);
    assert.equal(await directory.unregister(ID, taken.entry), true);
    const again = await directory.register(ID, mine);
    assert.ok(again.kind === "placed" && again.entry.revision > taken.entry.revision);
  },
);

bothNatsTest("directory: the entries of the dead are swept, and no others", async (rig) => {
  const directory = new KvDirectory(await bucketOf(rig));
  for (let n = 0; n < 100; n++) {
    const address = n % 2 === 0 ? "dead_1" : "alive_1";
    await directory.register(`a::b/${n}`, { address, activation: String(n) });
  }
  const removed = await directory.sweep((address) => Promise.resolve(address === "dead_1"));
  assert.equal(removed, 50);
  assert.equal(await directory.lookup("a::b/0"), undefined);
  assert.equal((await directory.lookup("a::b/1"))?.address, "alive_1");
});

Deno.test("locations: as many as may be are remembered, the latest", () => {
  const locations = new Locations(2);
  for (const id of ["a", "b", "c"]) locations.learn(id, `at-${id}`);
  assert.deepEqual(["a", "b", "c"].map((id) => locations.of(id)), [undefined, "at-b", "at-c"]);
  locations.learn("b", "elsewhere");
  locations.learn("d", "at-d");
  assert.deepEqual(["b", "c", "d"].map((id) => locations.of(id)), ["elsewhere", undefined, "at-d"]);
  locations.forget("b");
  assert.equal(locations.of("b"), undefined);
});
