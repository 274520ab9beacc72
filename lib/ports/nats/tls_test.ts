import assert from "node:assert/strict";
import { launchNats } from "../../../tasks/nats_launcher.ts";
import { makeTestCertificates } from "../../../tasks/test_certificates.ts";
import { isPartiError } from "../../errors.ts";
import { connectNats } from "./connect.ts";
import { natsWorld } from "./world.ts";

/** Connects and is refused. */
async function refused(
  servers: string,
  tls: Record<string, string | boolean> | undefined,
  message: RegExp,
  hint: RegExp,
): Promise<void> {
  await assert.rejects(
    // Some of it is noticed only when nothing has come for as long as that.
    connectNats({ servers, timeout: 2_000, ...(tls === undefined ? {} : { tls }) }),
    (error) => {
      assert.ok(isPartiError(error, "PARTI_REFUSED"), String(error));
      assert.match(error.message, message);
      assert.match(error.hint!, hint);
      return true;
    },
  );
}

const read = (file: string) => Deno.readTextFileSync(file);

Deno.test("tls: with the CA it connects, without it or with another one it says what is missing", async () => {
  using certificates = await makeTestCertificates();
  if (certificates === undefined) return;
  await using server = await launchNats({ extraConfig: certificates.serverConfig() });
  const nc = await connectNats({ servers: server.url, tls: { ca: read(certificates.ca) } });
  const { kv } = natsWorld(nc);
  const bucket = await kv.open("b", { ttlMs: 0, replicas: 1, storage: "memory" });
  assert.equal(await bucket.put("k", new Uint8Array(100_000)), 1);
  await nc.close();
  for (const tls of [undefined, { ca: read(certificates.otherCa) }]) {
    await refused(server.url, tls, /certificate of nats:.* cannot be trusted/, /tls\.ca/);
  }
  const other = `nats://127.0.0.2:${server.port}`;
  await assert.rejects(connectNats({ servers: other }), { code: "PARTI_DISCONNECTED" });
});

Deno.test("tls: where the server wants to know the client, it says whose certificate is missing or wrong", async () => {
  using certificates = await makeTestCertificates();
  if (certificates === undefined) return;
  const { client, stranger } = certificates;
  await using server = await launchNats({
    extraConfig: certificates.serverConfig({ verify: true }),
  });
  const ca = read(certificates.ca);
  const pair = { cert: read(client.cert), key: read(client.key) };
  const nc = await connectNats({ servers: server.url, tls: { ca, ...pair } });
  await nc.close();
  const wrong = { ca, cert: read(stranger.cert), key: read(stranger.key) };
  const misses = /refuses this client's certificate, or misses one/;
  // Each is told its own, however many begin to connect at the same time.
  const all = [{ ca }, wrong, { ca }, wrong, { ca }, wrong];
  await Promise.all(all.map((tls) => refused(server.url, tls, misses, /tls\.cert/)));
  await refused(server.url, { ca, ...pair, key: wrong.key }, /cannot encrypt/, /belong together/);
});

Deno.test("tls: a server that does not encrypt is not talked to in the open", async () => {
  using certificates = await makeTestCertificates();
  if (certificates === undefined) return;
  await using server = await launchNats();
  await refused(server.url, { ca: read(certificates.ca) }, /does not encrypt/, /leave .* out/);
});

Deno.test("tls: a connection that is encrypted from its first byte says the same", async () => {
  using certificates = await makeTestCertificates();
  if (certificates === undefined) return;
  const { client } = certificates;
  const extraConfig = certificates.serverConfig({ verify: true })
    .replace("{", "{ handshake_first: true, ");
  await using server = await launchNats({ extraConfig });
  const first = { ca: read(certificates.ca), handshakeFirst: true };
  const pair = { cert: read(client.cert), key: read(client.key) };
  const nc = await connectNats({ servers: server.url, tls: { ...first, ...pair } });
  await nc.flush();
  await nc.close();
  // What the server says comes when the handshake is over for the client, and ended the process.
  for (let i = 0; i < 5; i++) {
    await refused(server.url, first, /refuses this client's certificate/, /tls\.cert/);
  }
});
