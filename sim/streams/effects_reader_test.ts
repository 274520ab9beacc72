import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection, Subscription } from "@nats-io/nats-core";
import type { FeedStore } from "../../lib/ports/feed.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { until } from "../../tasks/until.ts";
import { EffectsReader, readRemaining } from "./effects_reader.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The output stream that is read. */
async function makeOut(feed: FeedStore, storage: "file" | "memory" = "memory"): Promise<void> {
  const options = { subjects: ["out.>"], retention: "limits", storage, replicas: 1 } as const;
  await feed.ensureStream("OUT", options);
}

Deno.test("the reader reads everything once and in order, also over a server that is killed", async () => {
  await using server = await launchNats();
  const nc = await connectNats({ servers: server.url });
  const { feed } = natsWorld(nc);
  await makeOut(feed, "file");
  const read: [number, string][] = [];
  const troubles: string[] = [];
  const reader = new EffectsReader(nc, "OUT", (data, storedUs, sequence) => {
    assert.ok(Math.abs(storedUs / 1_000 - Date.now()) < 60_000);
    read.push([sequence, decoder.decode(data)]);
  }, (incident) => troubles.push(incident));
  reader.start();
  for (let n = 1; n <= 50; n++) await feed.publish(`out.${n % 3}`, encoder.encode(String(n)));
  await until("all is read", () => reader.last >= 50);
  await server.kill();
  await server.restart();
  for (let n = 51; n <= 100;) {
    // While the connection is down a publication fails at once: the loop has to let the client work.
    const again = () => new Promise<void>((resolve) => setTimeout(resolve, 10));
    await feed.publish(`out.${n % 3}`, encoder.encode(String(n))).then(() => void n++, again);
  }
  await until("all is read", () => reader.last >= 100);
  await reader.stop();
  await nc.close();
  assert.deepEqual(read.map(([sequence]) => sequence), read.map((_, index) => index + 1));
  assert.deepEqual([...new Set(read.map(([, text]) => Number(text)))].length, 100);
  assert.equal(reader.missed, 0);
  assert.deepEqual(troubles, [], "an outage is no trouble");
});

Deno.test("messages that are gone before they are read are counted, not passed over", async () => {
  await using server = await launchNats();
  const nc = await connectNats({ servers: server.url });
  const { feed } = natsWorld(nc);
  await feed.ensureStream("OUT", {
    subjects: ["out.>"],
    retention: "limits",
    storage: "memory",
    replicas: 1,
    maxMessagesPerSubject: 2,
  });
  for (let n = 1; n <= 5; n++) await feed.publish("out.a", encoder.encode(String(n)));
  const read: string[] = [];
  const take = (data: Uint8Array) => void read.push(decoder.decode(data));
  const reader = new EffectsReader(nc, "OUT", take, () => {});
  reader.start();
  await until("all is read", () => reader.last >= 5);
  await reader.stop();
  await nc.close();
  assert.deepEqual(read, ["4", "5"]);
  assert.equal(reader.missed, 3);
});

Deno.test("what is left in a work queue can be read without consuming it", async () => {
  await using server = await launchNats();
  const nc = await connectNats({ servers: server.url });
  const { feed } = natsWorld(nc);
  await feed.ensureStream("FEED", {
    subjects: ["feed.*"],
    retention: "workqueue",
    storage: "memory",
    replicas: 1,
  });
  const left: string[] = [];
  const abort = new AbortController();
  const read = (limit: number, most = limit) => {
    left.length = 0;
    const take = (data: Uint8Array) => {
      if (left.push(decoder.decode(data)) === most) abort.abort();
    };
    return readRemaining(nc, "FEED", limit, take, abort.signal);
  };
  assert.equal(await read(10), true);
  for (let n = 1; n <= 5; n++) await feed.publish(`feed.${n % 2}`, encoder.encode(String(n)));
  assert.equal(await read(10), true);
  assert.deepEqual(left, ["1", "2", "3", "4", "5"]);
  assert.equal(await read(5, 9), true, "the limit is not reached");
  assert.equal(await read(3, 9), false, "there is more than the limit");
  assert.equal((await feed.streamInfo("FEED")).messages, 5);
  assert.equal(await read(10, 2), false, "it is interrupted");
  assert.deepEqual(left, ["1", "2"]);
  await nc.close();
});

