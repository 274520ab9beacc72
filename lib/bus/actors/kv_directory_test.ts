/** The directory on a real server. What actors do with it is tested with them. */
import assert from "node:assert/strict";
import { encodeJson } from "../../codec.ts";
import { natsKv } from "../../ports/nats/kv.ts";
import { changedBuckets } from "../../test_support/changed_world.ts";
import { natsTest } from "../../test_support/rig.ts";
import { KvDirectory } from "./kv_directory.ts";

const BUCKET = { ttlMs: 0, replicas: 1, storage: "memory" } as const;
const ENTRIES = 10_000;
const AT_ONCE = 2_000;
/** Every entry with such a number is of a life that is over. */
const DEAD_EVERY = 2_500;

natsTest(
  "directory: one that takes longer to list than a listing may take is swept all the same",
  async (rig) => {
    const { world, nc } = await rig.connect();
    const bucket = await world.kv.open("d", BUCKET);
    const put = (n: number) => {
      const address = n % DEAD_EVERY === 0 ? "dead" : n % 2 === 0 ? "alive" : "late";
      return bucket.put(`a.b.${n}`, encodeJson({ address, activation: "x" }));
    };
    for (let first = 0; first < ENTRIES; first += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => put(first + n)));
    }
    await bucket.put("a.b.foreign", encodeJson({ something: "else" }));
    const hasty = await natsKv(nc, { timeoutMs: 10 }).open("d", BUCKET);
    await assert.rejects(hasty.list(">"), { code: "PARTI_TIMEOUT" });
    const { kv } = changedBuckets(world, () => ({
      list: (pattern) => hasty.list(pattern),
      watch: (...how) => hasty.watch(...how),
    }));
    const directory = new KvDirectory(await kv.open("d", BUCKET));
    const asked: string[] = [];
    const removed = await directory.sweep((address) => {
      asked.push(address);
      return Promise.resolve(address === "dead");
    });
    assert.equal(removed, ENTRIES / DEAD_EVERY);
    assert.deepEqual(asked, ["dead", "late", "alive"]);
    for (const n of [0, 1, 2]) {
      assert.equal((await bucket.get(`a.b.${n}`)) === undefined, n % DEAD_EVERY === 0, String(n));
    }
    const failing = directory.sweep((address) => Promise.reject(new Error(`about ${address}`)));
    await assert.rejects(failing, { message: /^about / });
  },
);
