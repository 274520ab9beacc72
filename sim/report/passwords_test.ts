import assert from "node:assert/strict";
import { withoutPasswords } from "./passwords.ts";

Deno.test("who may connect is not told, where to is", () => {
  const of = withoutPasswords;
  assert.equal(of("nats://ann:s3cr@t@host:4222"), "nats://***@host:4222");
  assert.equal(of("nats.url=tls://token@host"), "nats.url=tls://***@host");
  assert.equal(of('"nats://a:b@x,nats://c:d@y"'), '"nats://***@x,nats://***@y"');
  assert.equal(of("nats://host:4222 a@b"), "nats://host:4222 a@b");
});
