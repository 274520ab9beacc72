import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../../errors.ts";
import type { FeedStore } from "../../ports/feed.ts";
import { ManualClock } from "../../test_support/manual_clock.ts";
import type { CopyRecord } from "./copy_record.ts";
import { Pauses } from "./pauses.ts";
import { ShardWriter } from "./shard_writer.ts";

/**
 * A shard as nats-server 2.10.27 keeps it, in an account with a limit: what the limit refuses is counted all the same, and not stored.
 */
class Shard {
  readonly stored: string[] = [];
  /** What publications are compared with. */
  counted = 0;
  isOverLimit = false;
  /** So many messages may be there. */
  most = Infinity;
  taken = 0;
  /** Called after each publication. */
  after = () => {};

  publish(key: string, expected: number): Promise<{ sequence: number; duplicate: boolean }> {
    try {
      if (expected !== this.counted) throw refusal("PARTI_CONFLICT", 10_071, "wrong last sequence");
      if (this.stored.length - this.taken >= this.most) {
        throw refusal("PARTI_REFUSED", 10_077, `publish to s.0.${key}: maximum messages exceeded`);
      }
      this.counted++;
      if (this.isOverLimit) throw refusal("PARTI_REFUSED", 10_002, "resource limits exceeded");
      return Promise.resolve({ sequence: this.stored.push(key), duplicate: false });
    } catch (error) {
      return Promise.reject(error);
    } finally {
      this.after();
    }
  }

  /** The server is started anew. */
  restart(): void {
    this.counted = this.stored.length;
  }
}

function refusal(
  code: "PARTI_CONFLICT" | "PARTI_REFUSED",
  errCode: number,
  text: string,
): PartiError {
  return new PartiError(code, text, { value: { code: 400, errCode, description: text } });
}

function scene() {
  const shard = new Shard();
  const clock = new ManualClock();
  const told: unknown[] = [];
  const strangers: string[] = [];
  const unused = () => assert.fail("nobody needs this");
  const feed: FeedStore = {
    publish: (subject, _data, options) =>
      shard.publish(subject.split(".").at(-1)!, options!.expectedLastSequence!),
    streamInfo: () =>
      Promise.resolve({
        ...{ subjects: [], mayHoldOthers: false, retention: "workqueue", maxAckPending: undefined },
        ...{ messages: shard.stored.length, lastSequence: shard.stored.length },
        ...{ firstSequence: 1, metadata: {} },
      }),
    room: () => undefined,
    lastMessage: () => Promise.resolve(undefined),
    ...{ ensureStream: unused, destroyStream: unused, createConsumer: unused, pull: unused },
    ...{ shrinkConsumer: unused, deleteConsumer: unused, consumerInfo: unused },
    ...{ listConsumers: unused, rewindConsumer: unused },
  };
  const random = { uuid: () => "u", float: () => 0.5 };
  const writer = new ShardWriter({
    feed,
    layout: { stream: "S", subjectTemplate: "s.{{.Shard}}.{{.PartitionID}}", shards: 1 },
    pauses: new Pauses({ clock, random }, new AbortController().signal),
    onError: (error) => void told.push(error),
    confirm: () => Promise.resolve(),
    onStranger: ({ message }) => Promise.resolve(void strangers.push(message)),
  });
  return { shard, clock, told, strangers, writer };
}

function recordOf(...keys: string[]): CopyRecord {
  return {
    from: { stream: "E", subjectTemplate: "e.{{.PartitionID}}" },
    ...{ shards: 1, term: 1, holder: "u", serial: 1, consumer: "c", upTo: keys.length, lasts: [0] },
    batch: keys.map((key, i) => ({ sequence: i + 1, key, headers: {}, data: new Uint8Array(1) })),
  };
}

Deno.test("what a server miscounts after its limits have refused a message is no stranger's doing", async () => {
  const { shard, clock, told, strangers, writer } = scene();
  shard.isOverLimit = true;
  const stored = writer.store(recordOf("a", "b"));
  stored.catch(() => {}); // it is awaited below
  await clock.advance(100);
  shard.isOverLimit = false;
  await clock.advance(60_000);
  assert.deepEqual([shard.stored, strangers], [[], []], "every try was refused");
  const isTold = (error: unknown) =>
    isPartiError(error, "PARTI_CONFLICT") && /refused again and again/.test(error.message);
  assert.equal(told.some(isTold), true, "and that is told");
  shard.restart();
  await clock.advance(10_000);
  await stored;
  assert.deepEqual([shard.stored, strangers], [["a", "b"], []]);
});

Deno.test("a message that was stored at the place of the one before it stops the copy", async () => {
  const { shard, clock, strangers, writer } = scene();
  shard.isOverLimit = true;
  shard.after = () => shard.isOverLimit = false;
  const stored = assert.rejects(writer.store(recordOf("a", "b")), { message: /nobody sent it/ });
  await clock.advance(60_000);
  await stored;
  assert.deepEqual([shard.stored, strangers.length], [["b"], 1]);
});

Deno.test("a shard that is drained as it fills up is filled without growing pauses", async () => {
  const { shard, clock, told, writer } = scene();
  shard.most = 2;
  let isStored = false;
  const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
  const storing = writer.store(recordOf(...keys)).then(() => isStored = true);
  const startMs = clock.monotonicMs();
  while (!isStored && clock.monotonicMs() - startMs < 100_000) {
    await clock.advance(10);
    shard.taken = shard.stored.length;
  }
  await storing;
  assert.deepEqual(shard.stored, keys);
  const tookMs = clock.monotonicMs() - startMs;
  assert.ok(tookMs < 3_000, `29 pauses of at most 50 ms took ${tookMs} ms`);
  assert.equal(told.length, 1, "that it is full is told once");
});
