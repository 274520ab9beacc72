import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { bytes, FEED } from "../contract/helpers_test.ts";
import { publishAgain } from "../publish_again.ts";
import { connectNats } from "./connect.ts";
import { launchTestServer, testServers } from "./rig_test.ts";
import { natsWorld } from "./world.ts";

/** As of an account that one pays for. */
const ACCOUNT = `accounts { A {
  users: [{ user: a, password: a }], jetstream { max_mem: 1MB, max_file: 1MB, max_consumers: 50 }
} }
no_auth_user: a
`;

for (const server of testServers()) {
  Deno.test(`${server.label}: an account with bounds of its own has streams and buckets, and is full only for now`, async () => {
    await using nats = await launchTestServer(server, ACCOUNT);
    const nc = await connectNats({ servers: nats.url });
    try {
      const world = natsWorld(nc);
      const { feed, kv } = world;
      const bucket = await kv.open("b", { ttlMs: 0, replicas: 1, storage: "file" });
      await bucket.create("k", bytes("1"));
      await feed.ensureStream("S", { ...FEED, storage: "memory" });
      const fill = async (): Promise<never> => {
        for (;;) await feed.publish("feed.a", new Uint8Array(100_000));
      };
      await assert.rejects(fill, (error) => {
        assert.ok(isPartiError(error, "PARTI_UNAVAILABLE"), String(error));
        assert.match(error.hint!, /max_bytes/);
        return true;
      });
      const publisher = publishAgain(world);
      const stored = publisher.publish("feed.b", new Uint8Array(100_000), { messageId: "1" });
      await feed.destroyStream("S");
      await feed.ensureStream("S", { ...FEED, storage: "memory" });
      await stored;
    } finally {
      await nc.close();
    }
  });
}
