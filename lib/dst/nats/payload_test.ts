import assert from "node:assert/strict";
import { checkPayload, MAX_PAYLOAD_BYTES } from "./payload.ts";

Deno.test("a payload is copied, and refused where the server would not take it", () => {
  const mine = new Uint8Array([1, 2]);
  const copy = checkPayload(mine, "publish");
  mine[0] = 9;
  assert.deepEqual([...copy], [1, 2]);
  checkPayload(new Uint8Array(MAX_PAYLOAD_BYTES), "publish");
  const tooMuch = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
  assert.throws(() => checkPayload(tooMuch, "publish"), { code: "PARTI_REFUSED" });
});
