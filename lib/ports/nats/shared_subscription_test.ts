import assert from "node:assert/strict";
import { type Msg, PermissionViolationError } from "@nats-io/nats-core";
import type { PartiError } from "../../errors.ts";
import type { Messaging } from "../messaging.ts";
import { FakeConnection } from "./fake_connection_test.ts";
import { natsMessaging } from "./messaging.ts";

const data = new TextEncoder().encode("x");

/** A connection that several workers of one process share, each with messaging of its own. */
function rig() {
  const server = new FakeConnection();
  const heard: string[] = [];
  const listen = (name: string, subject = "s", messaging: Messaging = natsMessaging(server.nc)) =>
    messaging.subscribe(
      subject,
      (notice) => heard.push(`${name} ${notice.subject}`),
      (error) => heard.push(`${name} ${error.code} ${error.value}`),
    );
  const subjects = () => [...server.subscriptions].map(({ subject }) => subject);
  return { server, heard, listen, subjects };
}

Deno.test("shared subscription: one of the client's for a subject, and all are told", async () => {
  const { server, heard, listen, subjects } = rig();
  const [one, two] = [listen("one"), listen("two")];
  listen("other", "t");
  assert.deepEqual(subjects(), ["s", "t"]);
  server.deliver("s", { data });
  assert.deepEqual(heard.splice(0), ["one s", "two s"]);
  one.close();
  one.close();
  server.deliver("s", { data });
  assert.deepEqual(heard.splice(0), ["two s"]);
  two.close();
  assert.deepEqual(subjects(), ["t"], "it ends with the last one");
  listen("three");
  server.deliver("s", { data });
  assert.deepEqual(heard, ["three s"]);
  await server.close();
});

Deno.test("shared subscription: who closes or joins while others are told changes nothing for these", async () => {
  const { server, heard, listen } = rig();
  const messaging = natsMessaging(server.nc);
  const first = messaging.subscribe("s", () => {
    second.close();
    if (heard.length === 0) listen("late");
    heard.push("first");
  });
  const second = listen("second");
  const third = listen("third");
  server.deliver("s", { data });
  assert.deepEqual(heard.splice(0), ["first", "third s"]);
  first.close();
  third.close();
  server.deliver("s", { data });
  assert.deepEqual(heard, ["late s"]);
  await server.close();
});

Deno.test("shared subscription: connections are apart, and a closed one takes nobody", async () => {
  const [one, two] = [rig(), rig()];
  one.listen("one");
  two.listen("two");
  two.server.deliver("s", { data });
  assert.deepEqual([one.heard, two.heard], [[], ["two s"]]);
  await one.server.close();
  const refuse = () => {
    throw new Error("closed");
  };
  one.server.subscribe = refuse;
  assert.throws(() => one.listen("late"), (error: PartiError) => error.code.startsWith("PARTI_"));
  await two.server.close();
});

Deno.test("shared subscription: a refusal is told to all, and the next one begins anew", async () => {
  const { server, heard, listen, subjects } = rig();
  const [one, two] = [listen("one"), listen("two")];
  const [ended] = server.subscriptions;
  const violation = new PermissionViolationError("no", "subscription", "s");
  void ended!.opts.callback!(violation, undefined as unknown as Msg);
  assert.deepEqual(heard.splice(0), ["one PARTI_REFUSED s", "two PARTI_REFUSED s"]);
  const three = listen("three");
  assert.equal(subjects().length, 2, "the client has ended the first by itself");
  one.close();
  two.close();
  server.deliver("s", { data });
  assert.deepEqual(heard, ["three s"], "and what the refused close is their own");
  three.close();
  assert.deepEqual(subjects(), []);
  await server.close();
});
