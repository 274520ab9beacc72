import assert from "node:assert/strict";
import { PartiError, type PartiErrorCode } from "../errors.ts";
import { changedFeed } from "../test_support/changed_world.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
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
  const sent: unknown[] = [];
  const rooms: Promise<void>[] = [];
  const feed = {
    room: () => rooms.shift(),
    publish: (_subject: string, _data: Uint8Array, how: PublishOptions) => {
      sent.push(how);
      at.push(clock.monotonicMs() - 1_000);
      const answer = answers[Math.min(at.length, answers.length) - 1]!;
      return typeof answer === "string"
        ? Promise.reject(new PartiError(answer, `try ${at.length}`))
        : Promise.resolve(answer);
    },
  };
  const random = { float: () => 1, uuid: () => "unused" };
  const world = { feed, clock, random } as unknown as World;
  return { clock, at, sent, rooms, ...publishAgain(world, options) };
}

const STORED: PublishAck = { sequence: 7, duplicate: false };

Deno.test("it is tried again with growing pauses while nobody answers", async () => {
  const answers = [
    "PARTI_TIMEOUT",
    "PARTI_NO_RESPONDERS",
    "PARTI_DISCONNECTED",
    "PARTI_UNAVAILABLE",
    "PARTI_OVERLOADED",
    STORED,
  ] as const;
  const { clock, at, sent, publish } = publisher([...answers], { pauseMaxMs: 300 });
  const ack = publish("s", DATA, ID);
  await clock.advance(5_000);
  assert.deepEqual(await ack, STORED);
  assert.deepEqual(at, [0, 100, 300, 600, 900, 1_200]);
  assert.deepEqual(sent, answers.map(() => ID), "the same ID each time");
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("after so long the last failure is thrown: unless told otherwise after an election, a restart and a reconnect", async () => {
  const short = publisher(["PARTI_NO_RESPONDERS"], { budgetMs: 700 });
  const failed = assert.rejects(short.publish("s", DATA, ID), { message: "try 3" });
  await short.clock.advance(699);
  await failed;
  assert.deepEqual(short.at, [0, 100, 300]);
  const long = publisher(["PARTI_NO_RESPONDERS"]);
  const late = assert.rejects(long.publish("s", DATA, ID), { code: "PARTI_NO_RESPONDERS" });
  await long.clock.advance(40_000);
  await late;
  const lastMs = long.at.at(-1)!;
  assert.ok(lastMs > 25_000 && lastMs < 30_000, `the last try was after ${lastMs} ms`);
});

Deno.test("a full stream is waited for, unless told otherwise", async () => {
  const patient = publisher(["PARTI_STREAM_FULL", STORED]);
  const ack = patient.publish("s", DATA, ID);
  await patient.clock.advance(100);
  assert.deepEqual(await ack, STORED);
  const other = publisher(["PARTI_STREAM_FULL", STORED], { waitWhenFull: false });
  await assert.rejects(other.publish("s", DATA, ID), { code: "PARTI_STREAM_FULL" });
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

Deno.test("what may have been stored once is unknown, whatever the last try says of itself", async () => {
  const { clock, publish } = publisher(["PARTI_TIMEOUT", "PARTI_DISCONNECTED"], { budgetMs: 500 });
  const failed = assert.rejects(publish("s", DATA, ID), (error: PartiError) => {
    assert.equal(error.code, "PARTI_TIMEOUT");
    assert.equal((error.cause as PartiError).code, "PARTI_DISCONNECTED");
    return true;
  });
  await clock.advance(500);
  await failed;
});

Deno.test("once the signal has fired nothing is published, also of what waits for its turn, and nobody waits for room", async () => {
  const ending = new AbortController();
  const options = { signal: ending.signal, maxInFlight: 1 };
  const { clock, at, publish, room, rooms } = publisher(["PARTI_NO_RESPONDERS"], options);
  rooms.push(new Promise(() => {}));
  const told = room()!;
  const first = assert.rejects(publish("s", DATA, ID), { message: "try 1" });
  const second = assert.rejects(publish("s", DATA, { messageId: "n" }), { code: "PARTI_ABORTED" });
  await clock.advance(10);
  ending.abort();
  await Promise.all([first, second, told]);
  await assert.rejects(publish("s", DATA, ID), { code: "PARTI_ABORTED" });
  assert.equal(at.length, 1);
  assert.equal(room(), undefined);
});

Deno.test("there is room where fewer are under way than may be, tried again or not, and the feed has room", async () => {
  const answers = ["PARTI_NO_RESPONDERS", STORED] as const;
  const { clock, publish, room, rooms } = publisher([...answers], { maxInFlight: 1 });
  assert.equal(room(), undefined);
  const ack = publish("s", DATA, ID);
  let told = 0;
  for (let n = 0; n < 3; n++) void room()!.then(() => told++);
  await clock.advance(99);
  assert.equal(told, 0, "it is between two tries");
  await clock.advance(1);
  assert.deepEqual(await ack, STORED);
  await settle();
  assert.equal(told, 3);
  // The connection goes, and comes back.
  const back = Promise.withResolvers<void>();
  rooms.push(back.promise);
  for (let n = 0; n < 3; n++) void room()!.then(() => told++);
  await settle();
  assert.equal(told, 3);
  back.resolve();
  await settle();
  assert.deepEqual([told, room()], [6, undefined]);
});

Deno.test("bounded are the bytes under way, too", async () => {
  const answers = ["PARTI_NO_RESPONDERS", "PARTI_NO_RESPONDERS", STORED] as const;
  const { clock, at, publish } = publisher([...answers], { maxInFlightBytes: 1_500 });
  const large = new Uint8Array(1_000);
  const acks = ["a", "b", "c"].map((messageId) => publish("s", large, { messageId }));
  await clock.advance(99);
  assert.equal(at.length, 2, "the second goes beyond it, the third waits");
  await clock.advance(1);
  assert.deepEqual(await Promise.all(acks), [STORED, STORED, STORED]);
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
  const { clock, at, publish } = publisher([...answers], { maxInFlight: 1, maxWaiting: 1 });
  const acks = [publish("s", DATA, ID), publish("s", DATA, { messageId: "n" })];
  await clock.advance(1);
  await assert.rejects(publish("s", DATA, { messageId: "o" }), { code: "PARTI_OVERLOADED" });
  assert.equal(at.length, 1, "nothing of it was sent");
  await clock.advance(1_000);
  assert.deepEqual(await Promise.all(acks), [STORED, STORED]);
  assert.deepEqual(await publish("s", DATA, { messageId: "o" }), STORED);
});

Deno.test("what cannot be meant is refused", () => {
  for (
    const options of [
      ...[{ budgetMs: -1 }, { budgetMs: NaN }, { pauseMs: -1 }, { pauseMaxMs: 1 }],
      ...[{ maxWaiting: 0 }, { maxInFlight: 0 }, { maxInFlightBytes: 0 }],
    ]
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
  const { publish } = publishAgain(forgetful, { pauseMs: 50, pauseMaxMs: 200 });
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
      ...{ pauseMs: 50, pauseMaxMs: 200, maxInFlight: 10, maxWaiting: 10 },
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
