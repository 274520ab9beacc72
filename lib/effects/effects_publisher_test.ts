import assert from "node:assert/strict";
import { IdempotentPublisher } from "./effects_publisher.ts";
import { natsTest } from "../test_support/rig.ts";

natsTest(
  "an output published twice is stored once; another input, subject or name is another output",
  async (rig) => {
    const { world } = await rig.connect();
    await world.feed.ensureStream("output", {
      subjects: ["output.>"],
      retention: "limits",
      storage: "memory",
      replicas: 1,
    });
    const publisher = new IdempotentPublisher(world.feed, {
      inputStream: "feed",
      timeoutMs: 1_000,
    });
    const other = new IdempotentPublisher(world.feed, { inputStream: "other", timeoutMs: 1_000 });
    const data = new TextEncoder().encode("x");
    const output = { subject: "output.a", data, headers: { Extra: "1" } };
    const input = { streamSequence: 7, storedAtMs: 1_700_000_000_000.25 };
    const first = await publisher.publish(input, output);
    const again = await publisher.publish(input, output);
    assert.deepEqual([first.duplicate, again.duplicate, again.sequence], [
      false,
      true,
      first.sequence,
    ]);
    const more = [
      await publisher.publish({ ...input, streamSequence: 8 }, output),
      await publisher.publish(input, { ...output, subject: "output.b" }),
      await publisher.publish(input, { ...output, name: "second" }),
      await other.publish(input, output),
      // The input stream was made anew.
      await publisher.publish({ ...input, storedAtMs: 1_700_000_000_000.5 }, output),
    ];
    assert.deepEqual(more.map(({ duplicate }) => duplicate), [false, false, false, false, false]);
    assert.equal((await world.feed.streamInfo("output")).messages, 6);
    assert.equal((await world.feed.lastMessage("output", "output.b"))!.header("Extra"), "1");
  },
);
