import assert from "node:assert/strict";
import { FakeConnection } from "./fake_connection_test.ts";
import { linkOf } from "./link.ts";
import { Publisher } from "./publisher.ts";

const DATA = new TextEncoder().encode("x");

function answer(server: FakeConnection, index: number, body: unknown): void {
  const data = new TextEncoder().encode(JSON.stringify(body));
  server.deliver(server.published[index]!.reply, { data });
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("no more than so many publications are under way, and they go out in order", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 3);
  const results = Array.from({ length: 10 }, (_, i) => publisher.publish(`s.${i}`, DATA));
  await settle();
  assert.equal(server.published.length, 3);
  for (let i = 0; i < 10; i++) {
    answer(server, i, { stream: "S", seq: i + 1 });
    await settle();
    assert.equal(server.published.length, Math.min(10, i + 4));
  }
  const acks = await Promise.all(results);
  assert.deepEqual(acks.map((ack) => ack.sequence), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(server.published.map((p) => p.subject), acks.map((_, i) => `s.${i}`));
  await server.close();
});

Deno.test("conditions go into headers, and answers become results or errors", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc));
  const one = publisher.publish("s", DATA, {
    messageId: "m",
    expectedLastSubjectSequence: 0,
    expectedLastSequence: 5,
    headers: { A: "b" },
  });
  const two = publisher.publish("s", DATA);
  const three = publisher.publish("s", DATA);
  const four = publisher.publish("s", DATA, { timeoutMs: 30 });
  await settle();
  const { headers } = server.published[0]!;
  assert.equal(headers?.get("Nats-Msg-Id"), "m");
  assert.equal(headers?.get("Nats-Expected-Last-Subject-Sequence"), "0");
  assert.equal(headers?.get("Nats-Expected-Last-Sequence"), "5");
  assert.equal(headers?.get("A"), "b");
  assert.equal(server.published[1]!.headers, undefined);
  answer(server, 0, { stream: "S", seq: 7, duplicate: true });
  assert.deepEqual(await one, { sequence: 7, duplicate: true });
  answer(server, 1, { error: { code: 400, err_code: 10071, description: "wrong last" } });
  await assert.rejects(two, { code: "PARTI_CONFLICT" });
  answer(server, 2, { hello: "I am not a stream" });
  await assert.rejects(three, { code: "PARTI_REFUSED" });
  await assert.rejects(four, { code: "PARTI_TIMEOUT" });
  assert.equal(linkOf(server.nc).inFlight, 0);
  await server.close();
});

Deno.test("a lost connection ends what is under way, and nothing is sent until it is back", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 1);
  const under = publisher.publish("s.1", DATA);
  const waiting = publisher.publish("s.2", DATA);
  const outcomes = Promise.allSettled([under, waiting]);
  await server.tell({ type: "disconnect", server: "x" });
  const codes = (await outcomes).map((o) => o.status === "rejected" ? o.reason.code : "ok");
  assert.deepEqual(codes, ["PARTI_TIMEOUT", "PARTI_DISCONNECTED"]);
  assert.equal(server.published.length, 1);
  await server.tell({ type: "reconnect", server: "x" });
  const back = publisher.publish("s.3", DATA);
  await settle();
  answer(server, 1, { stream: "S", seq: 1 });
  assert.equal((await back).sequence, 1);
  await server.close();
});

Deno.test("whoever waits for room is told of it behind all that is published, and does not take it", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 2);
  assert.equal(publisher.room(), undefined);
  const acks = [publisher.publish("s.0", DATA), publisher.publish("s.1", DATA)];
  let told = false;
  const room = publisher.room()!.then(() => told = true);
  acks.push(publisher.publish("s.2", DATA));
  answer(server, 0, { stream: "S", seq: 1 });
  await settle();
  assert.deepEqual([server.published.length, told], [3, false]);
  answer(server, 1, { stream: "S", seq: 2 });
  await room;
  assert.equal(publisher.room(), undefined);
  answer(server, 2, { stream: "S", seq: 3 });
  await Promise.all(acks);
  await server.close();
});

Deno.test("however many wait for room, one is told of each place, finds it, and is not refused", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 1, 2);
  const first = publisher.publish("s.first", DATA);
  const acks = Array.from({ length: 6 }, async (_, i) => {
    await publisher.room();
    return publisher.publish(`s.${i}`, DATA);
  });
  for (let sent = 1; sent <= 7; sent++) {
    await settle();
    assert.equal(server.published.length, sent);
    answer(server, sent - 1, { stream: "S", seq: sent });
  }
  await first;
  assert.deepEqual((await Promise.all(acks)).map((ack) => ack.sequence), [2, 3, 4, 5, 6, 7]);
  await server.close();
});

