import assert from "node:assert/strict";
import type { PartiError } from "../../errors.ts";
import type { PublishAck, PublishOptions, StreamOptions } from "../../ports/feed.ts";
import { consumerOf, hostOf, publish, streamOn, TestPuller } from "./feed_rig_test.ts";
import { OLD_AND_NEW } from "./simulate_test.ts";
import { StreamModel } from "./stream_model.ts";

function put(
  stream: StreamModel,
  options: PublishOptions = {},
  size = 1,
  subject = "feed.1",
): PublishAck {
  const headers = options.messageId === undefined ? {} : { "Nats-Msg-Id": options.messageId };
  return stream.publish({ subject, data: new Uint8Array(size), headers, options }, "publish");
}

function limited(version: string, limits: Partial<StreamOptions>): StreamModel {
  const options: StreamOptions = {
    subjects: ["feed.>"],
    retention: "workqueue",
    storage: "file",
    replicas: 1,
    ...limits,
  };
  return new StreamModel("S", options, hostOf(version));
}

Deno.test("a retry with the same ID and expectation is a duplicate in old servers and a conflict in new ones", () => {
  for (const version of OLD_AND_NEW) {
    const stream = limited(version, { retention: "limits" });
    const guarded = { messageId: "m", expectedLastSubjectSequence: 0 };
    assert.deepEqual(put(stream, guarded), { sequence: 1, duplicate: false });
    if (version === "2.10.27") {
      assert.deepEqual(put(stream, guarded), { sequence: 1, duplicate: true });
    } else assert.throws(() => put(stream, guarded), { code: "PARTI_CONFLICT" });
    assert.deepEqual(put(stream, { messageId: "m" }), { sequence: 1, duplicate: true });
    assert.equal(stream.info().messages, 1);
  }
});

Deno.test("a crash forgets the IDs of messages that are gone, and remembers those of the others", () => {
  const stream = streamOn(hostOf());
  put(stream, { messageId: "kept" });
  put(stream, { messageId: "gone" });
  stream.createConsumer(consumerOf("a", ["feed.1"]), "");
  stream.consumer("a")!.pull(new TestPuller(hostOf()).ask(2));
  stream.consumer("a")!.ack(2);
  assert.equal(put(stream, { messageId: "gone" }).duplicate, true);
  stream.crashed();
  assert.deepEqual(stream.listConsumers(), [], "consumers are in the server's memory");
  stream.started();
  assert.deepEqual(put(stream, { messageId: "kept" }), { sequence: 1, duplicate: true });
  assert.deepEqual(put(stream, { messageId: "gone" }), { sequence: 3, duplicate: false });
});

Deno.test("after a restart an old server reads IDs late, when some messages are gone already", () => {
  for (const version of OLD_AND_NEW) {
    const host = hostOf(version);
    const stream = streamOn(host);
    put(stream, { messageId: "m" });
    stream.crashed();
    stream.started();
    stream.createConsumer(consumerOf("a", ["feed.1"]), "");
    stream.consumer("a")!.pull(new TestPuller(host).ask(1));
    stream.consumer("a")!.ack(1);
    assert.equal(put(stream, { messageId: "m" }).duplicate, version === "2.15.1", version);
  }
});

Deno.test("the last sequence of a subject is that of its last message that is there", () => {
  const stream = streamOn(hostOf());
  put(stream);
  put(stream);
  stream.createConsumer(consumerOf("a", ["feed.1"]), "");
  stream.consumer("a")!.pull(new TestPuller(hostOf()).ask(2));
  stream.consumer("a")!.ack(2);
  assert.throws(() => put(stream, { expectedLastSubjectSequence: 2 }), { code: "PARTI_CONFLICT" });
  assert.equal(put(stream, { expectedLastSubjectSequence: 1 }).sequence, 3);
});

Deno.test("a late ack of a subject given up removes the message, but in new servers not under its new owner", () => {
  for (const version of OLD_AND_NEW) {
    const host = hostOf(version);
    const stream = streamOn(host);
    publish(stream, "feed.2", 4);
    stream.createConsumer(consumerOf("a", ["feed.1", "feed.2"]), "");
    const old = stream.consumer("a")!;
    old.pull(new TestPuller(host).ask(4));
    stream.updateConsumer(consumerOf("a", ["feed.1"]), "");
    assert.equal(old.ack(1), true);
    assert.equal(stream.info().messages, 3, "nobody else wants it");
    stream.createConsumer(consumerOf("b", ["feed.2"]), "");
    assert.equal(old.ack(2), true);
    assert.equal(stream.info().messages, version === "2.10.27" ? 2 : 3, "not delivered yet");
    const puller = new TestPuller(host);
    stream.consumer("b")!.pull(puller.ask(5));
    assert.equal(old.ack(3), true);
    assert.equal(stream.info().messages, version === "2.10.27" ? 1 : 3, "in flight");
    stream.consumer("b")!.ack(3);
    assert.equal(stream.info().messages, version === "2.10.27" ? 1 : 2);
  }
});

