import assert from "node:assert/strict";
import { BUCKET, bytes } from "../../ports/contract/helpers_test.ts";
import { Kernel } from "../kernel/kernel.ts";
import type { ReaderOptions } from "./bucket_reader.ts";
import { KvModel } from "./kv_model.ts";
import { ModelServer } from "./server.ts";
import { TestSession } from "./simulate_test.ts";

const MEMORY = { ...BUCKET, storage: "memory" } as const;

function makeModel(): { server: ModelServer; kv: KvModel } {
  const server = new ModelServer({ kernel: new Kernel({ seed: 1 }), version: "2.15.1" });
  return { server, kv: KvModel.of(server) };
}

function reader(log: string[]): ReaderOptions {
  return {
    matches: () => true,
    fromRevision: 1,
    faults: { stallMs: () => 0, isReset: () => false },
    handler: {
      onEntries: (entries) => void log.push(`${entries.length} entries`),
      onGone: () => void log.push("gone"),
      onReset: () => void log.push("reset"),
    },
  };
}

Deno.test("a bucket is made once, and keeps the settings it was made with", () => {
  const { server, kv } = makeModel();
  assert.equal(KvModel.of(server), kv);
  assert.throws(() => kv.bucket("b"), { code: "PARTI_NOT_FOUND" });
  assert.throws(() => kv.writable("b"), { code: "PARTI_NO_RESPONDERS" });
  const bucket = kv.create("b", { ...BUCKET, ttlMs: 5_000 });
  assert.equal(kv.create("b", { ...BUCKET, ttlMs: 5_000 }), bucket);
  assert.throws(() => kv.create("b", BUCKET), { code: "PARTI_CONFLICT" });
  assert.throws(() => kv.create("c", { ...BUCKET, ttlMs: 99 }), { code: "PARTI_REFUSED" });
  assert.equal(kv.bucket("b"), bucket);
  assert.equal(kv.writable("b"), bucket);
});

Deno.test("a bucket that is made anew begins anew, and can be told from the first", () => {
  const { kv } = makeModel();
  const first = kv.create("b", BUCKET);
  first.write("k", bytes("a"));
  kv.destroy("b");
  kv.destroy("b");
  const second = kv.create("b", MEMORY);
  assert.notEqual(second.created, first.created);
  assert.equal(second.lastRevision, 0);
});

Deno.test("a crash takes the buckets in memory and leaves those on disk", () => {
  const { server, kv } = makeModel();
  kv.create("disk", BUCKET).write("k", bytes("a"));
  kv.create("memory", MEMORY).write("k", bytes("a"));
  server.crash();
  server.restart();
  assert.equal(kv.bucket("disk").last("k")?.revision, 1);
  assert.equal(kv.bucket("disk").write("k", bytes("b"), 1), 2);
  assert.throws(() => kv.bucket("memory"), { code: "PARTI_NOT_FOUND" });
  assert.equal(kv.create("memory", MEMORY).lastRevision, 0);
});

Deno.test("readers end with their connection, their bucket or the server, and leave nothing", () => {
  const { server, kv } = makeModel();
  const bucket = kv.create("b", BUCKET);
  const [one, two] = [new TestSession(), new TestSession()];
  const log: string[] = [];
  assert.throws(() => kv.read(one, "c", reader(log)), { code: "PARTI_NOT_FOUND" });
  kv.read(one, "b", reader(log)).begin();
  kv.read(one, "b", reader(log)).begin();
  const kept = kv.read(two, "b", reader(log));
  kept.begin();
  assert.equal(kv.readerCount, 3);
  one.close();
  assert.equal(kv.readerCount, 1);
  assert.equal(bucket.followerCount, 1);
  log.length = 0;
  bucket.write("k", bytes("a"));
  assert.deepEqual(log, ["1 entries"]);
  kv.destroy("b");
  assert.equal(kv.readerCount, 0);
  kv.create("b", BUCKET);
  kv.read(two, "b", reader([])).begin();
  server.crash();
  server.restart();
  assert.equal(kv.readerCount, 0);
  kv.bucket("b").write("k", bytes("b"));
  assert.deepEqual(log, ["1 entries", "gone"]);
});
