import assert from "node:assert/strict";
import { encodeJson } from "../codec.ts";
import type { KvEntry } from "../ports/kv.ts";
import { decodeLeader, encodeLeader } from "./leader_record.ts";

function entry(value: Uint8Array, operation: KvEntry["operation"] = "put"): KvEntry {
  return { key: "leader", revision: 1, value, operation };
}

Deno.test("a leader comes back as it was written", () => {
  const leader = { worker: "worker-1", instance: "i1" };
  assert.deepEqual(decodeLeader(entry(encodeLeader(leader, 5_000))), leader);
});

Deno.test("a removal, or a value that names nobody, is no leader", () => {
  const leader = encodeLeader({ worker: "worker-1", instance: "i1" }, 5_000);
  assert.equal(decodeLeader(entry(leader, "removed")), undefined);
  for (const value of ["text", {}, { worker: "w" }, { worker: 1, instance: "i" }]) {
    assert.equal(decodeLeader(entry(encodeJson(value))), undefined);
  }
  assert.equal(decodeLeader(entry(new Uint8Array([0xff]))), undefined);
});

Deno.test("a leader of another version counts too", () => {
  const value = encodeJson({ v: 9, worker: "w", instance: "i", more: true });
  assert.deepEqual(decodeLeader(entry(value)), { worker: "w", instance: "i" });
});