/** A connection whose first subscriptions hear nothing, as those of a client that waits for a consumer which is not there any more. */
function deaf(nc: NatsConnection, first: number) {
  const subscriptions: Subscription[] = [];
  const subscribe: NatsConnection["subscribe"] = (subject, options) => {
    const hears = subscriptions.length >= first;
    const subscription = nc.subscribe(subject, hears ? options : { callback: () => {} });
    subscriptions.push(subscription);
    return subscription;
  };
  const connection: NatsConnection = Object.assign(Object.create(nc), { subscribe });
  return { connection, subscriptions };
}

Deno.test("planted: a client that hangs is ended and asked anew, and of what it had nothing is left", async () => {
  await using server = await launchNats();
  const nc = await connectNats({ servers: server.url });
  const { feed } = natsWorld(nc);
  await makeOut(feed);
  await feed.publish("out.a", encoder.encode("1"));
  const { connection, subscriptions } = deaf(nc, 2);
  const read: string[] = [];
  const troubles: string[] = [];
  const take = (data: Uint8Array) => void read.push(decoder.decode(data));
  const reader = new EffectsReader(connection, "OUT", take, (what) => troubles.push(what), 100);
  reader.start();
  await until("the message is read", () => reader.last === 1);
  // At rest it is silent, too: it goes on like this and leaves no more behind.
  await until("asked several times", () => subscriptions.length >= 6);
  assert.ok(subscriptions.slice(0, -1).every((one) => one.isClosed()), "all but the last one");
  await feed.publish("out.a", encoder.encode("2"));
  await until("the next one is read", () => reader.last === 2);
  await reader.stop();
  assert.ok(subscriptions.every((one) => one.isClosed()));
  const { streams } = await jetstreamManager(nc);
  // The last consumer was not dropped for its silence: the server does that, or it goes with its stream.
  await until("the consumers are gone", async () => {
    return (await streams.info("OUT")).state.consumer_count <= 1;
  });
  await nc.close();
  assert.deepEqual(read, ["1", "2"]);
  assert.deepEqual(troubles, []);
});

Deno.test("a reader that is stopped while it begins stops", async () => {
  await using server = await launchNats();
  const nc = await connectNats({ servers: server.url });
  await makeOut(natsWorld(nc).feed);
  const reader = new EffectsReader(nc, "OUT", () => {}, () => {});
  reader.start();
  await reader.stop();
  await nc.close();
});

Deno.test("planted: what whoever takes a message throws is told, once, and the next ones are read", async () => {
  await using server = await launchNats();
  const nc = await connectNats({ servers: server.url });
  const { feed } = natsWorld(nc);
  await makeOut(feed);
  for (let n = 1; n <= 4; n++) await feed.publish("out.a", encoder.encode(String(n)));
  const read: string[] = [];
  const troubles: string[] = [];
  const reader = new EffectsReader(nc, "OUT", (data) => {
    const text = decoder.decode(data);
    if (text === "2" || text === "3") throw new Error("a bad one");
    read.push(text);
  }, (incident) => troubles.push(incident));
  reader.start();
  await until("all is read", () => reader.last >= 4);
  await reader.stop();
  await nc.close();
  assert.deepEqual(read, ["1", "4"]);
  assert.deepEqual(troubles, ["message 2 of the output stream could not be counted: a bad one"]);
});

Deno.test("planted: a stream that cannot be read is told, once, and read as soon as it can be", async () => {
  await using server = await launchNats();
  const nc = await connectNats({ servers: server.url });
  const { feed } = natsWorld(nc);
  const read: string[] = [];
  const troubles: string[] = [];
  const take = (data: Uint8Array) => void read.push(decoder.decode(data));
  const reader = new EffectsReader(nc, "OUT", take, (incident) => troubles.push(incident));
  let asked = 0;
  nc.subscribe("$JS.API.>", { callback: () => void asked++ });
  reader.start();
  await until("that is told", () => troubles.length > 0);
  const askedByThen = asked;
  await until("it is asked again, twice", () => asked >= askedByThen + 2);
  await makeOut(feed);
  await feed.publish("out.a", encoder.encode("1"));
  await until("all is read", () => reader.last >= 1);
  await reader.stop();
  await nc.close();
  assert.deepEqual(read, ["1"]);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0]!, /^the output stream could not be read: .*not found/);
});
