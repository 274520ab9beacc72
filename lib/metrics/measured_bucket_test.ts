import assert from "node:assert/strict";
import { PartiError } from "../errors.ts";
import type { KvBucket, KvWatch } from "../ports/kv.ts";
import { ManualClock } from "../test_support/manual_clock.ts";
import { measuredBucket } from "./measured_bucket.ts";

const data = new Uint8Array([1]);

function measured(answer: (clock: ManualClock) => Promise<unknown>) {
  const clock = new ManualClock();
  const seen: [string, boolean, number][] = [];
  const calls: unknown[][] = [];
  const method = (name: string) => (...args: unknown[]) => {
    calls.push([name, ...args]);
    return answer(clock);
  };
  const bucket = Object.fromEntries(
    ["create", "update", "put", "get", "remove", "erase", "list", "watch"].map((
      n,
    ) => [n, method(n)]),
  ) as unknown as KvBucket;
  const kvOperation = (op: string, ok: boolean, ms: number) => void seen.push([op, ok, ms]);
  return { seen, calls, bucket: measuredBucket({ ...bucket, name: "b" }, clock, { kvOperation }) };
}

Deno.test("every operation is passed on as it is and measured", async () => {
  const { bucket, seen, calls } = measured(async (clock) => {
    await clock.advance(5);
    return 9;
  });
  assert.equal(bucket.name, "b");
  assert.equal(await bucket.create("k", data), 9);
  await bucket.update("k", data, 3);
  await bucket.put("k", data);
  await bucket.get("k");
  await bucket.remove("k", 4);
  await bucket.erase("k");
  await bucket.list("k.*");
  const handler = { onEntry: () => {}, onLost: () => {} };
  const watch: KvWatch = await bucket.watch("k.*", handler);
  assert.equal(watch, 9 as unknown);
  const ops = ["create", "update", "put", "get", "remove", "erase", "list", "watch"];
  assert.deepEqual(seen, ops.map((op) => [op, true, 5]));
  assert.deepEqual(calls.map(([name]) => name), ops);
  assert.deepEqual(calls[1], ["update", "k", data, 3]);
  assert.deepEqual(calls[4], ["remove", "k", 4]);
});

Deno.test("a lost compare is an answer, anything else thrown is a failure; both are thrown on", async () => {
  for (const [code, ok] of [["PARTI_CONFLICT", true], ["PARTI_TIMEOUT", false]] as const) {
    const { bucket, seen } = measured(() => Promise.reject(new PartiError(code, "planted")));
    await assert.rejects(bucket.create("k", data), { code });
    assert.deepEqual(seen, [["create", ok, 0]]);
  }
});
