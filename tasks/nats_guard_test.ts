import assert from "node:assert/strict";
import { Guard } from "./nats_guard.ts";

Deno.test("a command that ends before its watcher has begun is seen to end", async () => {
  // A watcher that could not be told to go kept its guard waiting for ever, now and then.
  for (let round = 0; round < 3; round++) {
    const codes = await Promise.all(Array.from({ length: 20 }, async () => {
      const guard = await Guard.start({ command: ["true"], outputFile: "/dev/null" });
      const code = await guard.exited;
      await guard.close();
      return code;
    }));
    assert.deepEqual(new Set(codes), new Set([0]));
  }
});
