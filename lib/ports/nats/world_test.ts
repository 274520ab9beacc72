import assert from "node:assert/strict";
import { FakeConnection } from "./fake_connection_test.ts";
import { linkOf } from "./link.ts";
import { natsWorld } from "./world.ts";

const LANE = {
  name: "lane",
  filterSubjects: ["feed.a"],
  ackWaitMs: 1_000,
  maxAckPending: 1,
  inactiveThresholdMs: 1_000,
  metadata: {},
};

/** None of these calls may outlast the time that the world was given. */
async function allTimeOut(calls: Readonly<Record<string, Promise<unknown>>>): Promise<void> {
  const checks = Object.entries(calls).map(([name, call]) =>
    assert.rejects(call, /within 20 ms/, name)
  );
  await Promise.all(checks);
}

Deno.test("every call to a bucket, a stream or a consumer ends after the time the world was given", async () => {
  const server = new FakeConnection();
  const { feed, kv } = natsWorld(server.nc, { timeoutMs: 20 });
  const data = new Uint8Array();
  const calls = {
    open: kv.open("b", { ttlMs: 0, replicas: 1, storage: "memory" }),
    identify: kv.identify("b"),
    destroy: kv.destroy("b"),
    create: feed.createConsumer("feed", LANE),
    shrink: feed.shrinkConsumer("feed", LANE, ["feed.a"]),
    delete: feed.deleteConsumer("feed", "lane"),
    info: feed.consumerInfo("feed", "lane"),
    list: feed.listConsumers("feed"),
    stream: feed.streamInfo("feed"),
    last: feed.lastMessage("feed", "feed.a"),
    publish: feed.publish("feed.a", data),
  };
  await allTimeOut(calls);
  await server.close();
});

Deno.test("a bucket's reads, writes, listings and watches end after it too", async () => {
  const server = new FakeConnection();
  const { kv } = natsWorld(server.nc, { timeoutMs: 20 });
  const opening = kv.open("b", { ttlMs: 0, replicas: 1, storage: "memory" });
  await new Promise((resolve) => setTimeout(resolve, 0));
  const info = { config: { name: "KV_b", num_replicas: 1, storage: "memory", max_age: 0 } };
  server.deliver(server.published[0]!.reply, {
    data: new TextEncoder().encode(JSON.stringify(info)),
  });
  const bucket = await opening;
  const handler = { onEntry: () => {}, onLost: () => {} };
  const calls = {
    get: bucket.get("k"),
    put: bucket.put("k", new Uint8Array()),
    erase: bucket.erase("k"),
    list: bucket.list(">"),
    watch: bucket.watch(">", handler),
  };
  await allTimeOut(calls);
  await server.close();
});

Deno.test("a world waits five seconds unless told otherwise, and refuses to wait for nothing", async () => {
  const server = new FakeConnection();
  natsWorld(server.nc);
  assert.equal(linkOf(server.nc).timeoutMs, 5_000);
  for (const timeoutMs of [0, -1, NaN, Infinity]) {
    assert.throws(() => natsWorld(server.nc, { timeoutMs }), { code: "PARTI_INVALID_CONFIG" });
  }
  await server.close();
});

Deno.test("a world refuses pulls that no server serves, and asks for signs of life in the time there is", async () => {
  const server = new FakeConnection();
  const impossible = [
    { expiresMs: 1_000, heartbeatMs: 501 },
    { heartbeatMs: 15_001 },
    { heartbeatMs: 0 },
    { expiresMs: NaN },
  ];
  for (const pull of impossible) {
    for (const options of [{ feed: { pull } }, { kv: { pull } }]) {
      assert.throws(() => natsWorld(server.nc, options), { code: "PARTI_INVALID_CONFIG" });
    }
  }
  const { feed } = natsWorld(server.nc, { feed: { pull: { expiresMs: 4_000 } } });
  const handler = { onMessage() {}, onLost() {}, onPermission() {} };
  const pull = feed.pull("S", "l", handler);
  pull.request(1);
  const asked = JSON.parse(server.published.at(-1)!.text);
  assert.deepEqual([asked.expires, asked.idle_heartbeat], [4e9, 2e9]);
  pull.close();
  await server.close();
});

Deno.test("a connection over which workers would not hear each other is refused", async () => {
  const server = new FakeConnection();
  const nc = Object.assign(server.nc, { options: { noEcho: true } });
  assert.throws(() => natsWorld(nc), { code: "PARTI_INVALID_CONFIG", message: /noEcho/ });
  await server.close();
});