Deno.test("without a connection there is no room until it is back; once it is closed for good each is told", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 1);
  const first = publisher.publish("s.first", DATA);
  const outcomes = Promise.allSettled([
    first,
    ...Array.from({ length: 5 }, async () => {
      await publisher.room();
      await publisher.publish("s", DATA);
    }),
  ]);
  await server.tell({ type: "disconnect", server: "x" });
  await assert.rejects(publisher.publish("s", DATA), { code: "PARTI_DISCONNECTED" });
  let told = false;
  const room = publisher.room()!.then(() => told = true);
  await settle();
  assert.deepEqual([server.published.length, told], [1, false]);
  await server.tell({ type: "reconnect", server: "x" });
  assert.equal(server.published.length, 2, "one place, one who goes on");
  await server.close();
  await room;
  const codes = (await outcomes).map((one) => one.status === "rejected" ? one.reason.code : "ok");
  assert.deepEqual(codes, [
    "PARTI_TIMEOUT",
    "PARTI_TIMEOUT",
    ...Array(4).fill("PARTI_DISCONNECTED"),
  ]);
  assert.equal(publisher.room(), undefined);
});

Deno.test("no more than so many bytes are under way, with one message at least", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 100, 100, 10_000);
  const [large, small] = [new Uint8Array(20_000), new Uint8Array(4_000)];
  const acks = [large, small, small, small, small].map((data) => publisher.publish("s", data));
  assert.equal(server.published.length, 1, "one that is larger than all that may be");
  let told = false;
  const room = publisher.room()!.then(() => told = true);
  answer(server, 0, { stream: "S", seq: 1 });
  await settle();
  assert.deepEqual([server.published.length, told], [4, false], "the third goes beyond it");
  answer(server, 1, { stream: "S", seq: 2 });
  answer(server, 2, { stream: "S", seq: 3 });
  await room;
  assert.equal(server.published.length, 5);
  for (const n of [3, 4]) answer(server, n, { stream: "S", seq: n + 1 });
  await Promise.all(acks);
  await server.close();
});

Deno.test("as many as may wait do, the next one is refused at once, and nothing of it is sent", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 2, 3);
  const acks = Array.from({ length: 5 }, (_, i) => publisher.publish(`s.${i}`, DATA));
  await assert.rejects(publisher.publish("s.more", DATA), { code: "PARTI_OVERLOADED" });
  const room = publisher.room()!;
  for (let i = 0; i < 5; i++) {
    answer(server, i, { stream: "S", seq: i + 1 });
    await settle();
  }
  assert.deepEqual((await Promise.all(acks)).map((ack) => ack.sequence), [1, 2, 3, 4, 5]);
  assert.deepEqual(server.published.map((one) => one.subject), acks.map((_, i) => `s.${i}`));
  await room;
  const next = publisher.publish("s.more", DATA);
  answer(server, 5, { stream: "S", seq: 6 });
  assert.equal((await next).sequence, 6);
  await server.close();
});

Deno.test("a publication is waited for longer where much is before it", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc));
  const options = { timeoutMs: 10 };
  const first = publisher.publish("s", new Uint8Array(51_200), { timeoutMs: 500 });
  const second = publisher.publish("s", DATA, options);
  await assert.rejects(second, { code: "PARTI_TIMEOUT", message: /within 110 ms/ });
  answer(server, 0, { stream: "S", seq: 1 });
  await first;
  await assert.rejects(publisher.publish("s", DATA, options), { message: /within 10 ms/ });
  await server.close();
});

Deno.test("planted: who comes when places become free goes behind those that wait already", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 2);
  const acks = [0, 1, 2].map((i) => publisher.publish(`s.${i}`, DATA));
  // Both answers, and what makes somebody publish, are read from the socket in one go.
  answer(server, 0, { stream: "S", seq: 1 });
  answer(server, 1, { stream: "S", seq: 2 });
  acks.push(publisher.publish("s.3", DATA));
  await settle();
  assert.deepEqual(server.published.map((one) => one.subject), ["s.0", "s.1", "s.2", "s.3"]);
  answer(server, 2, { stream: "S", seq: 3 });
  answer(server, 3, { stream: "S", seq: 4 });
  await Promise.all(acks);
  await server.close();
});

Deno.test("however many wait when the connection goes, each is told", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 1);
  const outcomes = Promise.allSettled(
    Array.from({ length: 50_000 }, () => publisher.publish("s", DATA)),
  );
  await server.tell({ type: "disconnect", server: "x" });
  const codes = (await outcomes).map((one) => one.status === "rejected" ? one.reason.code : "ok");
  assert.equal(codes[0], "PARTI_TIMEOUT");
  assert.equal(codes.filter((code) => code === "PARTI_DISCONNECTED").length, 49_999);
  await server.close();
});

Deno.test("what cannot be sent is told, and takes no place", async () => {
  const server = new FakeConnection();
  const publisher = new Publisher(linkOf(server.nc), 1);
  const refused = publisher.publish("s", DATA, { headers: { "no:name": "x" } });
  await assert.rejects(refused, { code: "PARTI_REFUSED" });
  const next = publisher.publish("s", DATA);
  answer(server, 0, { stream: "S", seq: 1 });
  assert.equal((await next).sequence, 1);
  await server.close();
});
