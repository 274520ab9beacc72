import assert from "node:assert/strict";
import { decodeJsonObject } from "../codec.ts";
import { PartiError, type PartiErrorCode } from "../errors.ts";
import { probeSubject } from "../names.ts";
import type { Messaging } from "../ports/messaging.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
import { natsTest, until } from "../test_support/rig.ts";
import { plainRandom, timeout } from "./fake_bucket_test.ts";
import { answerProbes, isGone, Prober, type ProberOptions, QUESTION } from "./prober.ts";

const GROUP = "g";
const INTERVAL_MS = 200;
const TIMEOUT_MS = 250;
const GRACE_MS = 100;

/** What a probe of an instance meets. Of a round that meets a silent server or an error nothing is known. */
type Fate = "alive" | "nobody" | "silent" | PartiErrorCode;

function setUp(changes: Partial<ProberOptions> = {}) {
  const clock = new ManualClock();
  const fates = new Map<string, Fate>();
  const sent: string[] = [];
  const gone: string[] = [];
  const misses: string[] = [];
  const unserved = async (subjects: readonly string[], timeoutMs: number) => {
    const nobody: string[] = [];
    let isSilent = false;
    for (const subject of subjects) {
      const instance = subject.slice(probeSubject(GROUP, "").length);
      sent.push(instance);
      const fate = fates.get(instance) ?? "alive";
      if (fate === "nobody") nobody.push(subject);
      else if (fate === "silent") isSilent = true;
      else if (fate !== "alive") throw new PartiError(fate, "planted");
    }
    if (!isSilent) return nobody;
    await new Promise<void>((done) => clock.setTimer(timeoutMs, done));
    throw timeout();
  };
  const options: ProberOptions = {
    group: GROUP,
    clock,
    random: plainRandom(),
    messaging: { unserved } as unknown as Messaging,
    intervalMs: INTERVAL_MS,
    timeoutMs: TIMEOUT_MS,
    graceMs: GRACE_MS,
    budgetPerSecond: 100,
    targets: () => [...fates.keys()],
    onGone: (instance) => void gone.push(instance),
    onMiss: (instance, kind) => void misses.push(`${instance} ${kind}`),
    ...changes,
  };
  return { clock, fates, sent, gone, misses, options, prober: new Prober(options) };
}

