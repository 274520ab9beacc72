import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../../errors.ts";
import type { StreamInfo } from "../../ports/feed.ts";
import { until } from "../../test_support/rig.ts";
import { changedFeed } from "../../test_support/changed_world.ts";
import { type CopyingOptions, CopyScene, makeStream, SOURCE } from "./copy_scene_test.ts";
import { readsAll, SourceGaps } from "./source_gaps.ts";

Deno.test("all of a stream is read if the filter leaves none of its subjects out", () => {
  const info = (subjects: string[], mayHoldOthers = false) => ({ subjects, mayHoldOthers });
  assert.equal(readsAll(info(["a.>", "b"]), []), true);
  assert.equal(readsAll(info(["a.>", "a.b.*"]), ["a.>"]), true);
  assert.equal(readsAll(info(["a.>", "b"]), ["a.>"]), false);
  assert.equal(readsAll(info(["a.>"]), ["a.b.>"]), false);
  assert.equal(readsAll(info(["a.>"], true), ["a.>"]), false);
});

Deno.test("a gap is a loss only where the source begins behind it, and is looked at again while nobody answers", async () => {
  const told: unknown[] = [];
  const answers: (number | PartiError)[] = [5, new PartiError("PARTI_TIMEOUT", "away"), 8];
  const streamInfo = () => {
    const answer = answers.shift()!;
    if (answer instanceof PartiError) return Promise.reject(answer);
    const info: Partial<StreamInfo> = { subjects: ["events.>"], firstSequence: answer };
    return Promise.resolve({ ...info, mayHoldOthers: false } as StreamInfo);
  };
  const gaps = new SourceGaps({ streamInfo }, SOURCE, ["events.>"], (error) => told.push(error));
  await gaps.look();
  gaps.note(6, 9);
  await gaps.look();
  assert.equal(told.length, 0, "somebody has deleted 7 and 8");
  gaps.note(4, 6);
  await gaps.look();
  gaps.note(6, 8);
  await gaps.look();
  await gaps.look();
  assert.equal(answers.length, 0, "nobody asks without need");
  assert.deepEqual(told.map((error) => isPartiError(error) && [error.code, error.value]), [
    ["PARTI_TIMEOUT", undefined],
    ["PARTI_NOT_FOUND", { first: 5, last: 7 }],
  ]);
  assert.match(String(told[1]), /2 messages of stream EVENTS, of 5 to 7,/);
});

Deno.test("what the source's limits have dropped before it was copied is told, with the count", async () => {
  await using scene = await CopyScene.open({ label: "nats", binary: undefined }, "limits");
  const { nc } = await scene.rig.connect();
  await scene.world.feed.destroyStream(SOURCE.stream);
  await makeStream(nc, SOURCE.stream, ["events.>"], "limits", { max_msgs: 20 });
  await scene.publish(30); // ten are gone before anybody has begun
  const first = await scene.copy();
  await until("what there is is copied", () => first.copier.copied === 20);
  await first.copier.close();
  assert.deepEqual(scene.told, []);
  await scene.publish(100);
  // It asks for one message until there are others.
  const { promise: more, resolve } = Promise.withResolvers<void>();
  const change: CopyingOptions["change"] = (world) =>
    changedFeed(world, {
      pull: (stream, consumer, handler) => {
        const pull = world.feed.pull(stream, consumer, handler);
        const request = (count: number) => {
          pull.request(1);
          void more.then(() => pull.request(count));
        };
        return { outstanding: 0, close: () => pull.close(), request };
      },
    });
  const { copier } = await scene.copy({ change });
  await until("one is copied", () => copier.copied > 0);
  assert.match(scene.told.join("\n"), /: 80 messages of stream EVENTS, of 31 to 110, were gone/);
  await scene.publish(50);
  resolve();
  const accounted = () => {
    const counts = scene.told.map((told) => Number(/: (\d+) messages/.exec(told)![1]));
    return counts.reduce((sum, count) => sum + count, 10 + 20 + copier.copied);
  };
  await until("each message is copied or told", () => accounted() >= 180);
  assert.deepEqual([accounted(), copier.upTo, scene.told.length], [180, 180, 2]);
});
