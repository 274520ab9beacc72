import assert from "node:assert/strict";
import { PartiError, type PartiErrorCode } from "../errors.ts";
import { changedFeed } from "../test_support/changed_world.ts";
import { ManualClock } from "../test_support/manual_clock.ts";
import { natsTest } from "../test_support/rig.ts";
import type { PublishAck, PublishOptions } from "./feed.ts";
import { publishAgain, type PublishAgainOptions } from "./publish_again.ts";
import type { World } from "./world.ts";

const DATA = new TextEncoder().encode("x");
const ID: PublishOptions = { messageId: "m" };

/** A feed that answers as it is told, the last answer again and again. */
function publisher(answers: (PartiErrorCode | PublishAck)[], options?: PublishAgainOptions) {
  const clock = new ManualClock();
  const at: number[] = [];
  const feed = {
    publish: () => {
      at.push(clock.monotonicMs() - 1_000);
      const answer = answers[Math.min(at.length, answers.length) - 1]!;
      return typeof answer === "string"
        ? Promise.reject(new PartiError(answer, `try ${at.length}`))
        : Promise.resolve(answer);
    },
  };
  const random = { float: () => 1, uuid: () => "unused" };
  const world = { feed, clock, random } as unknown as World;
  return { clock, at, publish: publishAgain(world, options).publish };
}

const STORED: PublishAck = { sequence: 7, duplicate: false };

Deno.test("it is tried again with growing pauses while nobody answers", async () => {
  const answers = ["PARTI_TIMEOUT", "PARTI_NO_RESPONDERS", "PARTI_DISCONNECTED", STORED] as const;
  const { clock, at, publish } = publisher([...answers], { pauseMaxMs: 300 });
  const ack = publish("s", DATA, ID);
  await clock.advance(5_000);
  assert.deepEqual(await ack, STORED);
  assert.deepEqual(at, [0, 100, 300, 600]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("after so many tries the last failure is thrown", async () => {
  const { clock, at, publish } = publisher(["PARTI_NO_RESPONDERS"], { tries: 3 });
  const failed = assert.rejects(publish("s", DATA, ID), { message: "try 3" });
  await clock.advance(5_000);
  await failed;
  assert.equal(at.length, 3);
});

Deno.test("only once is tried what might be stored twice, and what was refused", async () => {
  const unsafe = publisher(["PARTI_TIMEOUT"]);
  await assert.rejects(unsafe.publish("s", DATA), { code: "PARTI_TIMEOUT" });
  assert.equal(unsafe.at.length, 1);
  for (const code of ["PARTI_REFUSED", "PARTI_TOO_LARGE", "PARTI_CONFLICT"] as const) {
    const refused = publisher([code]);
    await assert.rejects(refused.publish("s", DATA, ID), { code });
    assert.equal(refused.at.length, 1);
  }
});

Deno.test("a guarded write that may have been refused because of itself is unknown", async () => {
  const guarded: PublishOptions = { expectedLastSequence: 3 };
  const own = publisher(["PARTI_TIMEOUT", "PARTI_CONFLICT"]);
  const failed = assert.rejects(own.publish("s", DATA, guarded), (error: PartiError) => {
    assert.equal(error.code, "PARTI_TIMEOUT");
    assert.equal((error.cause as PartiError).code, "PARTI_CONFLICT");
    return true;
  });
  await own.clock.advance(200);
  await failed;
  // Where nothing was sent before, the refusal is somebody else's doing.
  const strange = publisher(["PARTI_DISCONNECTED", "PARTI_CONFLICT"]);
  const refused = assert.rejects(strange.publish("s", DATA, guarded), { code: "PARTI_CONFLICT" });
  await strange.clock.advance(200);
  await refused;
});

Deno.test("a signal ends the waiting, and there is no further try", async () => {
  const ending = new AbortController();
  const { clock, at, publish } = publisher(["PARTI_TIMEOUT"], { signal: ending.signal });
  const failed = assert.rejects(publish("s", DATA, ID), { message: "try 1" });
  await clock.advance(10);
  ending.abort();
  await failed;
  assert.equal(at.length, 1);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("with as many under way as may be, the next one is refused, and is taken when one is over", async () => {
  const answers = ["PARTI_NO_RESPONDERS", "PARTI_NO_RESPONDERS", STORED] as const;
  const { clock, at, publish } = publisher([...answers], { maxWaiting: 2 });
  const acks = [publish("s", DATA, ID), publish("s", DATA, { messageId: "n" })];
  await clock.advance(1);
  await assert.rejects(publish("s", DATA, { messageId: "o" }), { code: "PARTI_OVERLOADED" });
  assert.equal(at.length, 2, "nothing of it was sent");
  await clock.advance(1_000);
  assert.deepEqual(await Promise.all(acks), [STORED, STORED]);
  assert.deepEqual(await publish("s", DATA, { messageId: "o" }), STORED);
});

Deno.test("what cannot be meant is refused", () => {
  for (
    const options of [{ tries: 0 }, { tries: 1.5 }, { pauseMs: -1 }, { pauseMaxMs: 1 }, {
      maxWaiting: 0,
    }]
  ) {
    assert.throws(() => publisher([STORED], options), { code: "PARTI_INVALID_CONFIG" });
  }
});

natsTest("what is published while the server is away is stored, once", async (rig) => {
  const { world } = await rig.connect();
  await world.feed.ensureStream("S", {
    subjects: ["s.>"],
    retention: "limits",
    storage: "file",
    replicas: 1,
  });
  // The first answer gets lost on its way, which is what an unknown outcome is.
  let lost = 0;
  const forgetful = changedFeed(world, {
    publish: async (...args) => {
      const ack = await world.feed.publish(...args);
      if (lost++ === 0) throw new PartiError("PARTI_TIMEOUT", "the answer is lost");
      return ack;
    },
  });
  const { publish } = publishAgain(forgetful, { tries: 50, pauseMs: 50, pauseMaxMs: 200 });
  assert.deepEqual(await publish("s.1", DATA, { messageId: "a" }), {
    sequence: 1,
    duplicate: true,
  });
  await rig.server.kill();
  const others = ["b", "c", "d"].map((messageId) => publish("s.1", DATA, { messageId }));
  await rig.server.restart();
  const acks = await Promise.all(others);
  assert.deepEqual(acks.map((ack) => ack.sequence).sort(), [2, 3, 4]);
  assert.equal((await world.feed.streamInfo("S")).messages, 4);
});

natsTest(
  "while the server is away no more waits than may, and what waited is stored once, in any order",
  async (rig) => {
    const { world } = await rig.connect();
    await world.feed.ensureStream("S", {
      ...{ subjects: ["s.>"], retention: "limits", storage: "file", replicas: 1 },
    });
    const { publish } = publishAgain(world, {
      ...{ tries: 100, pauseMs: 50, pauseMaxMs: 200, maxWaiting: 20 },
    });
    await rig.server.kill();
    const results = Array.from(
      { length: 50 },
      (_, n) => publish("s.1", DATA, { messageId: `${n}` }),
    );
    const outcomes = Promise.allSettled(results);
    await rig.server.restart();
    const codes = (await outcomes).flatMap((one) =>
      one.status === "rejected" ? [one.reason.code] : []
    );
    assert.deepEqual(codes, Array.from({ length: 30 }, () => "PARTI_OVERLOADED"));
    assert.equal((await world.feed.streamInfo("S")).messages, 20);
  },
);
