import assert from "node:assert/strict";
import { encodeJson } from "../codec.ts";
import type { KvEntry } from "../ports/kv.ts";
import { decodeWorkerRecord, encodeWorkerRecord, type WorkerRecord } from "./worker_lease.ts";

const RECORD: WorkerRecord = {
  worker: "worker-3",
  instance: "0190-abc",
  host: "a1",
  capacity: 2.5,
  labels: { zone: "b" },
  leaving: true,
  applied: 17,
  ttlMs: 6_000,
};

function entry(value: Uint8Array, operation: KvEntry["operation"] = "put"): KvEntry {
  return { key: "worker.3", revision: 1, value, operation };
}

Deno.test("a record comes back as it was written", () => {
  assert.deepEqual(decodeWorkerRecord(entry(encodeWorkerRecord(RECORD))), RECORD);
});

Deno.test("what is not a record of this version is none", () => {
  const wrong: unknown[] = [
    "text",
    [],
    null,
    { ...RECORD },
    { v: 2, ...RECORD },
    { v: 1, worker: "w" },
    { v: 1, worker: "", instance: "i" },
    { v: 1, worker: "w", instance: "" },
    { v: 1, worker: 3, instance: "i" },
  ];
  for (const value of wrong) {
    assert.equal(decodeWorkerRecord(entry(encodeJson(value))), undefined, JSON.stringify(value));
  }
  assert.equal(decodeWorkerRecord(entry(new Uint8Array([0xff]))), undefined);
  assert.equal(decodeWorkerRecord(entry(encodeWorkerRecord(RECORD), "removed")), undefined);
});

Deno.test("fields of the wrong kind get values a strategy can work with", () => {
  const raw = {
    v: 1,
    worker: "w",
    instance: "i",
    host: 5,
    capacity: -1,
    labels: { zone: "a", rack: 7 },
    leaving: "yes",
    applied: "x",
    ttlMs: -1,
  };
  assert.deepEqual(decodeWorkerRecord(entry(encodeJson(raw))), {
    worker: "w",
    instance: "i",
    host: "",
    capacity: 1,
    labels: { zone: "a" },
    leaving: false,
    applied: 0,
  });
  const none = decodeWorkerRecord(entry(encodeJson({ v: 1, worker: "w", instance: "i" })));
  assert.deepEqual(none?.labels, {});
});
