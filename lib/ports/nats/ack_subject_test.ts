import assert from "node:assert/strict";
import { parseAckSubject } from "./ack_subject.ts";

const EXPECTED = {
  deliveryCount: 2,
  streamSequence: 33,
  deliverySequence: 44,
  storedAtMs: 1_700_000_000_123.456,
  pending: 5,
};

Deno.test("both forms of ack subjects are read", () => {
  for (
    const reply of [
      "$JS.ACK.S.c.2.33.44.1700000000123456000.5",
      "$JS.ACK._.hash.S.c.2.33.44.1700000000123456000.5",
      "$JS.ACK.domain.hash.S.c.2.33.44.1700000000123456000.5.random",
    ]
  ) {
    const { storedAtMs, ...rest } = parseAckSubject(reply);
    const { storedAtMs: expectedMs, ...expected } = EXPECTED;
    assert.deepEqual(rest, expected);
    assert.ok(Math.abs(storedAtMs - expectedMs) < 0.001, String(storedAtMs));
  }
});

Deno.test("what is no ack subject is refused", () => {
  for (const reply of ["", "_INBOX.a.b", "$JS.ACK.S.c.1.2.3.4", "$JS.ACK.S.c.1.2.3.4.5.6"]) {
    assert.throws(() => parseAckSubject(reply), { code: "PARTI_REFUSED", value: reply });
  }
});
