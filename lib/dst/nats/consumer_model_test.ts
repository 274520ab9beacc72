import assert from "node:assert/strict";
import { consumerOf, hostOf, publish, streamOn, TestPuller } from "./feed_rig_test.ts";
import { OLD_AND_NEW } from "./simulate_test.ts";

const WAIT_MS = 1_001;

Deno.test("what is due again goes out before what is new, by sequence, and in spite of a full house", async () => {
  const host = hostOf();
  const stream = streamOn(host);
  stream.createConsumer(consumerOf("a", ["feed.1"], { maxAckPending: 3 }), "");
  const consumer = stream.consumer("a")!;
  const puller = new TestPuller(host);
  publish(stream, "feed.1", 5);
  consumer.pull(puller.ask(1));
  await host.clock.advance(10);
  consumer.pull(puller.ask(2));
  assert.deepEqual(puller.sequences, [1, 2, 3]);
  // The first message is worked on, so that it is due last; by then all are.
  consumer.working(1);
  await host.clock.advance(3 * WAIT_MS);
  consumer.pull(puller.ask(10));
  assert.deepEqual(puller.sequences, [1, 2, 3, 1, 2, 3]);
  assert.deepEqual(puller.deliveries.map(({ deliveryCount }) => deliveryCount), [1, 1, 1, 2, 2, 2]);
  assert.equal(puller.deliveries.at(-1)?.deliverySequence, 6);
  consumer.ack(2);
  assert.deepEqual(puller.sequences.slice(6), [4], "an ack makes room for one");
});

Deno.test("a message that is due is not handed out if its ack comes first", async () => {
  const host = hostOf();
  const stream = streamOn(host);
  stream.createConsumer(consumerOf("a", ["feed.1"]), "");
  const consumer = stream.consumer("a")!;
  const puller = new TestPuller(host);
  publish(stream, "feed.1", 2);
  consumer.pull(puller.ask(2));
  await host.clock.advance(WAIT_MS);
  assert.equal(consumer.ack(1), true);
  consumer.pull(puller.ask(2));
  assert.deepEqual(puller.sequences, [1, 2, 2]);
  assert.equal(consumer.info().ackPending, 1);
});

Deno.test("an ack of what was not delivered yet is not answered, one of what is gone is", () => {
  const host = hostOf();
  const stream = streamOn(host);
  stream.createConsumer(consumerOf("a", ["feed.1"]), "");
  const consumer = stream.consumer("a")!;
  publish(stream, "feed.1", 2);
  consumer.pull(new TestPuller(host).ask(1));
  assert.equal(consumer.ack(2), false);
  assert.equal(consumer.ack(9), false);
  assert.equal(stream.info().messages, 2);
  assert.equal(consumer.ack(1), true);
  assert.equal(consumer.ack(1), true);
  stream.deleteConsumer("a");
  assert.equal(consumer.ack(1), false);
  consumer.working(1);
});

Deno.test("a look for messages in vain moves the cursor, and acks below it are answered", () => {
  const host = hostOf();
  const stream = streamOn(host);
  publish(stream, "feed.2", 3);
  stream.createConsumer(consumerOf("a", ["feed.1"]), "");
  const consumer = stream.consumer("a")!;
  assert.equal(consumer.ack(3), false);
  consumer.pull(new TestPuller(host).ask(1));
  assert.equal(consumer.ack(3), true);
  assert.equal(stream.info().messages, 2, "and it counts, although the message was never its own");
});

Deno.test("a filter that grows finds nothing behind the cursor", () => {
  const host = hostOf();
  const stream = streamOn(host, "limits");
  publish(stream, "feed.1", 2);
  publish(stream, "feed.2", 2);
  stream.createConsumer(consumerOf("a", ["feed.1"]), "");
  const puller = new TestPuller(host);
  stream.consumer("a")!.pull(puller.ask(10));
  publish(stream, "feed.2");
  publish(stream, "feed.1");
  stream.updateConsumer(consumerOf("a", ["feed.1", "feed.2"]), "");
  publish(stream, "feed.2");
  assert.deepEqual(puller.sequences, [1, 2, 6, 7]);
});

