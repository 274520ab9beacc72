import assert from "node:assert/strict";
import { messageSizeOf } from "./message_size.ts";

Deno.test("a message counts with all that is written beside it, headers as they are on the wire", () => {
  const data = new Uint8Array(10);
  assert.equal(messageSizeOf("feed.1", data, {}, "file"), 46);
  assert.equal(messageSizeOf("feed.1", data, {}, "memory"), 32);
  // NATS/1.0, A: ü, and the empty line after it, each with its end of line: 10 + 7 + 2 bytes.
  assert.equal(messageSizeOf("feed.1", data, { A: "ü" }, "file"), 46 + 4 + 19);
  assert.equal(messageSizeOf("feed.1", data, { A: "ü" }, "memory"), 32 + 19);
  assert.equal(messageSizeOf("ü", new Uint8Array(0), {}, "memory"), 18);
});
