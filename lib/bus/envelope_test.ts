import assert from "node:assert/strict";
import { type Call, decodeEnvelope, encodeEnvelope, type Envelope } from "./envelope.ts";

const CALL: Call = {
  ...{ kind: "request", id: "n_1:1", from: "n_1", to: "echo", method: "add" },
  ...{ leftMs: 12.5, hops: 1, key: "k", trace: "00-abc", placed: true },
  payload: new Uint8Array([0, 10, 255]),
};

Deno.test("envelope: what is written is read", () => {
  const envelopes: Envelope[] = [
    CALL,
    { ...CALL, kind: "oneway", payload: new Uint8Array() },
    { kind: "answer", id: "n_1:1", at: "n_2", status: "done", hops: 0, payload: CALL.payload },
    {
      ...{ kind: "answer", id: "n_1:1", at: "n_2", status: "refused", reason: "late" },
      ...{ hops: 2, payload: new Uint8Array() },
    },
  ];
  for (const envelope of envelopes) {
    const read = decodeEnvelope(encodeEnvelope(envelope));
    assert.deepEqual({ ...read, payload: [...read!.payload] }, {
      ...envelope,
      payload: [...envelope.payload],
    });
  }
});

Deno.test("envelope: a newline in a payload or a name ends nothing", () => {
  const read = decodeEnvelope(encodeEnvelope({ ...CALL, method: "a\nb", payload: CALL.payload }));
  assert.equal((read as Call).method, "a\nb");
  assert.deepEqual([...read!.payload], [0, 10, 255]);
});

Deno.test("envelope: what is none is not taken for one", () => {
  const encoder = new TextEncoder();
  const texts = ["", "{}", "{}\n", "[]\n", "null\n", "\n", '{"kind":"request"}\n', "{kind:1}\n"];
  for (const text of texts) assert.equal(decodeEnvelope(encoder.encode(text)), undefined, text);
  const { payload: _, ...head } = CALL;
  const wrong = [{ ...head, hops: -1 }, { ...head, hops: "0" }, { ...head, kind: "shout" }];
  for (const line of wrong) {
    assert.equal(decodeEnvelope(encoder.encode(`${JSON.stringify(line)}\n`)), undefined);
  }
  assert.equal(decodeEnvelope(new Uint8Array([255, 254, 10])), undefined);
});