Deno.test("what another one has handled leaves a shrunk lane's count with the next look, or lingers in old servers", async () => {
  for (const version of OLD_AND_NEW) {
    const host = hostOf(version);
    const stream = streamOn(host);
    publish(stream, "feed.1");
    stream.createConsumer(consumerOf("a", ["feed.1", "feed.2"]), "");
    const puller = new TestPuller(host);
    stream.consumer("a")!.pull(puller.ask(1));
    publish(stream, "feed.2");
    stream.consumer("a")!.pull(puller.ask(10));
    stream.updateConsumer(consumerOf("a", ["feed.1"]), "");
    stream.createConsumer(consumerOf("b", ["feed.2"]), "");
    stream.consumer("b")!.pull(new TestPuller(host).ask(1));
    stream.consumer("b")!.ack(2);
    const pending = () => stream.consumer("a")!.info().ackPending;
    assert.equal(pending(), 2, "nobody has told it");
    await host.clock.advance(WAIT_MS);
    assert.deepEqual(puller.sequences, [1, 2, 1], "it does not come again");
    assert.equal(pending(), version === "2.10.27" ? 2 : 1, version);
    stream.consumer("a")!.ack(1);
    await host.clock.advance(WAIT_MS);
    assert.equal(pending(), 0, "the stream has gone past it");
  }
});

Deno.test("a changed ack wait is looked at after 100 ms", async () => {
  const host = hostOf();
  const stream = streamOn(host);
  stream.createConsumer(consumerOf("a", ["feed.1"], { ackWaitMs: 60_000 }), "");
  const puller = new TestPuller(host);
  publish(stream, "feed.1");
  stream.consumer("a")!.pull(puller.ask(2));
  await host.clock.advance(500);
  stream.updateConsumer(consumerOf("a", ["feed.1"], { ackWaitMs: 50 }), "");
  await host.clock.advance(99);
  assert.deepEqual(puller.sequences, [1]);
  await host.clock.advance(1);
  assert.deepEqual(puller.sequences, [1, 1]);
});

Deno.test("0 for the most in flight is the server's thousand, and less is no limit", () => {
  for (const [maxAckPending, most] of [[0, 1_000], [-1, 1_200], [7, 7]] as const) {
    const host = hostOf();
    const stream = streamOn(host);
    stream.createConsumer(consumerOf("a", ["feed.1"], { maxAckPending }), "");
    publish(stream, "feed.1", 1_200);
    const puller = new TestPuller(host);
    stream.consumer("a")!.pull(puller.ask(5_000));
    assert.equal(puller.deliveries.length, most);
  }
});

Deno.test("redeliveries can be late, and can be early", async () => {
  const late = hostOf("2.15.1", { redeliveryLateMs: () => 400 });
  const early = hostOf("2.15.1", { redeliveryEarly: () => 0.25 });
  for (const [host, afterMs] of [[late, 1_401], [early, 250]] as const) {
    const stream = streamOn(host);
    stream.createConsumer(consumerOf("a", ["feed.1"]), "");
    const puller = new TestPuller(host);
    publish(stream, "feed.1");
    stream.consumer("a")!.pull(puller.ask(2));
    await host.clock.advance(afterMs - 1);
    assert.deepEqual(puller.sequences, [1]);
    await host.clock.advance(1);
    assert.deepEqual(puller.sequences, [1, 1]);
  }
});

Deno.test("what is ready at one moment travels in pieces, in order", () => {
  const pieces: number[] = [];
  const host = hostOf("2.15.1", {
    chunk: (count) => {
      pieces.push(count);
      return Math.ceil(count / 2);
    },
  });
  const stream = streamOn(host);
  publish(stream, "feed.1", 8);
  stream.createConsumer(consumerOf("a", ["feed.1"]), "");
  const puller = new TestPuller(host);
  stream.consumer("a")!.pull(puller.ask(8));
  assert.deepEqual(puller.sequences, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(pieces, [8, 4, 2, 1]);
});
