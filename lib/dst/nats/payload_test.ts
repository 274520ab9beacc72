import assert from "node:assert/strict";
import { checkPayload, MAX_PAYLOAD_BYTES } from "./payload.ts";

Deno.test("a payload is copied, and refused where the server would not take it", () => {
  const mine = new Uint8Array([1, 2]);
  const copy = checkPayload(mine, "publish");
  mine[0] = 9;
  assert.deepEqual([...copy], [1, 2]);
  checkPayload(new Uint8Array(MAX_PAYLOAD_BYTES), "publish");
  const tooMuch = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
  assert.throws(() => checkPayload(tooMuch, "publish"), { code: "PARTI_TOO_LARGE" });
  // NATS/1.0, A: b, and the empty line after it, each with its end of line: 10 + 6 + 2 bytes.
  checkPayload(new Uint8Array(MAX_PAYLOAD_BYTES - 18), "publish", { A: "b" });
  const nearly = new Uint8Array(MAX_PAYLOAD_BYTES - 17);
  assert.throws(() => checkPayload(nearly, "publish", { A: "b" }), { code: "PARTI_TOO_LARGE" });
});
