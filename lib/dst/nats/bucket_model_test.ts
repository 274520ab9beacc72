import assert from "node:assert/strict";
import { BUCKET, bytes } from "../../ports/contract/helpers_test.ts";
import type { KvEntry } from "../../ports/kv.ts";
import { Kernel } from "../kernel/kernel.ts";
import { BucketModel, EXPIRY_LATE_MAX_MS } from "./bucket_model.ts";
import { ModelServer } from "./server.ts";

const everything = () => true;

interface Rig {
  readonly kernel: Kernel;
  readonly server: ModelServer;
  readonly bucket: BucketModel;
  /** What was stored, as `key@revision` or `key-@revision`. */
  readonly log: string[];
}

function makeRig(version: string, ttlMs: number, seed = 1): Rig {
  const kernel = new Kernel({ seed });
  const server = new ModelServer({ kernel, version });
  const bucket = new BucketModel(server, "b", 1, { ...BUCKET, ttlMs });
  const log: string[] = [];
  const stored = ({ key, revision, operation }: KvEntry) =>
    void log.push(`${key}${operation === "put" ? "" : "-"}@${revision}`);
  bucket.follow({ stored, gone: () => void log.push("gone") });
  return { kernel, server, bucket, log };
}

/** How late the keys of a bucket vanish, one after the other. */
async function lateness(version: string, seed: number): Promise<number[]> {
  const { kernel, bucket } = makeRig(version, 1_000, seed);
  const late: number[] = [];
  await kernel.run(async () => {
    for (let i = 0; i < 20; i++) {
      bucket.write(`k.${i}`, bytes("a"));
      const writtenMs = kernel.nowMs;
      while (bucket.last(`k.${i}`)?.operation === "put") await kernel.sleep(1);
      late.push(kernel.nowMs - writtenMs - 1_000);
    }
  });
  return late;
}

Deno.test("expiry is late by up to a second on old servers, and a third of it on new ones", async () => {
  for (
    const [version, mostMs] of [
      ["2.10.27", EXPIRY_LATE_MAX_MS.withoutMarkers],
      ["2.15.1", EXPIRY_LATE_MAX_MS.withMarkers],
    ] as const
  ) {
    const late = [...await lateness(version, 1), ...await lateness(version, 2)];
    const [least, most] = [Math.min(...late), Math.max(...late)];
    assert.ok(least >= 0, `${version}: ${least} ms early`);
    // The polls of the test add up to a millisecond.
    assert.ok(most <= mostMs + 1, `${version}: ${most} ms late`);
    assert.ok(least < mostMs * 0.2 && most > mostMs * 0.8, `${version}: ${least} to ${most} ms`);
  }
});

Deno.test("an old server says nothing of an expiry, and no revision is used for it", async () => {
  const { kernel, bucket, log } = makeRig("2.10.27", 1_000);
  await kernel.run(async () => {
    bucket.write("k", bytes("a"));
    bucket.write("d", undefined);
    await kernel.sleep(3_000);
  });
  assert.equal(bucket.last("k"), undefined);
  assert.equal(bucket.lastRevision, 2);
  assert.deepEqual(log, ["k@1", "d-@2"]);
  assert.throws(() => bucket.write("k", bytes("b"), 1), /on 1, which is at 0/);
  assert.equal(bucket.write("k", bytes("b"), 0), 3);
});

Deno.test("a new server leaves markers, for removals too, and the markers vanish without a word", async () => {
  const { kernel, bucket, log } = makeRig("2.15.1", 2_700);
  await kernel.run(async () => {
    bucket.write("k", bytes("a"));
    bucket.write("d", bytes("a"));
    bucket.write("d", undefined);
    await kernel.sleep(3_100);
    assert.equal(bucket.last("k")?.operation, "removed");
    assert.throws(() => bucket.write("k", bytes("b"), 0), { code: "PARTI_CONFLICT" });
    assert.throws(() => bucket.write("k", bytes("b"), 1), { code: "PARTI_CONFLICT" });
    // Measured on 2.15.1: the marker of a bucket of 2.7 s lives 2 s.
    await kernel.sleep(1_500);
    assert.equal(bucket.from(1, everything).length, 2);
    await kernel.sleep(1_100);
    assert.deepEqual(bucket.from(1, everything), []);
  });
  assert.deepEqual(log, ["k@1", "d@2", "d-@3", "k-@4", "d-@5"]);
  assert.equal(bucket.write("k", bytes("b"), 0), 6);
});

Deno.test("each write renews the key, and a bucket without a time to live keeps all", async () => {
  const { kernel, bucket } = makeRig("2.10.27", 1_000);
  const { kernel: other, bucket: lasting } = makeRig("2.15.1", 0);
  await kernel.run(async () => {
    for (let i = 0; i < 10; i++) {
      bucket.write("k", bytes("a"));
      await kernel.sleep(900);
      assert.ok(bucket.last("k"));
    }
  });
  await other.run(async () => {
    lasting.write("k", bytes("a"));
    assert.equal(other.pendingCount, 0);
    await other.sleep(3_000_000);
  });
  assert.ok(lasting.last("k"));
});

