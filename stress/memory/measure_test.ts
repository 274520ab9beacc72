import assert from "node:assert/strict";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { measureMemory } from "./measure.ts";

Deno.test("memory: planted: a message that is lost under the load is told", async () => {
  await using server = await launchNats({ monitorPort: true });
  const { problems } = await measureMemory({ loads: "group", workers: 1, partitions: 4 }, {
    ...{ url: server.url, monitorUrl: `http://127.0.0.1:${server.monitorPort}` },
    ...{ serverPid: server.pid, quick: true, seed: 1, repetition: 0, durationMs: undefined },
    ...{ fault: "loss", progress: () => {} },
  }, 300);
  const lost = problems!.filter((what) => / messages were handled and 0 are left/.test(what));
  assert.equal(lost.length, 1, JSON.stringify(problems));
});
