import assert from "node:assert/strict";
import { AuthorizationError, type NatsConnection } from "@nats-io/nats-core";
import type { PartiError } from "../../errors.ts";
import { FakeConnection } from "./fake_connection_test.ts";
import { Link, linkOf } from "./link.ts";
import { natsMessaging } from "./messaging.ts";

const LOST = { type: "disconnect", server: "s" } as const;
const BACK = { type: "reconnect", server: "s" } as const;

Deno.test("that the connection has gone or is back is told once, however often the client says it", async () => {
  const server = new FakeConnection();
  const link = linkOf(server.nc);
  const told: string[] = [];
  link.onStatus((status) => told.push(status));
  for (const status of [LOST, LOST, LOST, BACK, BACK, BACK, LOST, BACK]) await server.tell(status);
  await server.close();
  assert.deepEqual(
    told,
    ["disconnected", "reconnected", "disconnected", "reconnected", "closed"],
  );
});

Deno.test("what one throws that is told is an uncaught error, and the others are told all the same", async () => {
  const server = new FakeConnection();
  const link = linkOf(server.nc);
  const uncaught: unknown[] = [];
  const hear = (event: ErrorEvent): void => {
    event.preventDefault();
    uncaught.push(event.error.message);
  };
  globalThis.addEventListener("error", hear);
  try {
    const told: string[] = [];
    link.onStatus((status) => {
      throw new Error(`bad at ${status}`);
    });
    link.onStatus((status) => told.push(status));
    await server.tell(LOST);
    await server.tell(BACK);
    assert.equal(link.connected, true);
    await server.close();
    assert.deepEqual(told, ["disconnected", "reconnected", "closed"]);
    assert.deepEqual(uncaught, ["bad at disconnected", "bad at reconnected", "bad at closed"]);
  } finally {
    globalThis.removeEventListener("error", hear);
  }
});

Deno.test("while the server refuses the user it is said, now and then and by whatever is not sent", async () => {
  const server = new FakeConnection();
  const told: PartiError[] = [];
  natsMessaging(server.nc).onRefused((error) => told.push(error));
  const link = linkOf(server.nc);
  const hint = () => link.ask("a", new Uint8Array(), 10).then(() => "", ({ hint }) => hint);
  await server.tell(LOST);
  assert.match(await hint(), /try again/);
  const error = new AuthorizationError("Authorization Violation");
  for (let i = 0; i < 3; i++) await server.tell({ type: "error", error });
  assert.match(await hint(), /have they expired/);
  assert.deepEqual(told.map(({ code, message }) => [code, message]), [
    ["PARTI_REFUSED", "this user cannot connect again: Authorization Violation"],
  ]);
  await server.tell(BACK);
  await server.tell(LOST);
  assert.match(await hint(), /try again/);
  await server.close();
});

Deno.test("a connection that is down when it is first used is known to be down", async () => {
  const server = new FakeConnection();
  const link = new Link(
    Object.assign(server.nc, { protocol: { connected: false } }) as NatsConnection,
  );
  assert.equal(link.connected, false);
  await assert.rejects(link.ask("a", new Uint8Array(), 10), { code: "PARTI_DISCONNECTED" });
  await server.tell(BACK);
  assert.equal(link.connected, true);
  await server.close();
});
