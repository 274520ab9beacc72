import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { launchNats } from "../../../tasks/nats_launcher.ts";
import { until } from "../../../tasks/until.ts";
import type { World } from "../world.ts";
import { connectNats } from "./connect.ts";
import { launchTestServer, testServers } from "./rig_test.ts";
import { natsWorld } from "./world.ts";

const BUCKET = "parti-g-leases";
const OPTIONS = { ttlMs: 0, replicas: 1, storage: "memory" } as const;

/** Somebody who listens on a subject, over a connection of its own. */
async function listener(url: string, subject: string) {
  const nc = await connectNats({ servers: url });
  const { messaging } = natsWorld(nc);
  const heard: string[] = [];
  const listen = () => messaging.subscribe(subject, (notice) => heard.push(notice.subject));
  const subscription = listen();
  await messaging.flush(2_000);
  return { nc, messaging, heard, listen, subscription };
}

function watch(world: World) {
  const gone: string[] = [];
  const errors: unknown[] = [];
  const departures = world.departures!.watch(
    BUCKET,
    (subject) => gone.push(subject),
    (error) => errors.push(error),
  );
  return { gone, errors, departures };
}

/** Waits until the server watches over so many. */
async function watched(world: World, count: number): Promise<void> {
  const there = async () =>
    (await world.feed.listConsumers(`KV_${BUCKET}`)).filter(({ name }) =>
      name.startsWith("parti_there_")
    ).length === count;
  await until(`the server watches over ${count}`, there);
}

for (const server of testServers()) {
  Deno.test(`${server.label}: whoever goes is told soon, and nobody else`, async () => {
    await using nats = await launchTestServer(server);
    const own = await connectNats({ servers: nats.url });
    const world = natsWorld(own);
    const bucket = await world.kv.open(BUCKET, OPTIONS);
    const a = await listener(nats.url, "probe.a"), b = await listener(nats.url, "probe.b");
    const { gone, errors, departures } = watch(world);
    departures.expect(["probe.a", "probe.b"]);
    await watched(world, 2);
    await bucket.create("worker.1", new Uint8Array(3));
    assert.deepEqual([gone, a.heard, b.heard], [[], [], []]);
    const startedAtMs = performance.now();
    await a.nc.close();
    await until("it is told", () => gone.length > 0);
    assert.ok(performance.now() - startedAtMs < 2_000);
    assert.deepEqual([gone, errors], [["probe.a"], []]);
    departures.close();
    await b.nc.close();
    await watched(world, 0);
    assert.deepEqual(gone, ["probe.a"], "closed is closed");
    await own.close();
  });

  Deno.test(`${server.label}: whoever comes back is watched over again`, async () => {
    await using nats = await launchTestServer(server);
    const own = await connectNats({ servers: nats.url });
    const world = natsWorld(own);
    await world.kv.open(BUCKET, OPTIONS);
    const a = await listener(nats.url, "probe.a");
    const { gone, departures } = watch(world);
    for (let round = 1; round <= 3; round++) {
      departures.expect(["probe.a"]);
      await watched(world, 1);
      departures.expect(["probe.a"]);
      if (round === 1) a.subscription.close();
      else await a.nc.reconnect();
      await until("it is told", () => gone.length === round);
      if (round === 1) a.listen();
      await a.messaging.flush(2_000).catch(() => {});
      await until("it is back", () => a.messaging.connected);
    }
    departures.close();
    await a.nc.close();
    await own.close();
  });

  Deno.test(`${server.label}: over whom two watch is told to both, and over whom nobody wants to know to none`, async () => {
    await using nats = await launchTestServer(server);
    const own = await connectNats({ servers: nats.url });
    const world = natsWorld(own);
    await world.kv.open(BUCKET, OPTIONS);
    const a = await listener(nats.url, "probe.a"), b = await listener(nats.url, "probe.b");
    const one = watch(world), other = watch(world);
    one.departures.expect(["probe.a", "probe.b"]);
    await watched(world, 2);
    other.departures.expect(["probe.a"]);
    one.departures.expect(["probe.a"]);
    await world.messaging.flush(2_000);
    await world.feed.listConsumers(`KV_${BUCKET}`);
    await b.nc.close();
    await watched(world, 1);
    await a.nc.close();
    await until("both know", () => one.gone.length > 0 && other.gone.length > 0);
    assert.deepEqual([one.gone, other.gone], [["probe.a"], ["probe.a"]]);
    one.departures.close();
    other.departures.close();
    await own.close();
  });

  Deno.test(`${server.label}: after a restart of the server all are watched over again`, async () => {
    await using nats = await launchTestServer(server);
    const own = await connectNats({ servers: nats.url });
    const world = natsWorld(own);
    await world.kv.open(BUCKET, { ...OPTIONS, storage: "file" });
    const a = await listener(nats.url, "probe.a");
    const { gone, departures } = watch(world);
    departures.expect(["probe.a"]);
    await watched(world, 1);
    await nats.kill();
    await nats.restart();
    const isBack = () => world.messaging.connected && a.messaging.connected;
    await until("both are connected", isBack, 20_000);
    await a.messaging.flush(2_000);
    const told = gone.length;
    departures.expect(["probe.a"]);
    await watched(world, 1);
    await a.nc.close();
    await until("it is told", () => gone.length > told);
    departures.close();
    await own.close();
  });
}

Deno.test("who may not watch like this is told once, and there are no hints", async () => {
  await using nats = await launchNats({
    extraConfig: `accounts { A { jetstream: enabled, users: [
      { user: admin, password: x },
      { user: deaf, password: x, permissions: { subscribe: ["_INBOX.>"] } },
      { user: dumb, password: x, permissions: { publish: { deny: ["$JS.API.CONSUMER.CREATE.>"] } } },
    ] } }`,
  });
  const admin = await connectNats({ servers: nats.url, user: "admin", pass: "x" });
  await natsWorld(admin).kv.open(BUCKET, OPTIONS);
  for (const user of ["deaf", "dumb"]) {
    const nc = await connectNats({ servers: nats.url, user, pass: "x" });
    const { errors, gone, departures } = watch(natsWorld(nc));
    departures.expect(["probe.a", "probe.b"]);
    await until(`${user} is told`, () => errors.length > 0);
    departures.expect(["probe.a", "probe.b"]);
    await natsWorld(nc).messaging.flush(2_000);
    assert.equal(errors.length, 1);
    assert.ok(isPartiError(errors[0], "PARTI_REFUSED"), String(errors[0]));
    assert.deepEqual(gone, []);
    departures.close();
    await nc.close();
  }
  await admin.close();
});
