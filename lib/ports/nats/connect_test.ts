import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { launchNats } from "../../../tasks/nats_launcher.ts";
import { connectNats } from "./connect.ts";
import { natsMessaging } from "./messaging.ts";
import { launchTestServer, testServers } from "./rig_test.ts";
import { TestProxy } from "./tcp_proxy_test.ts";

/** Just enough of a server to tell its version. */
function serverOfVersion(version: string): { url: string; close: () => Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const talk = async (conn: Deno.Conn): Promise<void> => {
    open.add(conn);
    const info = { server_id: "x", version, proto: 1, go: "", host: "", port: 0, headers: true };
    await conn.write(
      new TextEncoder().encode(`INFO ${JSON.stringify({ ...info, max_payload: 1_000 })}\r\n`),
    );
    const buffer = new Uint8Array(4_096);
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      const text = new TextDecoder().decode(buffer.subarray(0, n));
      if (text.includes("PING")) await conn.write(new TextEncoder().encode("PONG\r\n"));
    }
    open.delete(conn);
    conn.close();
  };
  const serving = (async () => {
    const talks: Promise<void>[] = [];
    for await (const conn of listener) talks.push(talk(conn).catch(() => {}));
    await Promise.all(talks);
  })();
  return {
    url: `nats://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    close: async () => {
      listener.close();
      for (const conn of open) conn.close();
      await serving;
    },
  };
}

Deno.test("an unreachable server is said to be unreachable", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const servers = `nats://127.0.0.1:${port}`;
  await assert.rejects(connectNats({ port }), { message: RegExp(` 127.0.0.1:${port}:`) });
  await assert.rejects(
    connectNats({ servers }),
    (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, "PARTI_DISCONNECTED");
      assert.ok(error.message.includes(servers), error.message);
      assert.match(error.hint, /nats-server/);
      return true;
    },
  );
});

Deno.test("a server that is too old is refused with its version", async () => {
  const old = serverOfVersion("2.9.10");
  await assert.rejects(connectNats({ servers: old.url }), {
    code: "PARTI_SERVER_TOO_OLD",
    value: "2.9.10",
  });
  await old.close();
});

for (const server of testServers()) {
  const binary = server.binary === undefined ? {} : { binary: server.binary };

  Deno.test(`${server.label}: a server without JetStream is refused`, async () => {
    await using nats = await launchNats({ ...binary, jetstream: false });
    await assert.rejects(connectNats({ servers: nats.url }), {
      code: "PARTI_REFUSED",
      message: /JetStream is not enabled/,
    });
  });

  Deno.test(`${server.label}: an account without JetStream is refused`, async () => {
    await using nats = await launchTestServer(
      server,
      "accounts { A { users [ { user: a, password: a } ] } }",
    );
    await assert.rejects(connectNats({ servers: nats.url, user: "a", pass: "a" }), {
      code: "PARTI_REFUSED",
      message: /JetStream is not enabled/,
    });
  });

  Deno.test(`${server.label}: a wrong password is refused, the right one is not`, async () => {
    await using nats = await launchTestServer(
      server,
      'authorization { user: "u", password: "right" }',
    );
    await assert.rejects(connectNats({ servers: nats.url, user: "u", pass: "wrong" }), {
      code: "PARTI_REFUSED",
      message: /refuses this user/,
    });
    await assert.rejects(connectNats({ servers: nats.url }), { code: "PARTI_REFUSED" });
    const nc = await connectNats({ servers: nats.url, user: "u", pass: "right" });
    await nc.close();
  });
}

Deno.test("a connection comes back over a transport like its first, whoever else has connected meanwhile", async () => {
  await using nats = await launchNats();
  const nc = await connectNats({ servers: nats.url });
  try {
    const transport = () =>
      (nc as unknown as { protocol: { transport: object } }).protocol.transport;
    const first = transport();
    const other = await connect({ servers: nats.url });
    await other.close();
    await nc.reconnect();
    for await (const { type } of nc.status()) if (type === "reconnect") break;
    assert.notEqual(transport(), first);
    assert.equal(transport().constructor, first.constructor);
  } finally {
    await nc.close();
  }
});

