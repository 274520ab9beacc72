import assert from "node:assert/strict";
import { FakeConnection } from "./fake_connection_test.ts";
import { Requester } from "./requester.ts";

Deno.test("an answer that came while the process stood still is read before its wait ends", async () => {
  const server = new FakeConnection();
  const requester = new Requester(server.nc);
  const asked = requester.ask("a", new Uint8Array(), 30).then(() => "answered", String);
  const unanswered = requester.ask("b", new Uint8Array(), 30).then(() => "answered", String);
  const { reply } = server.published[0]!;
  // It is due when the process goes on, behind the sweep, as what waits in a socket is.
  setTimeout(() => server.deliver(reply, {}), 20);
  const standsUntilMs = performance.now() + 60;
  while (performance.now() < standsUntilMs);
  assert.equal(await asked, "answered");
  assert.match(await unanswered, /no answer on b within 30 ms/);
  assert.equal(requester.inFlight, 0);
});
