import assert from "node:assert/strict";
import { ConnectionGate } from "./connection_gate.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";

const GRACE_MS = 300;

function rig(confirm: () => Promise<boolean> | undefined) {
  const clock = new ManualClock();
  const messaging = { connected: true };
  const end = new AbortController();
  let asked = 0;
  let away = 0;
  const gate = new ConnectionGate({
    clock,
    messaging,
    confirm: async () => {
      asked++;
      return await confirm() ?? false;
    },
    graceMs: GRACE_MS,
    onAway: () => void away++,
    signal: end.signal,
  });
  return { clock, messaging, end, gate, asked: () => asked, away: () => away };
}

/** Whether somebody who came to the gate has got through, asked at any time. */
function passer(gate: ConnectionGate, signal = new AbortController().signal): () => boolean {
  let through = false;
  const wait = gate.pass(() => signal);
  if (wait === undefined) through = true;
  else void wait.then(() => through = true);
  return () => through;
}

Deno.test("gate: open at first, and nobody has to wait a turn for that", () => {
  const { gate } = rig(() => Promise.resolve(true));
  assert.equal(gate.pass(() => new AbortController().signal), undefined);
});

Deno.test("gate: shut until a renewal has proven the lease, however often the connection went", async () => {
  const proof = Promise.withResolvers<boolean>();
  const { gate, messaging } = rig(() => proof.promise);
  messaging.connected = false;
  gate.shut();
  const first = passer(gate);
  gate.shut();
  await gate.reopen();
  const second = passer(gate);
  assert.deepEqual([first(), second()], [false, false], "there is no connection yet");
  messaging.connected = true;
  const reopening = gate.reopen();
  await settle();
  assert.deepEqual([first(), second()], [false, false], "there is no proof yet");
  proof.resolve(true);
  await reopening;
  await settle();
  assert.deepEqual([first(), second()], [true, true]);
  assert.equal(gate.pass(() => new AbortController().signal), undefined);
});

Deno.test("gate: without proof it asks again until the connection goes or the session ends", async () => {
  let answer = false;
  const { clock, gate, messaging, end, asked } = rig(() => Promise.resolve(answer));
  gate.shut();
  const through = passer(gate);
  let reopening = gate.reopen();
  await clock.advance(250);
  assert.equal(asked(), 3);
  messaging.connected = false;
  await clock.advance(100);
  await reopening;
  assert.equal(asked(), 3);
  messaging.connected = true;
  reopening = gate.reopen();
  await settle();
  end.abort();
  await reopening;
  assert.equal(clock.pendingTimers, 0);
  answer = true;
  await gate.reopen();
  assert.deepEqual([asked(), through()], [4, false]);
});

Deno.test("gate: no lease is no proof", async () => {
  const { clock, gate, end } = rig(() => undefined);
  gate.shut();
  const reopening = gate.reopen();
  await clock.advance(150);
  assert.equal(passer(gate)(), false);
  end.abort();
  await reopening;
});

Deno.test("gate: whoever gives up waiting goes on, and the gate stays shut", async () => {
  const { gate } = rig(() => Promise.resolve(true));
  gate.shut();
  const patience = new AbortController();
  const impatient = passer(gate, patience.signal);
  const patient = passer(gate);
  patience.abort();
  await settle();
  assert.deepEqual([impatient(), patient()], [true, false]);
});

Deno.test("gate: a proof from before the connection went again opens nothing, neither while it is away nor afterwards", async () => {
  for (const isBackBeforeTheProof of [false, true]) {
    const proofs = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()];
    let next = 0;
    const { gate, clock, messaging, asked, away } = rig(() => proofs[next++]!.promise);
    gate.shut();
    const through = passer(gate);
    const reopenings = [gate.reopen()];
    messaging.connected = false;
    gate.shut();
    const reconnect = () => {
      messaging.connected = true;
      reopenings.push(gate.reopen());
    };
    if (isBackBeforeTheProof) reconnect();
    proofs[0]!.resolve(true);
    await settle();
    assert.equal(through(), false);
    if (!isBackBeforeTheProof) {
      await clock.advance(GRACE_MS);
      assert.equal(away(), 1, "the second time it goes has a grace of its own");
      reconnect();
    }
    proofs[1]!.resolve(true);
    await Promise.all(reopenings);
    await settle();
    assert.deepEqual([asked(), through(), clock.pendingTimers], [2, true, 0]);
  }
});

Deno.test("gate: a proof that arrives before it is told that the connection has gone opens nothing", async () => {
  const proof = Promise.withResolvers<boolean>();
  const { gate, messaging } = rig(() => proof.promise);
  gate.shut();
  const through = passer(gate);
  const reopening = gate.reopen();
  messaging.connected = false;
  proof.resolve(true);
  await reopening;
  await settle();
  assert.equal(through(), false);
});

Deno.test("gate: whoever is through is stopped once the connection has been away for the grace, and once only", async () => {
  const { clock, gate, messaging, away } = rig(() => Promise.resolve(true));
  messaging.connected = false;
  gate.shut();
  await clock.advance(GRACE_MS - 1);
  assert.equal(away(), 0);
  // Said again, as when the connection is closed for good: the grace goes on.
  gate.shut();
  await clock.advance(1);
  assert.equal(away(), 1);
  await clock.advance(10 * GRACE_MS);
  assert.equal(away(), 1);
  messaging.connected = true;
  await gate.reopen();
  gate.shut();
  await clock.advance(GRACE_MS);
  assert.equal(away(), 2, "the next time it goes has a grace of its own");
});

Deno.test("gate: a connection that comes back for moments, without a proof, is away all the time", async () => {
  const { clock, gate, messaging, end, away } = rig(() => Promise.resolve(false));
  messaging.connected = false;
  for (let ms = 0; ms < GRACE_MS; ms += 100) {
    gate.shut();
    await clock.advance(90);
    messaging.connected = true;
    const reopening = gate.reopen();
    await clock.advance(10);
    messaging.connected = false;
    void reopening;
  }
  gate.shut();
  await settle();
  assert.equal(away(), 1);
  end.abort();
});

Deno.test("gate: back within the grace nobody is stopped; nor after the end of the session", async () => {
  const { clock, gate, messaging, end, away } = rig(() => Promise.resolve(true));
  messaging.connected = false;
  gate.shut();
  await clock.advance(GRACE_MS - 1);
  messaging.connected = true;
  await gate.reopen();
  await clock.advance(10 * GRACE_MS);
  gate.shut();
  end.abort();
  assert.equal(clock.pendingTimers, 0);
  gate.shut();
  assert.equal(clock.pendingTimers, 0);
  assert.equal(away(), 0);
});