Deno.test("a refused write consumes no revision, and a removal has one of its own", () => {
  const { bucket } = makeRig("2.15.1", 0);
  assert.equal(bucket.write("k", bytes("a"), 0), 1);
  assert.throws(() => bucket.write("k", bytes("b"), 0), /on 0, which is at 1/);
  assert.throws(() => bucket.write("other", bytes("b"), 1), { code: "PARTI_CONFLICT" });
  assert.equal(bucket.write("k", undefined, 1), 2);
  assert.equal(bucket.write("never", undefined), 3);
  assert.throws(() => bucket.write("k", bytes("b"), 0), { code: "PARTI_CONFLICT" });
  assert.equal(bucket.write("k", bytes("b"), 2), 4);
});

Deno.test("states come in the order of their last writes", () => {
  const { bucket } = makeRig("2.15.1", 0);
  for (const key of ["a", "b", "c", "a"]) bucket.write(key, bytes(key));
  const keys = (from: number) => bucket.from(from, everything).map((entry) => entry.key);
  assert.deepEqual(keys(1), ["b", "c", "a"]);
  assert.deepEqual(keys(3), ["c", "a"]);
  assert.deepEqual(bucket.from(1, (key) => key === "c").map((entry) => entry.revision), [3]);
});

Deno.test("what a key was before is remembered, also across its expiry", async () => {
  const { kernel, bucket } = makeRig("2.10.27", 1_000);
  const before = () => bucket.earlier("k").map((entry) => entry?.revision);
  assert.deepEqual(before(), [undefined]);
  await kernel.run(async () => {
    bucket.write("k", bytes("a"));
    assert.deepEqual(before(), [undefined]);
    bucket.write("other", bytes("a"));
    bucket.write("k", bytes("b"));
    assert.deepEqual(before(), [undefined, 1]);
    await kernel.sleep(3_000);
    assert.deepEqual(before(), [undefined, 1, 3]);
  });
  for (let i = 0; i < 5_000; i++) bucket.write("busy", bytes("x"));
  assert.deepEqual(before(), [undefined]);
});

Deno.test("what was due while the server was down is gone at once, or soon and with a marker", async () => {
  for (const version of ["2.10.27", "2.15.1"]) {
    const { kernel, server, bucket } = makeRig(version, 1_000);
    const hasMarkers = version === "2.15.1";
    server.add({ crashed: () => bucket.stop(), started: () => bucket.start() });
    await kernel.run(async () => {
      bucket.write("k", bytes("a"));
      server.crash();
      await kernel.sleep(5_000);
      assert.ok(bucket.last("k"), "nothing happens on a disk without a server");
      server.restart();
      assert.equal(bucket.last("k")?.operation, hasMarkers ? "put" : undefined);
      await kernel.sleep(EXPIRY_LATE_MAX_MS.withMarkers + 1);
      assert.equal(bucket.last("k")?.operation, hasMarkers ? "removed" : undefined);
      bucket.write("k", bytes("b"));
      await kernel.sleep(2_100);
      assert.notEqual(bucket.last("k")?.operation, "put", "its timers run on");
    });
  }
});

Deno.test("what was erased may be there again after a crash, or what it was before, and never over what was written since", () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const { bucket } = makeRig("2.15.1", 0, seed);
    for (const key of ["a", "b", "c", "d"]) bucket.write(key, bytes(key));
    bucket.write("c", undefined);
    for (const key of ["a", "c", "d", "never"]) bucket.erase(key);
    assert.deepEqual(bucket.from(0, everything).map(({ key }) => key), ["b"]);
    bucket.write("d", bytes("new"));
    const restart = () => {
      bucket.stop();
      bucket.start();
      return bucket.from(0, everything).map(({ key, revision }) => `${key}@${revision}`).join(" ");
    };
    const after = restart();
    seen.add(after);
    assert.deepEqual([...bucket.revived], ["a", "c"].filter((key) => after.includes(key)));
    assert.equal(restart(), after, "what did not come back then never will");
    assert.equal(bucket.write("e", bytes("e")), 7);
  }
  assert.deepEqual([...seen].sort(), [
    "a@1 b@2 c@3 d@6",
    "a@1 b@2 c@5 d@6",
    "a@1 b@2 d@6",
    "b@2 c@3 d@6",
    "b@2 c@5 d@6",
    "b@2 d@6",
  ]);
});

Deno.test("a bucket that is removed tells its followers once and leaves no timer", async () => {
  const { kernel, bucket, log } = makeRig("2.15.1", 1_000);
  bucket.write("k", bytes("a"));
  bucket.remove();
  bucket.remove();
  assert.deepEqual(log, ["k@1", "gone"]);
  assert.equal(kernel.pendingCount, 0);
  await Promise.resolve();
});

Deno.test("the simulation itself is told of what expires without a marker, as it expires and after a restart", async () => {
  for (const [version, isTold] of [["2.10.27", true], ["2.15.1", false]] as const) {
    const { kernel, server, bucket } = makeRig(version, 1_000);
    server.add({ crashed: () => bucket.stop(), started: () => bucket.start() });
    const expired: string[] = [];
    const watcher = { stored() {}, gone() {}, expired: (key: string) => void expired.push(key) };
    bucket.follow(watcher);
    await kernel.run(async () => {
      bucket.write("k", bytes("a"));
      // A new server's marker vanishes as well in this time, which is no second end.
      await kernel.sleep(5_000);
      assert.deepEqual(expired, isTold ? ["k"] : [], version);
      bucket.write("l", bytes("b"));
      server.crash();
      bucket.follow(watcher);
      await kernel.sleep(5_000);
      server.restart();
      assert.deepEqual(expired, isTold ? ["k", "l"] : [], version);
    });
  }
});
