import assert from "node:assert/strict";
import fc from "fast-check";
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

Deno.test("whatever numbers there are, they are read as numbers are", () => {
  const whole = fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
  const time = fc.bigInt({ min: 0n, max: 9_000_000_000_000_000_000n });
  const heads = fc.constantFrom("S.c", "_.hash.S.c", "domain.hash.S.c");
  fc.assert(fc.property(heads, whole, whole, whole, time, whole, (head, a, b, c, at, pending) => {
    const reply = `$JS.ACK.${head}.${a}.${b}.${c}.${at}.${pending}`;
    assert.deepEqual(parseAckSubject(reply), {
      deliveryCount: a,
      streamSequence: b,
      deliverySequence: c,
      storedAtMs: Number(at) / 1e6,
      pending,
    });
  }));
});

Deno.test("what is no ack subject is refused", () => {
  for (const reply of ["", "_INBOX.a.b", "$JS.ACK.S.c.1.2.3.4", "$JS.ACK.S.c.1.2.3.4.5.6"]) {
    assert.throws(() => parseAckSubject(reply), { code: "PARTI_REFUSED", value: reply });
  }
});
