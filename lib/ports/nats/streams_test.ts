import assert from "node:assert/strict";
import { launchNats } from "../../../tasks/nats_launcher.ts";
import { isPartiError } from "../../errors.ts";
import { bytes, FEED, lane, pullLog, until, watchLog } from "../contract/helpers_test.ts";
import { publishAgain } from "../publish_again.ts";
import { connectNats } from "./connect.ts";
import { testServers } from "./rig_test.ts";
import { natsWorld } from "./world.ts";

/** As on a server of somebody else, for an account that one pays for. */
const bounded = (storeDir: string): string => `
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  limits { max_request_batch: 10, duplicate_window: 30s }
}
accounts { A {
  users: [{ user: a, password: a }], jetstream { max_mem: 1MB, max_file: 1MB, max_consumers: 50 }
} }
no_auth_user: a
`;

for (const { label, binary } of testServers()) {
  Deno.test(`${label}: where all is bounded there are streams and buckets, they are read, and full only for now`, async () => {
    const storeDir = await Deno.makeTempDir({ prefix: "parti-bounded-" });
    const server = binary === undefined ? {} : { binary };
    const nats = await launchNats({ ...server, storeDir, extraConfig: bounded(storeDir) });
    const nc = await connectNats({ servers: nats.url });
    try {
      const world = natsWorld(nc);
      const { clock, feed, kv } = world;
      const bucket = await kv.open("b", { ttlMs: 0, replicas: 1, storage: "file" });
      for (const i of [1, 2, 3]) await bucket.create(`k${i}`, bytes("1"));
      const watch = await watchLog(bucket, ">");
      await until(clock, "the watch", () => watch.initializedAt === 3);
      await watch.watch.close();
      await feed.ensureStream("S", { ...FEED, storage: "memory" });
      await feed.createConsumer("S", lane("l", ["feed.a"]));
      const log = pullLog(feed, "S", "l", 100);
      await feed.publish("feed.a", bytes("1"));
      await until(clock, "the message", () => log.messages.length === 1);
      log.pull.close();
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
      await nats.stop();
      await Deno.remove(storeDir, { recursive: true });
    }
  });
}
