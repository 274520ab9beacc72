import assert from "node:assert/strict";
import { encodeJson } from "../codec.ts";
import type { KvEntry } from "../ports/kv.ts";
import { EntryReader } from "./entry_reader.ts";

const entry = (key: string, says: unknown, revision: number): KvEntry => ({
  key,
  value: says === undefined ? new Uint8Array(0) : encodeJson(says),
  revision,
  operation: says === undefined ? "removed" : "put",
});

Deno.test("an entry is decoded once for as long as its key says the same", () => {
  const decoded: string[] = [];
  const reader = new EntryReader(({ key, revision }) => {
    decoded.push(`${key}@${revision}`);
    return { revision };
  });
  const first = reader.read(entry("a", "x", 1));
  assert.equal(reader.read(entry("a", "x", 2)), first, "the very same object");
  assert.notEqual(reader.read(entry("b", "x", 3)), first, "each key for itself");
  assert.equal(reader.read(entry("a", "x", 4)), first);
  assert.notEqual(reader.read(entry("a", "y", 5)), first);
  assert.deepEqual(decoded, ["a@1", "b@3", "a@5"]);
});

Deno.test("a removal is not taken for a value without bytes, and what comes after it is decoded anew", () => {
  const reader = new EntryReader(({ operation, revision }) =>
    operation === "put" ? { revision } : undefined
  );
  const empty: KvEntry = { key: "a", value: new Uint8Array(0), revision: 1, operation: "put" };
  assert.deepEqual(reader.read(empty), { revision: 1 });
  assert.equal(reader.read(entry("a", undefined, 2)), undefined);
  assert.equal(reader.read(entry("a", undefined, 3)), undefined);
  assert.deepEqual(reader.read({ ...empty, revision: 4 }), { revision: 4 });
});
