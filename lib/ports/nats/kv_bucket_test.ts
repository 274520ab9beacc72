import assert from "node:assert/strict";
import { FakeConnection } from "./fake_connection_test.ts";
import { NatsKvBucket } from "./kv_bucket.ts";
import { linkOf } from "./link.ts";
import { Publisher } from "./publisher.ts";
import { DEFAULT_PULL_OPTIONS } from "./pull.ts";

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Opens a watch on a connection without a server, and returns how often the server was asked for signs of life, in milliseconds. */
async function heartbeatOf(wantedMs: number | undefined): Promise<number> {
  const server = new FakeConnection();
  const pull = { ...DEFAULT_PULL_OPTIONS, expiresMs: 30_000, heartbeatMs: 1_000 };
  const link = linkOf(server.nc);
  const bucket = new NatsKvBucket(link, new Publisher(link), "b", { timeoutMs: 1_000, pull });
  const handler = { onEntry() {}, onLost() {} };
  const options = wantedMs === undefined ? {} : { heartbeatMs: wantedMs };
  const opening = bucket.watch("k", handler, options);
  const answer = async (index: number, body: unknown) => {
    await settle();
    const data = new TextEncoder().encode(JSON.stringify(body));
    server.deliver(server.published[index]!.reply, { data });
    await settle();
  };
  await answer(0, { created: "now", state: { last_seq: 0 } });
  await answer(1, { num_pending: 0 });
  const watch = await opening;
  const asked = server.published.find(({ subject }) => subject.includes("MSG.NEXT"))!;
  await watch.close();
  await server.close();
  return JSON.parse(asked.text).idle_heartbeat / 1e6;
}

Deno.test("a watch asks for signs of life as often as it is told, and not less often than the server can do", async () => {
  assert.equal(await heartbeatOf(undefined), 1_000);
  assert.equal(await heartbeatOf(5_000), 5_000);
  assert.equal(await heartbeatOf(60_000), 15_000);
});
