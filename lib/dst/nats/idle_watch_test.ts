import assert from "node:assert/strict";
import {
  consumerOf,
  hostOf,
  publish,
  streamOn,
  type TestHost,
  TestPuller,
} from "./feed_rig_test.ts";
import type { StreamModel } from "./stream_model.ts";

const THRESHOLD_MS = 10_000;

function laneOn(host: TestHost): StreamModel {
  const stream = streamOn(host);
  stream.createConsumer(
    consumerOf("a", ["feed.1"], { inactiveThresholdMs: THRESHOLD_MS, ackWaitMs: 30_000 }),
    "",
  );
  return stream;
}

/** Steps of this length tell when it went, in milliseconds. */
const STEP_MS = 100;

async function goneAfterMs(host: TestHost, stream: StreamModel): Promise<number> {
  for (let ms = 0; ms < 200_000; ms += STEP_MS) {
    if (stream.consumer("a") === undefined) return ms;
    await host.clock.advance(STEP_MS);
  }
  return Infinity;
}

Deno.test("a consumer nobody ever pulled from goes after its threshold and a bit", async () => {
  const host = hostOf("2.15.1", { idleJitterMs: () => 700 });
  assert.equal(await goneAfterMs(host, laneOn(host)), THRESHOLD_MS + 700);
  assert.equal(host.clock.pendingTimers, 0);
});

Deno.test("an open request keeps it, and the count begins with the last sign of its puller", async () => {
  const host = hostOf();
  const stream = laneOn(host);
  const puller = new TestPuller(host);
  puller.renews = true;
  stream.consumer("a")!.pull(puller.ask(5));
  await host.clock.advance(100_000);
  puller.session.close();
  // The puller asked anew at 90 s: it is removed 10 s after that, or when it is next looked at.
  const goneMs = await goneAfterMs(host, stream);
  assert.ok(goneMs <= THRESHOLD_MS, `${goneMs}`);
  assert.ok(stream.consumer("a") === undefined);
});

Deno.test("deliveries and acks are activity", async () => {
  const host = hostOf("2.10.27");
  const stream = laneOn(host);
  const puller = new TestPuller(host);
  const consumer = stream.consumer("a")!;
  consumer.pull(puller.ask(1));
  await host.clock.advance(8_000);
  publish(stream, "feed.1");
  await host.clock.advance(9_000);
  assert.ok(stream.consumer("a"), "a delivery");
  consumer.ack(1);
  await host.clock.advance(9_000);
  assert.ok(stream.consumer("a"), "an ack");
  consumer.working(1);
  assert.equal(await goneAfterMs(host, stream), THRESHOLD_MS);
});

Deno.test("newer servers wait for acks that may still come, older ones do not", async () => {
  const after = async (version: string): Promise<number> => {
    const host = hostOf(version);
    const stream = laneOn(host);
    const puller = new TestPuller(host);
    stream.consumer("a")!.pull(puller.ask(1));
    publish(stream, "feed.1");
    return await goneAfterMs(host, stream);
  };
  assert.equal(await after("2.10.27"), THRESHOLD_MS);
  // The first look finds the ack wait over and the message due again, from which another wait is counted.
  const newer = await after("2.15.1");
  assert.ok(newer >= 60_000 + THRESHOLD_MS && newer <= 60_200 + THRESHOLD_MS, String(newer));
});

Deno.test("an ack that was waited for shortens the wait again", async () => {
  const host = hostOf();
  const stream = laneOn(host);
  const consumer = stream.consumer("a")!;
  consumer.pull(new TestPuller(host).ask(1));
  publish(stream, "feed.1");
  await host.clock.advance(15_000);
  consumer.ack(1);
  assert.equal(await goneAfterMs(host, stream), THRESHOLD_MS);
});
