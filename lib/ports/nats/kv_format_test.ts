import assert from "node:assert/strict";
import { checkKey, checkPattern, entryOf, streamOf } from "./kv_format.ts";

Deno.test("keys, patterns and bucket names are checked", () => {
  for (const key of ["a", "a.b.c", "worker.12", "a/b=c-d_e"]) assert.equal(checkKey(key), key);
  for (const key of ["", ".", "a.", ".a", "a..b", "a b", "a*", "*", ">", "a.>"]) {
    assert.throws(() => checkKey(key), { code: "PARTI_REFUSED", value: key });
  }
  for (const pattern of [">", "*", "a.*", "*.b", "a.>", "a.*.c"]) {
    assert.equal(checkPattern(pattern), pattern);
  }
  for (const pattern of ["", "a>", ">.a", "a..*", "a.", "a*"]) {
    assert.throws(() => checkPattern(pattern), { code: "PARTI_REFUSED" });
  }
  assert.equal(streamOf("parti-g_1"), "KV_parti-g_1");
  for (const name of ["", "a.b", "a b", "ä"]) {
    assert.throws(() => streamOf(name), { code: "PARTI_REFUSED" });
  }
});

Deno.test("an entry is a copy, and every kind of removal is one", () => {
  const make = (headers: Record<string, string>) => ({
    subject: "$KV.b.k.1",
    data: new Uint8Array([1, 2]),
    header: (name: string) => headers[name],
  });
  const raw = make({});
  const entry = entryOf("$KV.b.", raw, 7);
  assert.deepEqual(entry, {
    key: "k.1",
    value: new Uint8Array([1, 2]),
    revision: 7,
    operation: "put",
  });
  assert.notEqual(entry.value.buffer, raw.data.buffer);
  for (
    const headers of [
      { "KV-Operation": "DEL" },
      { "KV-Operation": "PURGE" },
      { "Nats-Marker-Reason": "MaxAge" },
      { "Nats-Marker-Reason": "Purge" },
    ]
  ) {
    const removed = entryOf("$KV.b.", make(headers), 8);
    assert.equal(removed.operation, "removed");
    assert.equal(removed.value.length, 0);
  }
});
