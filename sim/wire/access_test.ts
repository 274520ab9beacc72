import assert from "node:assert/strict";
import { withFile } from "../../tasks/nats_fakes.ts";
import { nkeys } from "@nats-io/nats-core";
import { isPartiError } from "../../lib/errors.ts";
import { parseConfig } from "../config/config.ts";
import { withoutSecrets } from "../config/secrets.ts";
import { readAccess, type ReadEnv } from "./access.ts";

const NO_ENV: ReadEnv = () => undefined;
const envOf = (values: Record<string, string>): ReadEnv => (name) => values[name];

function natsOf(section: Record<string, unknown>) {
  return parseConfig(JSON.stringify({ nats: { mode: "external", ...section } }), "c.yaml")
    .config.nats;
}

Deno.test("access: the configuration comes first, then the address, then the environment", async () => {
  const env = envOf({ NATS_TOKEN: "from-env" });
  const own = await readAccess(natsOf({ token: "own", url: "nats://url@h" }), env);
  assert.deepEqual(own.coordinator, { token: "own" });
  const url = await readAccess(natsOf({ url: "nats://me:url@h" }), env);
  assert.deepEqual(url.worker, { user: "me", password: "url" });
  assert.deepEqual((await readAccess(natsOf({}), env)).producer, { token: "from-env" });
  assert.deepEqual((await readAccess(natsOf({}), NO_ENV)).producer, {});
});

Deno.test("access: a user's password may come from the environment; a server of our own is never told", async () => {
  const env = envOf({ NATS_PASSWORD: "s3cret", NATS_USER: "other" });
  const { coordinator } = await readAccess(natsOf({ user: "me" }), env);
  assert.deepEqual(coordinator, { user: "me", password: "s3cret" });
  const ours = await readAccess(natsOf({ mode: "embedded" }), env);
  assert.deepEqual(ours.coordinator, {});
});

Deno.test("access: workers and producers may be somebody else", async () => {
  const section = { user: "c", password: "1", workers: { user: "w", password: "2" } };
  const { coordinator, worker, producer } = await readAccess(natsOf(section), NO_ENV);
  assert.deepEqual(worker, { user: "w", password: "2" });
  assert.deepEqual([coordinator, producer], [{ user: "c", password: "1" }, coordinator]);
});

Deno.test("access: roles have their own variables, so that a run whose secrets were written in its configuration can be resumed", async () => {
  const { config } = parseConfig(
    JSON.stringify({
      nats: {
        ...{ mode: "external", user: "c", password: "1" },
        ...{ workers: { user: "w", password: "2" }, producers: { token: "3" } },
      },
    }),
    "c.yaml",
  );
  const env = { NATS_PASSWORD: "1", NATS_WORKERS_PASSWORD: "2", NATS_PRODUCERS_TOKEN: "3" };
  const inCheckpoint = withoutSecrets(config).config.nats;
  assert.deepEqual(inCheckpoint.producers, {});
  const access = await readAccess(config.nats, NO_ENV);
  assert.deepEqual(access.worker, { user: "w", password: "2" });
  assert.deepEqual(await readAccess(inCheckpoint, envOf(env)), access);
  // What is only in the environment holds as well, and for its role alone.
  const { coordinator, worker, producer } = await readAccess(
    natsOf({ token: "c" }),
    envOf({ NATS_WORKERS_TOKEN: "w", NATS_PASSWORD: "x" }),
  );
  assert.deepEqual([coordinator, worker, producer].map(({ token }) => token), ["c", "w", "c"]);
});

Deno.test("access: a seed is found in its file, a PEM file is read, tls:// asks for encryption", async () => {
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  const { worker } = await withFile(
    `${seed}\n`,
    (nkey) => readAccess(natsOf({ nkey }), NO_ENV),
  );
  assert.deepEqual(worker, { nkey: seed });
  const pem = "-----BEGIN CERTIFICATE-----\n";
  const { producer } = await withFile(
    pem,
    (ca) => readAccess(natsOf({}), envOf({ NATS_CA: ca })),
  );
  assert.deepEqual(producer, { tls: { ca: pem } });
  const plain = await readAccess(natsOf({ url: "tls://h" }), NO_ENV);
  assert.deepEqual(plain.coordinator, { tls: {} });
});

Deno.test("access: what is missing or wrong is said in one sentence, with what to do", async () => {
  const missing = "/nonexistent/file";
  const rows: [Record<string, unknown>, Record<string, string>, RegExp, RegExp?][] = [
    [{ credentials: missing }, {}, /^nats\.credentials: cannot read \/nonexistent\/file: there is/],
    [{}, { NATS_CREDS: missing }, /^NATS_CREDS: cannot read/],
    [{ nkey: missing }, {}, /^nats\.nkey: cannot read/],
    [{ tls: { ca: missing } }, {}, /^nats\.tls\.ca: cannot read/],
    [{ user: "me" }, {}, /^nats\.user is given and no password$/],
    [
      { workers: { user: "me" } },
      { NATS_PASSWORD: "x" },
      /^nats\.workers\.user is given and no/,
      /^set nats\.workers\.password or NATS_WORKERS_PASSWORD$/,
    ],
    [
      { producers: {} },
      { NATS_TOKEN: "x" },
      /^nats\.producers does not say who its processes are$/,
      / NATS_PRODUCERS_TOKEN, /,
    ],
    [
      {},
      { NATS_WORKERS_NKEY: "a", NATS_WORKERS_USER: "b" },
      /^NATS_WORKERS_NKEY and NATS_WORKERS_/,
    ],
    [{}, { NATS_CREDS: "a", NATS_USER: "b" }, /^NATS_CREDS and NATS_USER are both set$/],
  ];
  for (const [section, env, message, hint = /./] of rows) {
    await assert.rejects(readAccess(natsOf(section), envOf(env)), (error) => {
      assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
      assert.match(error.message, message);
      assert.match(error.hint ?? "", hint);
      return true;
    });
  }
  await withFile("hello", async (file) => {
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ credentials: file }, /is no credentials file$/],
      [{ nkey: file }, /has no NKey seed in it$/],
      [{ tls: { ca: file } }, /is no PEM file$/],
    ];
    for (const [section, message] of wrong) {
      await assert.rejects(readAccess(natsOf(section), NO_ENV), { message });
    }
  });
  await withFile("-----BEGIN X-----", async (key) => {
    await assert.rejects(readAccess(natsOf({ tls: { key } }), NO_ENV), {
      message: "nats.tls.key is given and no cert",
    });
  });
});
