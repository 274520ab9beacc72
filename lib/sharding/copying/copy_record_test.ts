import assert from "node:assert/strict";
import { shardOf } from "../shards.ts";
import { type CopyRecord, decodeRecord, encodeRecord, lastsAfter, slotsOf } from "./copy_record.ts";

const LAYOUT = { stream: "OUT", subjectTemplate: "out.{{.Shard}}.{{.PartitionID}}", shards: 3 };

function recordOf(changes: Partial<CopyRecord> = {}): CopyRecord {
  return {
    from: { stream: "IN", subjectTemplate: "in.{{.PartitionID}}" },
    ...{ shards: 3, term: 2, holder: "h", serial: 7, consumer: "c", upTo: 9 },
    lasts: [10, 20, 30],
    batch: [],
    ...changes,
  };
}

function batchOf(keys: readonly string[]): CopyRecord["batch"] {
  const encoder = new TextEncoder();
  return keys.map((key, i) => ({
    ...{ sequence: i + 1, key, data: encoder.encode(`ü${key}`) },
    headers: i % 2 === 0 ? {} : { "X-Ü": key },
  }));
}

Deno.test("a record comes back as it was written, payloads included", () => {
  for (const keys of [[], ["a"], ["a", "b.c", "ü", "a"]]) {
    const record = recordOf({ batch: batchOf(keys) });
    const bytes = encodeRecord(record);
    assert.deepEqual(decodeRecord(bytes), record);
    // As it comes from a connection: somewhere in a larger buffer.
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    assert.deepEqual(decodeRecord(shifted.subarray(3)), record);
  }
});

Deno.test("what is no record is refused", () => {
  const bytes = encodeRecord(recordOf({ batch: batchOf(["a", "b"]) }));
  const texts = ["", "abc", "\u0000\u0000\u0000\u0002{}", "\u0000\u0000\u0000\u0009nonsense!"];
  const others = texts.map((text) => new TextEncoder().encode(text));
  for (const bad of [...others, bytes.subarray(0, bytes.length - 1), bytes.subarray(0, 40)]) {
    assert.throws(() => decodeRecord(bad), { code: "PARTI_INVALID_CONFIG" });
  }
});

Deno.test("each message of a batch has its place behind those before it in its shard", () => {
  const keys = [...Array.from({ length: 30 }, (_, i) => `tenant-${i}`), "ü", "tenant-3"];
  const record = recordOf({ batch: batchOf(keys) });
  const slots = slotsOf(record, LAYOUT);
  const next = [10, 20, 30];
  for (const [i, slot] of slots.entries()) {
    const shard = shardOf(keys[i]!, 3);
    assert.deepEqual(
      { shard: slot.shard, after: slot.after, subject: slot.subject },
      { shard, after: next[shard], subject: `out.${shard}.${keys[i]}` },
    );
    next[shard]!++;
  }
  assert.deepEqual(lastsAfter(record), next);
  assert.ok(next.every((last, shard) => last > record.lasts[shard]!), "all shards are used");
});