Deno.test("an answer is life: no verdict, no miss", async () => {
  const { clock, fates, sent, gone, misses, prober } = setUp();
  fates.set("a", "alive");
  await clock.advance(2_000);
  assert.equal(sent.length, 10, "one probe per round");
  assert.deepEqual([gone, misses], [[], []]);
  prober.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("twice nobody there, a grace apart, is a verdict within interval and grace", async () => {
  const { clock, fates, gone, misses, prober } = setUp();
  fates.set("a", "nobody");
  await clock.advance(INTERVAL_MS);
  assert.deepEqual(gone, [], "once is none");
  await clock.advance(GRACE_MS);
  assert.deepEqual(gone, ["a"]);
  assert.deepEqual(misses, ["a no-responders", "a no-responders"]);
  prober.close();
});

Deno.test("an answer within the grace acquits", async () => {
  const { clock, fates, gone, prober } = setUp();
  fates.set("a", "nobody");
  await clock.advance(INTERVAL_MS);
  fates.set("a", "alive");
  await clock.advance(10 * INTERVAL_MS);
  assert.deepEqual(gone, []);
  prober.close();
});

Deno.test("silence, a refusal and a lost connection of our own are no verdict", async () => {
  for (const fate of ["silent", "PARTI_REFUSED", "PARTI_DISCONNECTED"] as const) {
    const { clock, fates, gone, misses, prober } = setUp();
    fates.set("a", "nobody");
    await clock.advance(INTERVAL_MS);
    fates.set("a", fate);
    await clock.advance(5_000);
    assert.deepEqual(gone, [], fate);
    assert.equal(misses.includes("a timeout"), fate === "silent", fate);
    prober.close();
  }
});

Deno.test("each instance is asked for once at a time, and a grace delays nobody else", async () => {
  const { clock, fates, sent, gone, prober } = setUp({ graceMs: 3 * INTERVAL_MS });
  fates.set("one", "nobody");
  fates.set("other", "alive");
  await clock.advance(INTERVAL_MS);
  fates.set("other", "nobody");
  await clock.advance(INTERVAL_MS);
  assert.deepEqual(sent, ["one", "other", "other"]);
  await clock.advance(2 * INTERVAL_MS);
  assert.deepEqual(gone, ["one"]);
  await clock.advance(INTERVAL_MS);
  assert.deepEqual(gone, ["one", "other"]);
  prober.close();
});

Deno.test("a round that the server does not answer is asked again when its time is over", async () => {
  const { clock, fates, sent, gone, prober } = setUp({ timeoutMs: 2 * INTERVAL_MS });
  fates.set("a", "silent");
  await clock.advance(2 * INTERVAL_MS);
  fates.set("a", "nobody");
  assert.equal(sent.length, 1);
  await clock.advance(2 * INTERVAL_MS);
  assert.deepEqual(gone, ["a"]);
  prober.close();
});

Deno.test("with nobody to probe it rests, and looks again at once when woken", async () => {
  let looks = 0;
  const targets: string[] = [];
  const { clock, sent, prober } = setUp({ targets: () => (looks++, targets) });
  await clock.advance(51 * INTERVAL_MS);
  assert.equal(looks, 3, "after one interval, and after 25 more each time");
  targets.push("a");
  prober.wake();
  prober.wake();
  await clock.advance(INTERVAL_MS);
  assert.deepEqual(sent, ["a"]);
  prober.wake();
  await clock.advance(INTERVAL_MS);
  assert.deepEqual(sent, ["a", "a"], "woken while it is up, it keeps its pace");
  prober.close();
  prober.wake();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a verdict is told once per question, and again while the instance stays a target", async () => {
  const { clock, fates, gone, prober } = setUp({ graceMs: 3 * INTERVAL_MS });
  fates.set("a", "nobody");
  await clock.advance(INTERVAL_MS + 3 * INTERVAL_MS);
  assert.deepEqual(gone, ["a"], "although rounds went by in between");
  await clock.advance(5 * INTERVAL_MS);
  assert.deepEqual(gone, ["a", "a"]);
  fates.delete("a");
  await clock.advance(20 * INTERVAL_MS);
  assert.equal(gone.length, 2, "no target any more, no verdict");
  prober.close();
});

Deno.test("held, nothing is a verdict, not even what began before or ends after", async () => {
  const { clock, fates, gone, prober } = setUp();
  fates.set("a", "nobody");
  await clock.advance(INTERVAL_MS + GRACE_MS / 2);
  prober.hold(1_000);
  await clock.advance(1_000);
  assert.deepEqual(gone, []);
  prober.hold(10);
  await clock.advance(INTERVAL_MS + GRACE_MS + 100);
  assert.deepEqual(gone, ["a"], "afterwards it is judged anew");
  prober.close();
});

Deno.test("held, whoever was seen to be back is excused no longer; the others are", async () => {
  const { clock, fates, gone, prober } = setUp();
  fates.set("back", "alive");
  fates.set("away", "nobody");
  prober.hold(5_000);
  await clock.advance(INTERVAL_MS);
  fates.set("back", "nobody");
  await clock.advance(INTERVAL_MS + GRACE_MS);
  assert.deepEqual(gone, ["back"]);
  // Being seen before another hold proves nothing.
  prober.hold(1_000);
  await clock.advance(1_000);
  assert.deepEqual(gone, ["back"]);
  prober.close();
});

Deno.test("held, who was seen by a question of before the hold is not back", async () => {
  let answer = (_: readonly string[]) => {};
  const asked = new Promise<readonly string[]>((done) => answer = done);
  let questions = 0;
  const { clock, gone, prober } = setUp({
    targets: () => ["a"],
    messaging: {
      unserved: (subjects: readonly string[]) =>
        questions++ === 0 ? asked : Promise.resolve(subjects),
    } as unknown as Messaging,
  });
  await clock.advance(INTERVAL_MS);
  prober.hold(1_000);
  answer([]);
  await clock.advance(1_000);
  assert.ok(questions > 2);
  assert.deepEqual(gone, []);
  prober.close();
});

Deno.test("a shorter hold does not end a longer one", async () => {
  const { clock, fates, gone, prober } = setUp();
  fates.set("a", "nobody");
  prober.hold(5_000);
  prober.hold(1);
  await clock.advance(5_000);
  assert.deepEqual(gone, []);
  prober.close();
});

Deno.test("planted fault: without the hold a reconnect costs a living worker its lease", async () => {
  const { clock, fates, gone, prober } = setUp();
  // For half a second after the server is back the other one is not.
  fates.set("a", "nobody");
  await clock.advance(500);
  fates.set("a", "alive");
  assert.notEqual(gone.length, 0);
  prober.close();
});

Deno.test("a verdict names the lease as it was known at the first miss", async () => {
  let revision = 7;
  const told: unknown[] = [];
  const { clock, fates, prober } = setUp({
    revisionOf: () => revision,
    onGone: (...what) => void told.push(what),
  });
  fates.set("a", "nobody");
  await clock.advance(INTERVAL_MS);
  // It renews while the second question is waited for.
  revision = 8;
  await clock.advance(GRACE_MS);
  assert.deepEqual(told, [["a", 7]]);
  prober.close();
});

Deno.test("more targets than the budget allows stretch the rounds", async () => {
  // What jitter is on average.
  const random = { ...plainRandom(), float: () => 0.5 };
  const { clock, fates, sent, prober } = setUp({ budgetPerSecond: 50, random });
  for (let i = 0; i < 100; i++) fates.set(`i${i}`, "alive");
  await clock.advance(20_500);
  assert.ok(sent.length <= 1_100 && sent.length >= 900, `${sent.length} in 20 s`);
  prober.close();
});

Deno.test("closed at any moment it leaves no timer and says nothing", async () => {
  for (const atMs of [0, 100, INTERVAL_MS, INTERVAL_MS + 50, INTERVAL_MS + GRACE_MS - 1]) {
    const { clock, fates, gone, misses, prober } = setUp();
    fates.set("a", "nobody");
    await clock.advance(atMs);
    const before = misses.length;
    prober.close();
    await settle();
    assert.equal(clock.pendingTimers, 0, `closed after ${atMs} ms`);
    await clock.advance(5_000);
    assert.deepEqual(gone, []);
    assert.equal(misses.length, before);
  }
});

Deno.test("closed while a question is on its way, it does not report the answer", async () => {
  const { clock, fates, misses, prober } = setUp();
  fates.set("a", "silent");
  await clock.advance(INTERVAL_MS + 10);
  prober.close();
  await clock.advance(TIMEOUT_MS);
  assert.deepEqual(misses, []);
});

Deno.test("isGone asks twice, and ends early when told to", async () => {
  const { clock, fates, sent, options, prober } = setUp();
  prober.close();
  fates.set("a", "nobody");
  const verdict = isGone(options, "a");
  await clock.advance(GRACE_MS);
  assert.equal(await verdict, true);
  assert.equal(sent.length, 2);

  const abort = new AbortController();
  const ended = isGone(options, "a", abort.signal);
  await settle();
  abort.abort();
  assert.equal(await ended, false);
  assert.equal(clock.pendingTimers, 0);
  assert.equal(sent.length, 3);
});

natsTest("a worker's death is noticed by its connection, a living one's never", async (rig) => {
  const observer = await rig.connect();
  const [living, dying] = [await rig.connect(), await rig.connect()];
  for (const [instance, { world }] of [["living", living], ["dying", dying]] as const) {
    answerProbes(world.messaging, GROUP, instance, () => ({ instance }));
    await world.messaging.flush(5_000);
  }
  const answer = await observer.world.messaging.request(
    probeSubject(GROUP, "living"),
    QUESTION,
    5_000,
  );
  assert.deepEqual(decodeJsonObject(answer), { instance: "living" });

  const gone: string[] = [];
  const { clock, random, messaging } = observer.world;
  const prober = new Prober({
    group: GROUP,
    clock,
    random,
    messaging,
    intervalMs: 50,
    timeoutMs: 2_000,
    graceMs: 25,
    budgetPerSecond: 1_000,
    targets: () => gone.length === 0 ? ["living", "dying"] : ["living"],
    onGone: (instance) => void gone.push(instance),
  });
  await dying.nc.close();
  await until("the death is noticed", () => gone.length > 0, 30_000);
  assert.deepEqual(gone, ["dying"]);
  const probe = { group: GROUP, clock, messaging, timeoutMs: 2_000, graceMs: 25 };
  assert.equal(await isGone(probe, "dying"), true);
  assert.equal(await isGone(probe, "living"), false);
  prober.close();
});

Deno.test("whoever is suspected is asked for at once, and judged as in a round", async () => {
  const { clock, fates, sent, gone, prober } = setUp({ intervalMs: 10_000 });
  fates.set("a", "nobody");
  fates.set("b", "alive");
  prober.suspect("a");
  prober.suspect("a");
  prober.suspect("b");
  prober.suspect("stranger");
  await clock.advance(GRACE_MS);
  assert.deepEqual(sent, ["a", "b", "a"], "each once at a time, and of strangers nobody asks");
  assert.deepEqual(gone, ["a"]);
  prober.close();
  prober.suspect("b");
  assert.equal(sent.length, 3);
  assert.equal(clock.pendingTimers, 0);
});
