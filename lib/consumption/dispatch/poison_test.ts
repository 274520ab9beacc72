import assert from "node:assert/strict";
import { isPartiError, PartiError, type PartiErrorCode } from "../../errors.ts";
import type { PublishOptions } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import { noConsumptionEvents } from "../events.ts";
import { fakeLane, FakeMessage, slots } from "../fakes_test.ts";
import { settlePoison } from "./poison.ts";
import { Run } from "./run.ts";
import { testConfig } from "../team_test.ts";

/** What every letter of these tests says. */
const OWN = {
  "Parti-Reason": "it is broken",
  "Parti-Subject": "feed.a",
  "Parti-Stream": "feed",
  "Parti-Stream-Sequence": "7",
  "Parti-Group": "g",
  "Parti-Worker": "w",
};

function poison(headers: Readonly<Record<string, string>> = {}): FakeMessage {
  const message = new FakeMessage("a", 7, 1, 1, 1_234.5);
  message.headers = headers;
  message.data = new TextEncoder().encode("cannot be read");
  return message;
}

function rig(onPoison: "dead-letter" | "stop", message = poison()) {
  const [slot] = slots("a");
  const { lane } = fakeLane([slot!]);
  slot!.take(message, lane);
  const run = new Run(slot!, slot!.next(), { worker: "w", instance: "i" }, false);
  slot!.running = run;
  const clock = new ManualClock();
  const published: { subject: string; data: string; options: PublishOptions }[] = [];
  const errors: unknown[] = [];
  const state = { fails: 0, failure: "PARTI_NO_RESPONDERS" as PartiErrorCode, mayAct: true };
  const feed = {
    publish: (subject: string, data: Uint8Array, options: PublishOptions) => {
      published.push({ subject, data: new TextDecoder().decode(data), options });
      if (state.fails-- > 0) return Promise.reject(new PartiError(state.failure, "no"));
      return Promise.resolve({ sequence: 1, duplicate: false });
    },
  } as Partial<World["feed"]> as World["feed"];
  const outcome = () =>
    settlePoison(
      {
        world: { feed, clock, random: { float: () => 1, uuid: () => "" } },
        config: testConfig({ onPoison, retryMaxMs: 1_000 }),
        owner: { group: "g", worker: "w", instance: "i" },
        operationTimeoutMs: 100,
        events: { ...noConsumptionEvents, error: (error) => errors.push(error) },
        mayAct: () => state.mayAct,
      },
      slot!,
      run,
      new Error("it is\r\nbroken"),
    );
  return { slot: slot!, clock, published, errors, state, outcome };
}

Deno.test("a dead letter says whence it is and why, and is stored once however often it is sent", async () => {
  const { outcome, published } = rig("dead-letter");
  assert.equal(await outcome(), "done");
  assert.equal(published.length, 1);
  assert.equal(published[0]!.subject, "dead.a");
  assert.equal(published[0]!.options.messageId, "dead:feed:7:1234.5");
  assert.equal(published[0]!.data, "cannot be read");
  assert.deepEqual(published[0]!.options.headers, OWN);
});

Deno.test("a dead letter has its message's headers, without those that NATS reads and below its own", async () => {
  const headers = {
    "Trace-Id": "42",
    "Nats-Msg-Id": "m",
    "Nats-Rollup": "all",
    "nats-ttl": "1s",
    "Parti-Reason": "of another group, earlier",
  };
  const { outcome, published } = rig("dead-letter", poison(headers));
  assert.equal(await outcome(), "done");
  assert.deepEqual(published[0]!.options.headers, { "Trace-Id": "42", ...OWN });
});

Deno.test("a dead letter that is too large goes without its message's headers, and then without the data, which somebody is told", async () => {
  const { outcome, published, state, errors } = rig("dead-letter", poison({ "Trace-Id": "42" }));
  state.failure = "PARTI_TOO_LARGE";
  state.fails = 1;
  assert.equal(await outcome(), "done");
  assert.deepEqual(published[1]!.options.headers, { "Parti-Left-Out": "headers", ...OWN });
  assert.deepEqual([published.length, published[1]!.data, errors], [2, "cannot be read", []]);

  state.fails = 2;
  assert.equal(await outcome(), "done");
  assert.equal(published.length, 5);
  assert.deepEqual(published[4]!.options.headers, {
    "Parti-Left-Out": "headers and data",
    "Parti-Data-Bytes": "14",
    ...OWN,
  });
  assert.equal(published[4]!.data, "");
  assert.equal(new Set(published.map(({ options }) => options.messageId)).size, 1);
  const [error] = errors;
  assert.ok(isPartiError(error, "PARTI_TOO_LARGE"));
  assert.match(error.message, /sequence 7 of partition a.*14 bytes/);
  assert.equal(error.value, 14);
});

Deno.test("a dead letter that is too large even so blocks its partition until it is not", async () => {
  const { outcome, published, state, errors, slot, clock } = rig("dead-letter");
  state.failure = "PARTI_TOO_LARGE";
  state.fails = 3;
  const result = outcome();
  await settle();
  assert.deepEqual([slot.blocked, published.length, errors.length], [true, 3, 1]);
  await clock.advance(1_000);
  assert.equal(await result, "done");
});

Deno.test("a dead letter whose message has headers that cannot be read goes without them", async () => {
  const message = poison();
  Object.defineProperty(message, "headers", {
    get: () => {
      throw new PartiError("PARTI_REFUSED", "not a valid character in a header name");
    },
  });
  const { outcome, published, errors } = rig("dead-letter", message);
  assert.equal(await outcome(), "done");
  assert.deepEqual(published.map(({ options }) => options.headers), [
    { "Parti-Left-Out": "headers", ...OWN },
  ]);
  assert.deepEqual(errors, []);
});

Deno.test("a dead letter that no stream takes blocks its partition until one does; nothing is lost", async () => {
  const { outcome, published, errors, state, slot, clock } = rig("dead-letter");
  state.fails = 3;
  let settled: string | undefined;
  void outcome().then((result) => settled = result);
  await settle();
  assert.deepEqual([settled, slot.blocked, errors.length], [undefined, true, 1]);
  await clock.advance(3_000);
  assert.deepEqual([settled, slot.blocked, errors.length], ["done", false, 3]);
  assert.equal(published.length, 4);
});

Deno.test("a blocked partition can move on, and its worker can end", async () => {
  for (const end of ["moves", "aborted", "lease"] as const) {
    const { outcome, state, slot, clock } = rig("dead-letter");
    state.fails = Infinity;
    const result = outcome();
    await settle();
    if (end === "moves") slot.wanted = false;
    else if (end === "lease") state.mayAct = false;
    else slot.abort(new PartiError("PARTI_ABORTED", "over"));
    if (end === "lease") await clock.advance(1_000);
    assert.equal(await result, "abandoned", end);
    assert.equal(clock.pendingTimers, 0);
  }
});

Deno.test("a partition that is to move while its dead letter is refused is not paused for", async () => {
  const { outcome, state, slot, clock } = rig("dead-letter");
  state.fails = Infinity;
  const result = outcome();
  slot.wanted = false;
  assert.equal(await result, "abandoned");
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("with `stop` nothing is published", async () => {
  const { outcome, published } = rig("stop");
  assert.equal(await outcome(), "stopped");
  assert.equal(published.length, 0);
});
