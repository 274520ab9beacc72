import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { decodeMessage, encodeMessage, nowUs, type SimMessage } from "./message.ts";

const message: SimMessage = {
  partitionId: 42,
  producerId: "producer-0",
  partitionSequence: 1234,
  producerSequence: 5678,
  timestampUs: 1_699_012_345_678_900,
  weight: 100,
};

Deno.test("the JSON is the seeds'", () => {
  assert.equal(
    new TextDecoder().decode(encodeMessage(message)),
    '{"partition_id":42,"producer_id":"producer-0","partition_sequence":1234,' +
      '"producer_sequence":5678,"timestamp":1699012345678900,"weight":100}',
  );
  assert.deepEqual(decodeMessage(encodeMessage(message)), message);
});

Deno.test("a message with a wrong field is refused", () => {
  const wrong: [keyof SimMessage, unknown][] = [
    ["partitionId", -1],
    ["partitionSequence", 0],
    ["producerSequence", 1.5],
    ["producerId", ""],
    ["timestampUs", "now"],
    ["weight", null],
  ];
  for (const [key, value] of wrong) {
    const data = encodeMessage({ ...message, [key]: value } as SimMessage);
    assert.throws(() => decodeMessage(data), (error) => isPartiError(error, "PARTI_INVARIANT"));
  }
  for (
    const data of [new Uint8Array([0xff, 0xfe]), new TextEncoder().encode("{"), new Uint8Array()]
  ) {
    assert.throws(() => decodeMessage(data), (error) => isPartiError(error, "PARTI_INVARIANT"));
  }
});

Deno.test("the clock is the wall clock with microseconds", () => {
  const before = Date.now();
  const us = nowUs();
  assert.ok(Number.isSafeInteger(us));
  assert.ok(Math.abs(us / 1_000 - before) < 1_000, `${us} against ${before}`);
});
