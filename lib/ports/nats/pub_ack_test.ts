import assert from "node:assert/strict";
import fc from "fast-check";
import { readPubAck } from "./pub_ack.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

Deno.test("an answer is read as JSON would be, whatever else is in it", () => {
  const answers = fc.record({
    stream: fc.string({ unit: "grapheme" }),
    domain: fc.option(fc.string(), { nil: undefined }),
    seq: fc.oneof(fc.nat(), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    duplicate: fc.option(fc.boolean(), { nil: undefined }),
  });
  fc.assert(fc.property(answers, fc.boolean(), (answer, spaced) => {
    const text = JSON.stringify(answer);
    const data = new TextEncoder().encode(spaced ? text.replace('","seq', '", "seq') : text);
    assert.deepEqual(readPubAck(data, "s"), {
      sequence: answer.seq,
      duplicate: answer.duplicate === true,
    });
  }));
});

Deno.test("a name that looks like the end of an answer does not pass for it", () => {
  const stream = '","seq":7}';
  assert.deepEqual(readPubAck(bytes({ stream, seq: 12 }), "s"), { sequence: 12, duplicate: false });
  // The quotation mark of the name is escaped, so these are no digits behind a key.
  assert.throws(() => readPubAck(bytes({ stream: `x${stream}` }), "s"), { code: "PARTI_REFUSED" });
  assert.throws(() => readPubAck(bytes({ stream: '","seq":7' }), "s"), { code: "PARTI_REFUSED" });
});

Deno.test("what a stream refuses is an error, and so is what no stream says", () => {
  const refused = (answer: unknown, code: string) =>
    assert.throws(() => readPubAck(bytes(answer), "s"), { code });
  refused(
    { error: { code: 400, err_code: 10071, description: "wrong last" }, stream: "S", seq: 0 },
    "PARTI_CONFLICT",
  );
  refused({ stream: "S" }, "PARTI_REFUSED");
  refused({ stream: "S", seq: "7" }, "PARTI_REFUSED");
  refused({}, "PARTI_REFUSED");
  for (const text of ["", "}", '"seq":1}', '{"stream":"', "no JSON"]) {
    assert.throws(
      () => readPubAck(new TextEncoder().encode(text), "s"),
      { code: "PARTI_REFUSED" },
      text,
    );
  }
});
