import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { repeatApi } from "./api.ts";
import { FakeConnection } from "./fake_connection_test.ts";
import { linkOf } from "./link.ts";

const NO_LEADER = { error: { code: 503, err_code: 10008, description: "temporarily unavailable" } };

/** A server that gives these answers, one to each question; the last one to all further ones. */
function answering(...answers: unknown[]): FakeConnection {
  const server = new FakeConnection();
  const { publish } = server;
  server.publish = (subject, data, options = {}) => {
    publish.call(server, subject, data, options);
    const answer = answers[Math.min(server.published.length, answers.length) - 1];
    const text = new TextEncoder().encode(JSON.stringify(answer));
    queueMicrotask(() => server.deliver(options.reply!, { data: text }));
  };
  return server;
}

Deno.test("a node that says there is no leader is asked again", async () => {
  const server = answering(NO_LEADER, { seq: 7 });
  assert.deepEqual(await repeatApi(linkOf(server.nc), "X", undefined, "try", 5_000), { seq: 7 });
  assert.equal(server.published.length, 2);
});

Deno.test("what is said for as long as one waits is told", async () => {
  const server = answering(NO_LEADER);
  await assert.rejects(
    repeatApi(linkOf(server.nc), "X", undefined, "try", 600),
    (error) => isPartiError(error, "PARTI_NO_RESPONDERS"),
  );
  assert.equal(server.published.length, 2);
});

Deno.test("another refusal is told at once", async () => {
  const server = answering({ error: { code: 404, err_code: 10059, description: "not found" } });
  await assert.rejects(
    repeatApi(linkOf(server.nc), "X", undefined, "try", 5_000),
    (error) => isPartiError(error, "PARTI_NOT_FOUND"),
  );
  assert.equal(server.published.length, 1);
});