Deno.test("a connection comes back at once although the wall clock was set back", async () => {
  await using nats = await launchNats();
  const nc = await connectNats({ servers: nats.url });
  const { now } = Date;
  try {
    Date.now = () => now() - 10_000;
    const startedAtMs = performance.now();
    await nc.reconnect();
    for await (const { type } of nc.status()) if (type === "reconnect") break;
    const tookMs = performance.now() - startedAtMs;
    assert.ok(tookMs < 5_000, `after ${tookMs} ms`);
  } finally {
    Date.now = now;
    await nc.close();
  }
});

Deno.test("a connection whose credentials cannot be read for a while comes back when they can", async () => {
  await using nats = await launchNats({ extraConfig: "authorization { user: u, password: p }" });
  let isThere = true;
  const authenticator = () => {
    if (!isThere) throw new Error("no such file");
    return { user: "u", pass: "p" };
  };
  const nc = await connectNats({ servers: nats.url, authenticator });
  try {
    const told: string[] = [];
    natsMessaging(nc).onRefused(({ message }) => {
      told.push(message);
      isThere = true;
    });
    isThere = false;
    await nc.reconnect();
    for await (const { type } of nc.status()) if (type === "reconnect") break;
    assert.deepEqual(told, ["this user cannot connect again: no credentials: no such file"]);
    await nc.flush();
  } finally {
    await nc.close();
  }
});

interface Proxied {
  /** Through the proxy. */
  readonly nc: NatsConnection;
  /** Beside it. */
  readonly other: NatsConnection;
  readonly proxy: TestProxy;
}

/** Runs over a connection through a proxy, which is dead after two pings without an answer. */
async function proxied(
  pingInterval: number,
  run: (parts: Proxied) => Promise<void>,
): Promise<void> {
  await using nats = await launchNats();
  const proxy = new TestProxy(nats.port);
  const other = await connectNats({ servers: nats.url });
  const options = { servers: proxy.url, ignoreClusterUpdates: true, pingInterval, maxPingOut: 2 };
  const nc = await connectNats(options);
  try {
    await run({ nc, other, proxy });
  } finally {
    await nc.close();
    await other.close();
    await proxy.close();
  }
}

Deno.test("a connection full of data is alive, however late its pongs are, and one that falls silent is dead as soon as ever", () =>
  proxied(100, async ({ nc, other, proxy }) => {
    let beats = 0;
    const disconnected = Promise.withResolvers<void>();
    void (async () => {
      for await (const { type } of nc.status()) {
        if (type === "ping") beats++;
        else if (type === "disconnect") disconnected.resolve();
      }
    })();
    const arrived = Promise.withResolvers<void>();
    nc.subscribe("large", { callback: () => arrived.resolve() });
    await nc.flush();
    // Of 800 ms, where three beats without a pong are 300.
    proxy.bytesPerSecond = 500_000;
    other.publish("large", new Uint8Array(400_000));
    const isCut = await Promise.race([
      arrived.promise.then(() => false),
      disconnected.promise.then(() => true),
    ]);
    assert.equal(isCut, false, "it was taken for dead");
    await nc.flush();
    proxy.hold();
    beats = 0;
    await disconnected.promise;
    assert.equal(beats, 3, "two pings without an answer, and the beat that finds them");
  }));

Deno.test("a connection whose pings are not answered is dead after thirty of them, whatever comes", () =>
  proxied(20, async ({ nc, other, proxy }) => {
    const talk = setInterval(() => other.publish("talk"), 5);
    try {
      nc.subscribe("talk", { callback: () => {} });
      await nc.flush();
      proxy.mute = true;
      let beats = 0;
      for await (const { type } of nc.status()) {
        if (type === "ping") beats++;
        if (type === "disconnect" || beats > 100) break;
      }
      assert.ok(beats > 30 && beats <= 100, `${beats}`);
    } finally {
      clearInterval(talk);
    }
  }));
