import assert from "node:assert/strict";
import { describeConfig, parseConfig } from "./config.ts";
import { hideUserInfo, showSet, showValue, userInfoOf, withoutSecrets } from "./secrets.ts";

const EXTERNAL = "nats:\n  mode: external\n";

Deno.test("secrets: an address is shown without who one is to it", () => {
  assert.equal(hideUserInfo("nats://me:s3cret@host:4222"), "nats://host:4222");
  assert.equal(hideUserInfo("nats://t0ken@a, nats://t0ken@b"), "nats://a, nats://b");
  assert.equal(hideUserInfo("nats://me:p@ss@host"), "nats://host");
  assert.equal(
    hideUserInfo("nats://h/a,nats://me:p/s//s@host,tls://i"),
    "nats://h/a,nats://host,tls://i",
  );
  assert.equal(hideUserInfo("nats://host:4222"), "nats://host:4222");
});

Deno.test("secrets: who one is to an address, as NATS clients write it", () => {
  assert.deepEqual(userInfoOf("nats://me:p%40ss@host"), { user: "me", password: "p@ss" });
  assert.deepEqual(userInfoOf("nats://a, nats://t0ken@b"), { token: "t0ken" });
  assert.deepEqual(userInfoOf("nats://host"), {});
});

Deno.test("secrets: what is set is shown without them", () => {
  const rows = {
    "nats.password=s3cret": "nats.password=(not shown)",
    "nats.workers.token=s3cret": "nats.workers.token=(not shown)",
    "nats={password: s3cret}": "nats=(not shown)",
    "nats.url=nats://me:s3cret@h": "nats.url=nats://h",
    "nats.user=me": "nats.user=me",
    "nats.jetstream.max_memory=1GB": "nats.jetstream.max_memory=1GB",
    "nats.port=4222": "nats.port=4222",
    "nats.pass=s3cret": "nats.pass=(not shown)",
    "nats.producers.pasword=s3cret": "nats.producers.pasword=(not shown)",
    "workers.count=3": "workers.count=3",
  };
  for (const [set, shown] of Object.entries(rows)) assert.equal(showSet(set), shown);
});

Deno.test("secrets: a value of the section is shown without them", () => {
  assert.equal(showValue(["nats", "password"], 7), "(not shown)");
  assert.equal(showValue(["nats", "workers"], ["s3cret"]), "(not shown)");
  assert.equal(showValue(["nats", "url"], "x://me:s3cret@h"), '"x://h"');
  assert.equal(showValue(["workers", "count"], -1), "-1");
  assert.equal(showValue(["nats", "token"], undefined), "nothing");
});

Deno.test("secrets: no message about a mistake shows them", () => {
  for (
    const text of [
      "nats: { password: [s3cret] }",
      "nats: { token: { s3cret: 1 } }",
      "nats: { url: 's3cret://me:s3cret@host' }",
      "nats: { workers: [s3cret] }",
      "nats: [s3cret]",
    ]
  ) {
    assert.throws(() => parseConfig(text, "c.yaml"), (error: Error) => {
      assert.doesNotMatch(error.message.replace('"s3cret://', ""), /s3cret/);
      return true;
    });
  }
});

Deno.test("secrets: they are taken out, and it is said which", () => {
  const text = `${EXTERNAL}  url: nats://u:s3cret@h\n  user: me\n  password: s3cret\n` +
    "  workers: { token: s3cret }\n";
  const { config, hidden } = withoutSecrets(parseConfig(text, "c.yaml").config);
  assert.doesNotMatch(describeConfig(config), /s3cret/);
  assert.doesNotMatch(JSON.stringify(config), /s3cret/);
  assert.equal(config.nats.user, "me");
  assert.deepEqual(hidden, [
    "nats.password",
    "nats.workers.token",
    "user and password in nats.url",
  ]);
});

Deno.test("access: two ways to say who one is are one too many; servers of our own ask for nothing", () => {
  assert.throws(
    () => parseConfig(`${EXTERNAL}  token: a\n  credentials: b\n`, "c.yaml"),
    /nats\.token: expected nothing beside credentials/,
  );
  const ours = () => parseConfig("nats: { user: me, tls: { ca: x } }", "c.yaml");
  assert.throws(ours, /nats\.user: expected nothing with nats\.mode embedded/);
  assert.throws(ours, /nats\.tls: expected nothing with nats\.mode embedded/);
});
