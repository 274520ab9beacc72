import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import type { PublishOptions } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import { noConsumptionEvents } from "../events.ts";
import { fakeLane, FakeMessage, slots } from "../fakes_test.ts";
import { settlePoison } from "./poison.ts";
import { Run } from "./run.ts";
import { testConfig } from "../team_test.ts";

function rig(onPoison: "dead-letter" | "stop") {
  const [slot] = slots("a");
  const { lane } = fakeLane([slot!]);
  slot!.take(new FakeMessage("a", 7, 1, 1, 1_234.5), lane);
  const run = new Run(slot!, slot!.next(), { worker: "w", instance: "i" }, false);
  slot!.running = run;
  const clock = new ManualClock();
  const published: { subject: string; options: PublishOptions }[] = [];
  const errors: unknown[] = [];
  const state = { fails: 0, mayAct: true };
  const feed = {
    publish: (subject: string, _data: Uint8Array, options: PublishOptions) => {
      published.push({ subject, options });
      if (state.fails-- > 0) return Promise.reject(new PartiError("PARTI_NO_RESPONDERS", "none"));
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
  assert.deepEqual(published[0]!.options.headers, {
    "Parti-Reason": "it is broken",
    "Parti-Subject": "feed.a",
    "Parti-Stream": "feed",
    "Parti-Stream-Sequence": "7",
    "Parti-Group": "g",
    "Parti-Worker": "w",
  });
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
