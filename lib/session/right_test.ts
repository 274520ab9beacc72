import assert from "node:assert/strict";
import { Right } from "./right.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";

const GRACE_MS = 300;

/** A right whose lease and lanes are as the test says, and what was asked and done in which order. */
function rig() {
  const clock = new ManualClock();
  const messaging = { connected: true };
  const end = new AbortController();
  const log: string[] = [];
  const is = { claimed: true, valid: true, confirmed: true, misbehaving: false };
  const lease = {
    get valid() {
      return is.valid;
    },
    confirm: () => {
      log.push("lease");
      return Promise.resolve(is.confirmed);
    },
  };
  const right = new Right({
    world: {
      clock,
      messaging: messaging as never,
      buggify: (site) => site === "proof-lost" && is.misbehaving,
    },
    graceMs: GRACE_MS,
    lease: () => is.claimed ? lease : undefined,
    consumer: () => ({
      reconnected: () => {
        log.push("lanes");
        return Promise.resolve();
      },
      interrupt: () => void log.push("interrupt"),
    }),
    events: { onProgress: () => void log.push("progress") },
    reread: () => void log.push("reread"),
    signal: end.signal,
  });
  return { clock, messaging, end, log, is, right };
}

/** Whether something may be begun at once. */
function isOpen(right: Right): boolean {
  return right.mayBegin(() => AbortSignal.abort()) === undefined;
}

Deno.test("right: a lease in force, for as long as the session lasts", () => {
  const { right, is, end } = rig();
  assert.equal(right.mayAct(), true);
  is.claimed = false;
  assert.equal(right.mayAct(), false);
  is.claimed = true;
  is.valid = false;
  assert.equal(right.mayAct(), false);
  is.valid = true;
  end.abort();
  assert.equal(right.mayAct(), false);
});

Deno.test("right: after a disconnect nothing is begun before the lease is proven, then the lanes", async () => {
  const { right, messaging, log } = rig();
  assert.equal(isOpen(right), true);
  messaging.connected = false;
  right.disconnected();
  assert.deepEqual([isOpen(right), right.mayAct()], [false, true], "what runs may go on");
  messaging.connected = true;
  await right.reconnected();
  assert.deepEqual([isOpen(right), log], [true, ["lease", "lanes"]]);
});

Deno.test("right: no proof, no lease, or one that ended while the lanes were looked at: nothing is begun", async () => {
  for (const flaw of ["confirmed", "claimed", "valid", "misbehaving"] as const) {
    const { right, is, end } = rig();
    is[flaw] = flaw === "misbehaving";
    right.disconnected();
    const proving = right.reconnected();
    await settle();
    assert.equal(isOpen(right), false, flaw);
    end.abort();
    await proving;
  }
});

Deno.test("right: away for the grace, what runs is interrupted", async () => {
  const { right, clock, log } = rig();
  right.disconnected();
  await clock.advance(GRACE_MS);
  assert.deepEqual(log, ["interrupt"]);
});

Deno.test("right: that somebody newer has written shows in the state, and the assignment is read again", () => {
  const { right, log } = rig();
  right.onOutranked();
  assert.deepEqual(log, ["progress", "reread"]);
});

Deno.test("right: whoever is behind reads the assignment again", () => {
  const { right, log } = rig();
  right.onBehind();
  assert.deepEqual(log, ["reread"]);
});