Deno.test("a full feed refuses, and where a subject is full its oldest message gives way", () => {
  // A message of one byte on subject `feed.1` counts 37 bytes on disk and 23 in memory.
  const roomFor = (version: string, limits: Partial<StreamOptions>): number => {
    const stream = limited(version, limits);
    let count = 0;
    try {
      while (count < 100) count = put(stream).sequence;
    } catch (error) {
      assert.equal((error as { code?: string }).code, "PARTI_STREAM_FULL");
    }
    return count;
  };
  assert.equal(roomFor("2.15.1", { maxBytes: 370 }), 10);
  assert.equal(roomFor("2.10.27", { maxBytes: 370 }), 9);
  assert.equal(roomFor("2.15.1", { maxBytes: 230, storage: "memory" }), 10);
  assert.equal(roomFor("2.15.1", { maxBytes: 370, maxMessagesPerSubject: 10 }), 100);
  const stream = limited("2.15.1", { maxMessagesPerSubject: 2 });
  for (let i = 0; i < 5; i++) put(stream);
  put(stream, {}, 1, "feed.2");
  assert.deepEqual([stream.countOf("feed.1"), stream.countOf("feed.2")], [2, 1]);
  assert.equal(stream.newestOf("feed.1")?.sequence, 5);
});

Deno.test("an output drops what is oldest, and a consumer that waited for it goes on", () => {
  const host = hostOf();
  const options = {
    subjects: ["feed.>"],
    retention: "limits",
    storage: "file",
    replicas: 1,
  } as const;
  const stream = new StreamModel("S", { ...options, maxBytes: 38 * 3 }, host);
  stream.createConsumer(consumerOf("a", ["feed.1"], { maxAckPending: 1 }), "");
  const puller = new TestPuller(host);
  stream.consumer("a")!.pull(puller.ask(10));
  for (let i = 0; i < 3; i++) put(stream);
  assert.deepEqual(puller.sequences, [1]);
  put(stream, {}, 2, "feed.2");
  assert.equal(stream.info().messages, 3);
  assert.deepEqual(puller.sequences, [1, 2]);
  assert.deepEqual(stream.consumer("a")!.info().ackPending, 1);
});

Deno.test("a filter whose subjects cover each other is refused", () => {
  const stream = streamOn(hostOf());
  for (const filter of [["feed.1", "feed.1"], ["feed.*", "feed.1"], ["feed.*", "feed.*"]]) {
    const config = consumerOf("a", filter);
    assert.throws(() => stream.createConsumer(config, ""), { code: "PARTI_REFUSED" });
  }
  stream.createConsumer(consumerOf("a", ["feed.*", "feed.1.2"]), "");
  const isUnfiltered = ({ code, value }: PartiError): boolean =>
    code === "PARTI_FILTER_OVERLAP" && (value as { errCode: number }).errCode === 10099;
  assert.throws(() => stream.createConsumer(consumerOf("b", []), ""), isUnfiltered);
  assert.throws(() => stream.updateConsumer(consumerOf("b", ["feed.9"]), ""), {
    code: "PARTI_NOT_FOUND",
  });
});

Deno.test("the order of a filter's subjects makes another consumer of it, that of its metadata does not", () => {
  const stream = streamOn(hostOf());
  const config = consumerOf("a", ["feed.1", "feed.2"], { metadata: { x: "1", y: "2" } });
  stream.createConsumer(config, "");
  stream.createConsumer({ ...config, metadata: { y: "2", x: "1" } }, "");
  assert.throws(
    () => stream.createConsumer({ ...config, filterSubjects: ["feed.2", "feed.1"] }, ""),
    { code: "PARTI_CONFLICT" },
  );
});

Deno.test("followers are told of what is stored, also over a crash", () => {
  const stream = streamOn(hostOf());
  const seen: number[] = [];
  stream.follow(({ sequence }) => void seen.push(sequence));
  put(stream, { messageId: "m" });
  put(stream, { messageId: "m" });
  stream.crashed();
  stream.started();
  put(stream);
  assert.deepEqual(seen, [1, 2]);
});

Deno.test("a write on the stream's last sequence is refused on any other one, whatever is left of it", () => {
  const stream = streamOn(hostOf());
  put(stream, { expectedLastSequence: 0 });
  put(stream, { expectedLastSequence: 1 }, 1, "feed.2");
  stream.createConsumer(consumerOf("a", []), "");
  stream.consumer("a")!.pull(new TestPuller(hostOf()).ask(2));
  for (const sequence of [1, 2]) stream.consumer("a")!.ack(sequence);
  assert.equal(stream.info().messages, 0);
  for (const expectedLastSequence of [0, 1, 3]) {
    assert.throws(() => put(stream, { expectedLastSequence }), { code: "PARTI_CONFLICT" });
  }
  assert.equal(put(stream, { expectedLastSequence: 2 }).sequence, 3);
});

Deno.test("a consumer that survives a crash goes on where it was, and nobody is told that it came", async () => {
  const host = hostOf();
  const stream = streamOn(host, "limits");
  const told: string[] = [];
  stream.follow(() => {}, (before, after) => void told.push(`${before?.name} ${after?.name}`));
  publish(stream, "feed.1", 6);
  const changes = { startSequence: 2, survivesRestart: true };
  stream.createConsumer(consumerOf("a", [], changes), "");
  stream.createConsumer(consumerOf("b", []), "");
  stream.consumer("a")!.pull(new TestPuller(host).ask(2));
  stream.consumer("a")!.ack(2);
  stream.crashed();
  stream.started();
  assert.equal(stream.consumer("b"), undefined);
  const { pending, ackPending, delivered } = stream.consumer("a")!.info();
  assert.deepEqual([pending, ackPending, delivered], [3, 1, 2]);
  const puller = new TestPuller(host);
  stream.consumer("a")!.pull(puller.ask(4));
  await host.clock.advance(1_001);
  assert.deepEqual(puller.sequences, [4, 5, 6, 3]);
  assert.deepEqual(told, ["undefined a", "undefined b"]);
});
