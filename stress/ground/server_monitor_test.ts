import assert from "node:assert/strict";
import { connectNats } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { cpuMsOf, ServerMonitor, workBetween } from "./server_monitor.ts";

Deno.test("server monitor: processor time is found whatever the program is called", () => {
  const rest = "S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
  assert.equal(cpuMsOf(`42 (nats-server) ${rest}`), 3_000);
  assert.equal(cpuMsOf(`42 (a) b (c 9 9) ${rest}`), 3_000);
});

Deno.test("server monitor: what a server did is the difference of two looks, in and out together", () => {
  const before = {
    ...{ atMs: 100, inMessages: 1, outMessages: 2, inBytes: 10, outBytes: 20 },
    ...{ rssBytes: 5, cpuMs: 30 },
  };
  const after = {
    ...{ atMs: 1_100, inMessages: 11, outMessages: 22, inBytes: 110, outBytes: 220 },
    ...{ rssBytes: 6, cpuMs: 80 },
  };
  const work = { durationMs: 1_000, messages: 30, bytes: 300, cpuMs: 50 };
  assert.deepEqual(workBetween(before, after), work);
  assert.equal(workBetween({ ...before, cpuMs: undefined }, after).cpuMs, undefined);
});

Deno.test("server monitor: a real server counts our messages, subscriptions and consumers", async () => {
  await using server = await launchNats({ monitorPort: true });
  const monitor = new ServerMonitor(`http://127.0.0.1:${server.monitorPort}`, server.pid);
  const empty = await monitor.handles();
  assert.equal(empty.connections, 0);
  assert.equal(empty.consumers, 0);
  const nc = await connectNats({ servers: server.url });
  try {
    const { subscriptions: before } = await monitor.handles();
    nc.subscribe("stress.a", { callback: () => {} });
    nc.subscribe("stress.b", { callback: () => {} });
    await nc.flush();
    const { connections, subscriptions } = await monitor.handles();
    assert.equal(connections, 1);
    assert.equal(subscriptions - before, 2);
    const { messages, bytes } = await monitor.during(async () => {
      for (let n = 0; n < 50; n++) nc.publish("stress.a", new Uint8Array(10));
      await nc.flush();
    });
    assert.equal(messages, 100, "50 in and 50 out");
    assert.equal(bytes, 1_000);
  } finally {
    await nc.close();
  }
});
