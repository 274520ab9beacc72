import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { serverSkew } from "./server_clock.ts";

Deno.test("server clock: a server of this machine has its clock", async () => {
  await using server = await launchNats();
  const nc = await connectNats({ servers: server.url });
  const common = { storage: "memory", replicas: 1, retention: "limits" } as const;
  await natsWorld(nc).feed.ensureStream("S", { ...common, subjects: ["s"] });
  const { offsetMs, errorMs } = await serverSkew(nc, "S");
  await nc.close();
  assert.ok(Math.abs(offsetMs) <= errorMs + 2, `${offsetMs} ±${errorMs}`);
});

/** A server whose clock is ahead, and which takes a while to answer. */
function ahead(byMs: number, tookMs: readonly number[]) {
  const took = [...tookMs];
  return {
    request: async () => {
      const ms = took.shift()!;
      const ts = new Date(Date.now() + byMs).toISOString();
      await new Promise((resolve) => setTimeout(resolve, ms));
      return { json: () => ({ ts }) };
    },
  };
}

Deno.test("server clock: planted: one that is ahead is told by how much, from the quickest answer", async () => {
  const { offsetMs, errorMs } = await serverSkew(ahead(5_000, [80, 0, 80, 80, 80]) as never, "S");
  assert.ok(Math.abs(offsetMs - 5_000) <= errorMs + 1, `${offsetMs} ±${errorMs}`);
  assert.ok(errorMs < 40, String(errorMs));
});

Deno.test("server clock: a server that does not say what time it has is refused", async () => {
  const silent = { request: () => Promise.resolve({ json: () => ({}) }) };
  await assert.rejects(serverSkew(silent as never, "S"), (error) => {
    return isPartiError(error, "PARTI_REFUSED");
  });
});
